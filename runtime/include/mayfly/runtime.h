// A Lambda function in C++:
//
//   #include <mayfly/runtime.h>
//
//   struct Order { std::string_view id; int quantity; };
//   struct Receipt { std::string_view order; double total; };
//
//   Receipt price(const Order& order) {
//     if (order.quantity < 1) throw mayfly::Error("Order.Invalid", "quantity must be positive");
//     return {order.id, 9.5 * order.quantity};
//   }
//   int main() { return mayfly::run(price); }
//
// The signature decides:
//
// | event       | (nothing), std::string_view or std::string: its bytes as they are, also     |
// |             | std::span<const std::byte> and std::vector<std::byte>; anything else: JSON, |
// |             | see <mayfly/json/typed.h>. Views in it live as long as the invocation.      |
// | context     | (nothing), or mayfly::Context& behind the event                             |
// | writer      | (nothing), or mayfly::Writer& at the end, for a response that is streamed:  |
// |             | <mayfly/stream.h>                                                           |
// | result      | void and an empty std::optional: `null`; bytes in the forms of an event: as |
// |             | they are, which should be JSON; anything else: as JSON                      |
// | failure     | mayfly::Result<T>, or any exception                                         |
//
// An event that does not fit is answered with the error Runtime.UnmarshalError, a
// result that JSON cannot say (NaN, text that is not UTF-8) with
// Runtime.MarshalError; both name the JSON path.
//
// run() returns the exit code of main(): 0 when Lambda ended the environment, 1
// when something was wrong that a line on standard error names.

#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/exception.h>
#include <mayfly/result.h>
#include <mayfly/runtime/handler.h>

namespace mayfly {

// One entry of the list that run() chooses from. Refers to the handler; made in
// the argument list of run().
class NamedHandler {
 public:
  template <class F>
  NamedHandler(std::string_view name_of_handler, F&& handler) : name(name_of_handler) {
    if constexpr (runtime::detail::is_handler<F>()) source = runtime::source_of(handler);
  }
  NamedHandler(const NamedHandler&) = delete;
  NamedHandler& operator=(const NamedHandler&) = delete;

  std::string_view name;
  runtime::HandlerSource source;
};

namespace runtime {
// Runs the handler that the variable _HANDLER names. An unknown name is reported
// to init/error together with the known ones.
int run(std::span<const NamedHandler> handlers);
}  // namespace runtime

// mayfly::run(price), or a lambda, or an object with an operator(). On Managed
// Instances all workers call this one at once; see run<App>() for state.
template <class F>
int run(F&& handler) {
  if constexpr (runtime::detail::is_handler<F>()) {
    return runtime::run(runtime::source_of(handler));
  } else {
    return 1;
  }
}

// Constructs an App in the Init phase; its operator() is the handler. What the
// constructor throws is reported to init/error.
//
// An App with a member before_shutdown() has it called when Lambda ends the
// environment. Lambda tells a function of that only when an extension is
// registered, so the runtime then registers one of its own, without events. An
// App without it is killed without notice, and its destructor does not run.
//
// On Managed Instances, where AWS_LAMBDA_MAX_CONCURRENCY invocations run at once,
// each worker has an App of its own, so that it needs no locks. All are constructed
// one after the other before the first invocation.
template <class App>
int run() {
  if constexpr (runtime::detail::is_app<App>()) return runtime::run(runtime::source_of_app<App>());
  return 1;
}

// The same with one App that all workers call at once: for state they share.
// What it changes there must be safe among threads.
template <class App>
int run_shared() {
  if constexpr (runtime::detail::is_app<App>()) {
    std::optional<App> app;
    return runtime::run(runtime::source_of_shared_app(app));
  }
  return 1;
}

// mayfly::run({{"orders", price}, {"refunds", refund}}): several functions in one program.
inline int run(std::initializer_list<NamedHandler> handlers) {
  return runtime::run(std::span<const NamedHandler>(handlers.begin(), handlers.size()));
}

}  // namespace mayfly
