#include "runtime/src/stack_trace.h"

#include <cxxabi.h>
#include <unwind.h>

#include <cstring>
#include <exception>
#include <typeinfo>

#include "runtime/src/symbol_names.h"

namespace mayfly::runtime {
namespace {

struct Trace {
  const void* exception = nullptr;
  const std::type_info* type = nullptr;
  Frames frames;
};

// A handler may catch exceptions of its own, also while another one is on its
// way, so the last few are kept.
constexpr std::size_t kTraces = 4;
thread_local std::array<Trace, kTraces> traces;
thread_local std::size_t next_trace = 0;

struct Walk {
  std::uintptr_t from;
  Frames& frames;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* to) {
  auto& walk = *static_cast<Walk*>(to);
  int is_signal_frame = 0;
  std::uintptr_t address = _Unwind_GetIPInfo(context, &is_signal_frame);
  // Frames of our own come first; how many depends on what was inlined.
  if (walk.frames.size == 0 && address != walk.from) return _URC_NO_REASON;
  if (walk.frames.size == walk.frames.at.size() || address == 0) return _URC_END_OF_STACK;
  // The address behind a call may belong to the next function already.
  walk.frames.at[walk.frames.size++] = is_signal_frame ? address : address - 1;
  return _URC_NO_REASON;
}

void note_throw(const void* exception, const std::type_info* type, const void* thrower) {
  Trace& trace = traces[next_trace];
  next_trace = (next_trace + 1) % kTraces;
  trace.exception = exception;
  trace.type = type;
  walk_stack(reinterpret_cast<std::uintptr_t>(thrower), trace.frames);
}

// An exception that is made and not thrown, at an address where one was thrown before.
void forget(const void* exception) {
  for (auto& trace : traces) {
    if (trace.exception == exception) trace.exception = nullptr;
  }
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

std::vector<std::string> texts_of(const Frames& frames) {
  std::vector<std::string> texts;
  char text[kMaxFrameBytes];
  for (std::size_t i = 0; i < frames.size; ++i) {
    auto frame = frame_text(frames.at[i], text);
    bool ours = is_runtime_frame(frame);
    // A small handler is inlined into the frame that calls it: the only trace of it.
    if (!ours || texts.empty()) texts.emplace_back(frame);
    if (ours) break;
  }
  return texts;
}

}  // namespace

void walk_stack(std::uintptr_t from, Frames& frames) {
  frames.size = 0;
  Walk walk{from, frames};
  _Unwind_Backtrace(&add_frame, &walk);
}

bool is_runtime_frame(std::string_view frame) {
  constexpr std::string_view kOurs = "mayfly::runtime::";
  constexpr std::string_view kMangled = "_ZN6mayfly7runtime";
  auto at = frame.find(kOurs);
  auto parenthesis = frame.find('(');
  return frame.starts_with(kMangled) || (at != frame.npos && (parenthesis == frame.npos || at < parenthesis));
}

std::vector<std::string> current_exception_stack() {
  const Trace* trace = trace_of(current_exception_object(), abi::__cxa_current_exception_type());
  return trace ? texts_of(trace->frames) : std::vector<std::string>();
}

std::vector<std::string> stack_from(const void* return_address) {
  Frames frames;
  walk_stack(reinterpret_cast<std::uintptr_t>(return_address), frames);
  return texts_of(frames);
}

}  // namespace mayfly::runtime

extern "C" {
[[noreturn]] void __real___cxa_throw(void* exception, std::type_info* type, void (*destroy)(void*));
[[noreturn, gnu::noinline]] void __wrap___cxa_throw(void* exception, std::type_info* type, void (*destroy)(void*)) {
  mayfly::runtime::note_throw(exception, type, __builtin_return_address(0));
  __real___cxa_throw(exception, type, destroy);
}

// Called by the code of std::make_exception_ptr().
void* __real___cxa_init_primary_exception(void* exception, std::type_info* type, void (*destroy)(void*)) noexcept;
void* __wrap___cxa_init_primary_exception(void* exception, std::type_info* type, void (*destroy)(void*)) noexcept {
  mayfly::runtime::forget(exception);
  return __real___cxa_init_primary_exception(exception, type, destroy);
}
}
