// A handler as a shared object, for the generic `bootstrap`:
//
//   #include <mayfly/shared_object.h>
//
//   std::string price(std::string_view event);
//   MAYFLY_HANDLER(price)
//
// With `_HANDLER=orders.so:price`, `bootstrap` looks for orders.so in the
// function's folder (LAMBDA_TASK_ROOT) and then in /opt/lib. A handler may also
// be a class, as in mayfly::run<App>(): MAYFLY_HANDLER(App). What has no plain
// name gets one in front: MAYFLY_HANDLER(price, orders::price).
//
// Exceptions are caught on this side of the entry point, and all memory stays on
// it, so the object may carry a libstdc++ of its own. How to link it, so that it
// neither shows nor takes symbols of others:
//
//   target_link_options(orders PRIVATE -static-libstdc++ -Wl,--exclude-libs,ALL -Wl,-Bsymbolic)

#pragma once

#include <string>
#include <string_view>

#include <mayfly/entry_point.h>
#include <mayfly/runtime/handler.h>

namespace mayfly::runtime {

// The four functions of struct mayfly_handler, for any handler.
void* init_entry(HandlerSource source, const mayfly_sink* sink);
void invoke_entry(void* state, const mayfly_invocation* invocation, const mayfly_sink* sink);
void before_shutdown_entry(void* state);
void free_entry(void* state);

namespace detail {

template <auto F>
void* init_function(const mayfly_sink* sink) {
  return init_entry(source_of(*F), sink);
}
template <class App>
void* init_app(const mayfly_sink* sink) {
  return init_entry(source_of_app<App>(), sink);
}

}  // namespace detail

template <auto F>
constexpr mayfly_handler entry_point() {
  static_assert(detail::is_handler<decltype(F)>());
  return {MAYFLY_ENTRY_POINT_VERSION,
          sizeof(mayfly_handler),
          &detail::init_function<F>,
          &invoke_entry,
          nullptr,
          &free_entry};
}

template <class App>
constexpr mayfly_handler entry_point() {
  static_assert(detail::is_handler<App>());
  return {MAYFLY_ENTRY_POINT_VERSION,
          sizeof(mayfly_handler),
          &detail::init_app<App>,
          &invoke_entry,
          detail::HasBeforeShutdown<App> ? &before_shutdown_entry : nullptr,
          &free_entry};
}

}  // namespace mayfly::runtime

// MAYFLY_HANDLER(name) or MAYFLY_HANDLER(name, handler): exports a function or a
// class under a name of letters, digits and '_', its own when no other is given.
#define MAYFLY_HANDLER(name, ...)                                                                   \
  extern "C" {                                                                                      \
  [[gnu::visibility("default"), gnu::used]] extern constexpr mayfly_handler mayfly_handler_##name = \
      ::mayfly::runtime::entry_point<MAYFLY_FIRST_OF(__VA_ARGS__ __VA_OPT__(, ) name)>();           \
  }
#define MAYFLY_FIRST_OF(first, ...) first
