#include "runtime/src/crash_report.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <span>
#include <string>

#include "core/clock.h"
#include "core/log_scope.h"
#include "runtime/src/error_json.h"
#include "runtime/src/error_post.h"
#include "runtime/src/stack_trace.h"
#include "runtime/src/symbol_names.h"

namespace mayfly::runtime {
namespace {

constexpr std::size_t kSignalStackBytes = 256 * 1024;
constexpr unsigned kPatienceSeconds = 2;
constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// JSON in a space of its own; what does not fit is left out.
template <std::size_t Size>
class Text {
 public:
  void clear() { size_ = 0; }
  std::size_t room() const { return Size - size_; }
  std::string_view view() const { return {bytes_.data(), size_}; }

  Text& append(std::string_view part) {
    size_ += part.copy(bytes_.data() + size_, room());
    return *this;
  }
  Text& append_hex(std::uintptr_t number) {
    char digits[20];
    return append("0x").append({digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr});
  }
  // The inside of a JSON string. Nothing but ASCII is expected here.
  Text& append_inside(std::string_view text) {
    for (char c : text) {
      if (c == '"' || c == '\\') append("\\");
      append(c >= ' ' && c < 0x7f ? std::string_view(&c, 1) : "?");
    }
    return *this;
  }

 private:
  std::array<char, Size> bytes_{};
  std::size_t size_ = 0;
};

enum class Step : int { walk, name_frames, print_frames, print_none, write_line, post, die };

struct Report {
  std::atomic<pid_t> process = 0;  // 0: nothing is reported
  std::atomic<bool> past_init = false;
  ErrorPost post{};

