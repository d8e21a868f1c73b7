#include "runtime/src/stack_trace.h"

#include <cxxabi.h>
#include <unwind.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <typeinfo>

#include "runtime/src/symbol_names.h"

namespace mayfly::runtime {
namespace {

constexpr std::size_t kMaxFrames = 32;

struct Trace {
  const void* exception = nullptr;
  const std::type_info* type = nullptr;
  std::uintptr_t thrower = 0;  // the address behind its call of __cxa_throw
  std::size_t size = 0;
  std::array<std::uintptr_t, kMaxFrames> frames;
};

// A handler may catch exceptions of its own, also while another one is on its
// way, so the last few are kept.
constexpr std::size_t kTraces = 4;
thread_local std::array<Trace, kTraces> traces;
thread_local std::size_t next_trace = 0;

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* to) {
  auto& trace = *static_cast<Trace*>(to);
  std::uintptr_t address = _Unwind_GetIP(context);
  // Frames of our own come first; how many depends on what was inlined.
  if (trace.size == 0 && address != trace.thrower) return _URC_NO_REASON;
  if (trace.size == kMaxFrames) return _URC_END_OF_STACK;
  // The address behind a call may belong to the next function already.
  trace.frames[trace.size++] = address - 1;
  return _URC_NO_REASON;
}

void capture(const void* exception, const std::type_info* type, const void* thrower) {
  Trace& trace = traces[next_trace];
  next_trace = (next_trace + 1) % kTraces;
  trace.exception = exception;
  trace.type = type;
  trace.thrower = reinterpret_cast<std::uintptr_t>(thrower);
  trace.size = 0;
  _Unwind_Backtrace(&add_frame, &trace);
}

// The object that was thrown: all that an exception_ptr holds.
const void* current_exception_object() {
  std::exception_ptr current = std::current_exception();
  static_assert(sizeof current == sizeof(void*));
  const void* object;
  std::memcpy(&object, &current, sizeof object);  // NOLINT(bugprone-undefined-memory-manipulation)
  return object;
}

// From the newest: an older one may have been at the same address. The newest
// may have been, too, when no throw of this one was seen: then its type tells.
const Trace* trace_of(const void* exception, const std::type_info* type) {
  for (std::size_t i = 1; i <= kTraces; ++i) {
    const Trace& trace = traces[(next_trace + kTraces - i) % kTraces];
    if (!exception || trace.exception != exception) continue;
    return type && trace.type && *trace.type == *type ? &trace : nullptr;
  }
  return nullptr;
}

// Frames from here outwards are ours, then main's: the same for every handler.
bool is_runtime_frame(const std::string& name) {
  constexpr std::string_view kOurs = "mayfly::runtime::";
  auto at = name.find(kOurs);
  auto parenthesis = name.find('(');
  return at != name.npos && (parenthesis == name.npos || at < parenthesis);
}

}  // namespace

std::vector<std::string> current_exception_stack() {
  std::vector<std::string> names;
  const Trace* trace = trace_of(current_exception_object(), abi::__cxa_current_exception_type());
  if (!trace) return names;
  SymbolNames symbols;
  for (std::size_t i = 0; i < trace->size; ++i) {
    std::string name = symbols.name_of(trace->frames[i]);
    bool ours = is_runtime_frame(name);
    // A small handler is inlined into the frame that calls it: the only trace of it.
    if (!ours || names.empty()) names.push_back(std::move(name));
    if (ours) break;
  }
  return names;
}

}  // namespace mayfly::runtime

extern "C" {
[[noreturn]] void __real___cxa_throw(void* exception, std::type_info* type, void (*destroy)(void*));
[[noreturn, gnu::noinline]] void __wrap___cxa_throw(void* exception, std::type_info* type, void (*destroy)(void*)) {
  mayfly::runtime::capture(exception, type, __builtin_return_address(0));
  __real___cxa_throw(exception, type, destroy);
}
}