  std::atomic<pid_t> owner = 0;  // the thread whose crash is being reported
  volatile Step step = Step::walk;
  int signal = 0;
  std::string_view type;
  Text<256> message;
  Frames frames{};
  Text<24 * 1024> json;
};

constinit Report report;
alignas(16) constinit std::array<char, kSignalStackBytes> stack_of_main{};

struct Kind {
  std::string_view type, message;
};

Kind kind_of(const siginfo_t& info, std::uintptr_t stack_pointer) {
  auto address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  constexpr std::uintptr_t kNear = 64 * 1024;
  switch (info.si_signo) {
    case SIGSEGV:
      // What is at the stack pointer is not mapped: a frame found no room.
      if (info.si_code > 0 && address + kNear > stack_pointer && address < stack_pointer + kNear) {
        return {"Function.StackOverflow", "stack overflow (SIGSEGV)"};
      }
      return {"Function.SegmentationFault", "segmentation fault (SIGSEGV)"};
    case SIGBUS: return {"Function.BusError", "bus error (SIGBUS)"};
    case SIGFPE:
      return {"Function.ArithmeticError", info.si_code == FPE_INTDIV
                                              ? "integer division by zero, or its result is too large (SIGFPE)"
                                              : "arithmetic error (SIGFPE)"};
    case SIGILL: return {"Function.IllegalInstruction", "illegal instruction (SIGILL)"};
    case SIGABRT: return {"Function.Abort", "abort (SIGABRT)"};
  }
  return {"Function.Crash", "crash"};
}

std::uintptr_t stack_pointer(const ucontext_t& context) {
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return context.uc_mcontext.sp;
#endif
}

// The instruction that the signal has met. A call through a bad pointer has left
// none to unwind from: the frame is then put back to where the call was made, in
// the place from which the unwinder reads it.
std::uintptr_t instruction(ucontext_t& context) {
#if defined(__x86_64__)
  auto& registers = context.uc_mcontext.gregs;
  if (!is_code(static_cast<std::uintptr_t>(registers[REG_RIP]))) {
    auto* return_address = reinterpret_cast<const std::uintptr_t*>(registers[REG_RSP]);
    registers[REG_RIP] = static_cast<greg_t>(*return_address - 1);
    registers[REG_RSP] += static_cast<greg_t>(sizeof *return_address);
  }
  return static_cast<std::uintptr_t>(registers[REG_RIP]);
#elif defined(__aarch64__)
  auto& registers = context.uc_mcontext;
  if (!is_code(registers.pc)) registers.pc = registers.regs[30] - 4;
  return registers.pc;
#endif
}

// The error's JSON, into report.json. `text_of`: a frame's text, in the space given.
template <class F>
void write_json(F text_of) {
  auto& json = report.json;
  json.clear();
  json.append(R"({"errorMessage":")").append(report.message.view());
  json.append(R"(","errorType":")").append(report.type).append(R"(","stackTrace":[)");
  for (std::size_t i = 0; i < report.frames.size && json.room() > 2 * kMaxFrameBytes + 16; ++i) {
    std::array<char, kMaxFrameBytes> space;
    std::string_view frame = text_of(report.frames.at[i], space);
    if (i > 0 && is_runtime_frame(frame)) break;
    json.append(i == 0 ? "\"" : ",\"").append_inside(frame).append("\"");
  }
  json.append("]}");
}

using Space = std::span<char, kMaxFrameBytes>;
std::string_view name_of(std::uintptr_t address, Space space) { return frame_text(address, space, true); }
std::string_view number_of(std::uintptr_t address, Space space) {
  Text<20> text;
  text.append_hex(address);
  return {space.data(), text.view().copy(space.data(), space.size())};
}

void write_whole(std::string_view first, std::string_view second, std::string_view third) {
  iovec parts[] = {{const_cast<char*>(first.data()), first.size()},
                   {const_cast<char*>(second.data()), second.size()},
                   {const_cast<char*>(third.data()), third.size()}};
  std::span<iovec> left(parts);
  while (!left.empty()) {
    ssize_t n = writev(STDERR_FILENO, left.data(), static_cast<int>(left.size()));
    if (n < 0 && errno != EINTR) return;
    for (auto taken = static_cast<std::size_t>(std::max<ssize_t>(n, 0)); !left.empty();) {
      auto of_this = std::min(left[0].iov_len, taken);
      left[0].iov_base = static_cast<char*>(left[0].iov_base) + of_this;
      left[0].iov_len -= of_this;
      taken -= of_this;
      if (left[0].iov_len > 0) break;
      left = left.subspan(1);
    }
  }
}

// `error_json` as a line of the log: its members behind ours.
void write_line(std::string_view message, std::string_view error_json) {
  char time[core::kRfc3339Size];
  core::write_rfc3339(core::wall_now(), time);
  auto invocation = core::log_invocation_unlocked();
  Text<1'500> head;
  head.append(R"({"timestamp":")").append({time, sizeof time}).append(R"(","level":"FATAL",)");
  if (auto id = invocation.request_id.view(); !id.empty()) {
    head.append(R"("requestId":")").append_inside(id).append("\",");
  }
  if (auto id = invocation.tenant_id.view(); !id.empty()) {
    head.append(R"("tenantId":")").append_inside(id).append("\",");
  }
  head.append(R"("message":")").append(message).append("\",");
  write_whole(head.view(), error_json.substr(1), "\n");
}

[[noreturn]] void die_of(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, signal);
  pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
  raise(signal);
  _exit(128 + signal);
}

// True when this thread is the one that reports. Others wait for the end of the
// process, which is near.
void become_owner() {
  pid_t me = gettid(), nobody = 0;
  if (!report.owner.compare_exchange_strong(nobody, me) && nobody != me) {
    for (;;) pause();
  }
}

void limit_time() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGALRM, &action, nullptr);
  alarm(kPatienceSeconds);
}

// The step that is tried, and in `step` the one that follows, which a fault in
// this one comes back to.
bool try_step(Step step, Step next) {
  if (report.step != step) return false;
  report.step = next;
  return true;
}

void on_fault(int signal, siginfo_t* info, void* context) {
  if (getpid() != report.process) die_of(signal);  // a child of the function
  become_owner();
  if (try_step(Step::walk, Step::name_frames)) {
    limit_time();
    report.signal = signal;
    auto& at = *static_cast<ucontext_t*>(context);
    auto kind = kind_of(*info, stack_pointer(at));
    report.type = kind.type;
    report.message.append(kind.message);
    if (signal != SIGABRT && info->si_code > 0) {
      report.message.append(" at address ").append_hex(reinterpret_cast<std::uintptr_t>(info->si_addr));
    }
    walk_stack(instruction(at), report.frames);
  }
  if (try_step(Step::name_frames, Step::print_frames)) {
    write_json(name_of);
    report.step = Step::write_line;
  }
  if (try_step(Step::print_frames, Step::print_none)) {
    write_json(number_of);
    report.step = Step::write_line;
  }
  if (try_step(Step::print_none, Step::die)) {
    report.frames.size = 0;
    write_json(number_of);
    report.step = Step::write_line;
  }
  if (try_step(Step::write_line, Step::post)) write_line("the function has crashed", report.json.view());
  if (try_step(Step::post, Step::die)) post_error_apart(report.type, report.json.view());
  die_of(report.signal);
}

// No signal, so that memory may be taken: what() and nested causes are asked.
[[noreturn]] void on_terminate() {
  if (getpid() != report.process) die_of(SIGABRT);
  become_owner();
  limit_time();
  ErrorReport error;
  bool thrown = std::current_exception() != nullptr;
  if (thrown) {
    error = current_exception_report();
  } else {
    error = {"Function.Terminate", "std::terminate without an exception", stack_from(__builtin_return_address(0))};
  }
  auto json = error_json(error);
  report.signal = SIGABRT;
  report.step = Step::die;  // a fault from here on has had its line
  write_line(thrown ? "an exception was not caught" : "the function has crashed", json);
  post_error_apart(error.type, json);
  die_of(SIGABRT);
}

}  // namespace

SignalStack::SignalStack() : memory_(nullptr) {
  stack_t none{};
  if (sigaltstack(nullptr, &before_) != 0 || !(before_.ss_flags & SS_DISABLE)) return;
  bool main = getpid() == gettid();
  memory_ = main ? stack_of_main.data()
                 : mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);
  if (memory_ == MAP_FAILED) {
    memory_ = nullptr;
    return;
  }
  none.ss_sp = memory_;
  none.ss_size = kSignalStackBytes;
  sigaltstack(&none, nullptr);
}

SignalStack::~SignalStack() {
  if (!memory_) return;
  sigaltstack(&before_, nullptr);
  if (memory_ != stack_of_main.data()) munmap(memory_, kSignalStackBytes);
}

CrashReports::CrashReports(const core::Origin& origin) : terminate_before_(std::get_terminate()) {
  report.post.to(origin);
  report.past_init = false;
  report.process = getpid();
  struct sigaction action {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigfillset(&action.sa_mask);
  sigdelset(&action.sa_mask, SIGALRM);
  for (int signal : kSignals) sigdelset(&action.sa_mask, signal);
  for (int signal : kSignals) {
    struct sigaction before;
    sigaction(signal, &action, &before);
    if (before.sa_handler != SIG_DFL) sigaction(signal, &before, nullptr);
  }
  if (terminate_before_ == &__gnu_cxx::__verbose_terminate_handler) std::set_terminate(&on_terminate);
}

CrashReports::~CrashReports() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal : kSignals) {
    struct sigaction now;
    sigaction(signal, nullptr, &now);
    if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == &on_fault) sigaction(signal, &action, nullptr);
  }
  if (std::get_terminate() == &on_terminate) std::set_terminate(terminate_before_);
  report.process = 0;
}

void CrashReports::init_is_over() { report.past_init = true; }

bool post_error_apart(std::string_view error_type, std::string_view error_json) {
  if (report.process != getpid()) return false;
  auto request_id = core::log_invocation_unlocked().request_id;
  if (request_id.view().empty() && report.past_init) return false;
  return report.post.post(request_id.view(), error_type, error_json);
}

}  // namespace mayfly::runtime
