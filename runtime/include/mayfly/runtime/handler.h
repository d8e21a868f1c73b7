// From the handler a user writes to the one interface the invoke loop calls.
//
// The signature decides, at compile time, what happens to an event and to a
// result; what is left of it afterwards is three function pointers and a state.
// The loop, the loader of shared objects and whatever joins them know only these.
//
// The answer travels through a sink instead of a return value: the handler's
// result is still alive on the stack below while its bytes are sent, so they are
// sent from where they lie, whatever owns them.

#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/json.h>

namespace mayfly::runtime {

// Lives until the handler returns.
struct Invocation {
  std::string_view event;
  std::size_t event_capacity;  // bytes that may be read at event.data(): JSON is parsed in place
  Context& context;
};

// Takes the answer of one invocation: one call of either, once.
class ResponseSink {
 public:
  // `bytes` are done with when it returns.
  virtual void respond(std::string_view bytes) = 0;
  // `error_json`: {"errorMessage","errorType","stackTrace"}.
  virtual void fail(std::string_view error_type, std::string_view error_json) = 0;

 protected:
  ~ResponseSink() = default;
};

// Logs the error and hands it to the sink, without a stack trace.
void fail(ResponseSink& sink, const Error& error);

// A handler without its types. One thread at a time.
struct Handler {
  void* state = nullptr;
  void (*invoke)(void* state, const Invocation& invocation, ResponseSink& sink) = nullptr;  // may throw
  void (*before_shutdown)(void* state) = nullptr;  // may throw; null: the function has none
  void (*destroy)(void* state) = nullptr;
};

// Makes handlers, in the Init phase. What `make` throws is reported to init/error.
struct HandlerSource {
  Handler (*make)(const void* from) = nullptr;
  const void* from = nullptr;
};

// Runs invocations until Lambda ends the environment. Returns the exit code: 0
// after a shutdown, 1 when Init failed, the Runtime API could not be reached, or
// the environment is not Lambda's; a line on standard error has said why.
int run(HandlerSource source);

namespace detail {

// ---- what the handler takes and gives

template <class... P>
struct Parameters {};

template <class R, class P>
struct Signature {
  using Result = R;
  using Takes = P;
};

template <class R, class... P, bool N>
Signature<R, Parameters<P...>> signature(R (*)(P...) noexcept(N));
template <class C, class R, class... P, bool N>
Signature<R, Parameters<P...>> signature(R (C::*)(P...) noexcept(N));
template <class C, class R, class... P, bool N>
Signature<R, Parameters<P...>> signature(R (C::*)(P...) const noexcept(N));
template <class C, class R, class... P, bool N>
Signature<R, Parameters<P...>> signature(R (C::*)(P...) & noexcept(N));
template <class C, class R, class... P, bool N>
Signature<R, Parameters<P...>> signature(R (C::*)(P...) const& noexcept(N));

template <class F>
concept Function = requires(std::decay_t<F> f) { signature(f); };
template <class F>
concept CallObject = requires { signature(&std::remove_cvref_t<F>::operator()); };

template <class F>
struct SignatureOf {
  using type = decltype(signature(std::declval<std::decay_t<F>>()));
};
template <CallObject F>
struct SignatureOf<F> {
  using type = decltype(signature(&std::remove_cvref_t<F>::operator()));
};

template <class P>
inline constexpr bool is_context = std::same_as<P, Context&> || std::same_as<P, const Context&>;
template <class P>
inline constexpr bool is_event = !std::same_as<std::remove_cvref_t<P>, Context>;

template <class P>
struct Roles {
  static constexpr bool valid = false;
};
template <>
struct Roles<Parameters<>> {
  static constexpr bool valid = true;
  using Event = void;
};
template <class A>
struct Roles<Parameters<A>> {
  static constexpr bool valid = is_event<A> || is_context<A>;
  using Event = std::conditional_t<is_event<A>, A, void>;
};
template <class A, class B>
struct Roles<Parameters<A, B>> {
  static constexpr bool valid = is_event<A> && is_context<B>;
  using Event = A;
};

template <class T>
concept RawText = std::same_as<T, std::string_view> || std::same_as<T, std::string>;

// As far as the outside shows; json::read and json::write look at the members.
template <class T>
concept Json = std::same_as<T, bool> || json::detail::Number<T> || std::is_enum_v<T> || json::detail::is_optional<T> ||
               json::detail::is_vector<T> || json::detail::StringMap<T> || std::is_aggregate_v<T>;

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

template <class P>
concept EventType = std::is_void_v<P> || RawText<std::remove_cvref_t<P>> || Json<std::remove_cvref_t<P>>;
template <class R>
concept ResultType = std::is_void_v<R> || is_result<std::remove_cvref_t<R>> || RawText<std::remove_cvref_t<R>> ||
                     Json<std::remove_cvref_t<R>>;

// True, or the compilation ends here with one sentence.
template <class F>
constexpr bool is_handler() {
  if constexpr (!Function<F> && !CallObject<F>) {
    static_assert(Function<F>, "mayfly: a handler is a function, or an object with one operator() that is no template");
    return false;
  } else {
    using S = typename SignatureOf<F>::type;
    if constexpr (!Roles<typename S::Takes>::valid) {
      static_assert(Roles<typename S::Takes>::valid,
                    "mayfly: a handler takes (), (event), (mayfly::Context&) or (event, mayfly::Context&)");
      return false;
    } else if constexpr (!EventType<typename Roles<typename S::Takes>::Event>) {
      static_assert(
          EventType<typename Roles<typename S::Takes>::Event>,
          "mayfly: an event is std::string_view (its bytes) or a type with a JSON form, such as an aggregate");
      return false;
    } else if constexpr (!ResultType<typename S::Result>) {
      static_assert(ResultType<typename S::Result>,
                    "mayfly: a handler returns void, std::string or std::string_view (the bytes), a type with a JSON "
                    "form, or a mayfly::Result of these");
      return false;
    } else {
      return true;
    }
  }
}

// ---- calling it

// Nothing, for what a raw handler needs no parser or buffer for.
struct Nothing {};

// F: an object to own, or a reference to one.
template <class F>
class Worker {
  using S = typename SignatureOf<F>::type;
  using Event = typename Roles<typename S::Takes>::Event;
  using EventValue = std::remove_cvref_t<Event>;
  using Result = typename S::Result;
  static constexpr bool kTypedEvent = !std::is_void_v<Event> && !RawText<EventValue>;

 public:
  template <class... A>
  explicit Worker(A&&... a) : callable_(std::forward<A>(a)...) {}

  void invoke(const Invocation& invocation, ResponseSink& sink) {
    if constexpr (std::is_void_v<Event>) {
      answer(sink, [&]() -> Result { return call(typename S::Takes{}, invocation.context); });
    } else if constexpr (RawText<EventValue>) {
      EventValue event(invocation.event);
      answer(sink, [&]() -> Result { return call(typename S::Takes{}, event, invocation.context); });
    } else {
      auto event = json::parse<EventValue>(document_, invocation.event, invocation.event_capacity);
      if (!event) return fail(sink, Error("Runtime.UnmarshalError", event.error().to_string()));
      answer(sink, [&]() -> Result { return call(typename S::Takes{}, *event, invocation.context); });
    }
  }

  F& callable() { return callable_; }

 private:
  Result call(Parameters<>, Context&) { return callable_(); }
  template <class P>
  Result call(Parameters<P>, Context& context) {
    return callable_(context);
  }
  template <class P, class E>
  Result call(Parameters<P>, E& event, Context&) {
    return callable_(std::forward<P>(event));
  }
  template <class P, class C, class E>
  Result call(Parameters<P, C>, E& event, Context& context) {
    return callable_(std::forward<P>(event), context);
  }

  template <class Call>
  void answer(ResponseSink& sink, Call call_handler) {
    if constexpr (std::is_void_v<Result>) {
      call_handler();
      sink.respond("null");
    } else {
      decltype(auto) result = call_handler();
      respond(sink, result);
    }
  }

  template <class T>
  void respond(ResponseSink& sink, const T& result) {
    if constexpr (RawText<T>) {
      sink.respond(result);
    } else if constexpr (is_result<T>) {
      if (!result) return fail(sink, result.error());
      if constexpr (std::is_void_v<typename T::value_type>) {
        sink.respond("null");
      } else {
        respond(sink, *result);
      }
    } else if constexpr (json::detail::is_optional<T>) {
      result ? respond(sink, *result) : sink.respond("null");
    } else {
      written_.clear();
      auto written = json::write(written_, result);
      if (!written) return fail(sink, Error("Runtime.MarshalError", written.error().to_string()));
      sink.respond(written_);
    }
  }

  F callable_;
  // Kept from invocation to invocation, so that their memory is.
  [[no_unique_address]] std::conditional_t<kTypedEvent, json::Document, Nothing> document_;
  std::string written_;
};

template <class F>
void invoke(void* state, const Invocation& invocation, ResponseSink& sink) {
  static_cast<Worker<F>*>(state)->invoke(invocation, sink);
}
template <class F>
void before_shutdown(void* state) {
  static_cast<Worker<F>*>(state)->callable().before_shutdown();
}
template <class F>
void destroy(void* state) {
  delete static_cast<Worker<F>*>(state);
}

template <class F>
concept HasBeforeShutdown = requires(std::remove_reference_t<F>& f) { f.before_shutdown(); };

template <class F>
Handler handler_of(std::unique_ptr<Worker<F>> worker) {
  Handler handler{worker.release(), &invoke<F>, nullptr, &destroy<F>};
  if constexpr (HasBeforeShutdown<F>) handler.before_shutdown = &before_shutdown<F>;
  return handler;
}

// The address of a function is no pointer to an object; POSIX lets it pass as one.
template <class F>
const void* address_of(F& callable) {
  if constexpr (std::is_function_v<F>) {
    return reinterpret_cast<const void*>(&callable);
  } else {
    return std::addressof(callable);
  }
}

template <class F>
Handler make_reference(const void* from) {
  void* callable = const_cast<void*>(from);
  if constexpr (std::is_function_v<F>) {
    return handler_of(std::make_unique<Worker<F&>>(*reinterpret_cast<F*>(callable)));
  } else {
    return handler_of(std::make_unique<Worker<F&>>(*static_cast<F*>(callable)));
  }
}

template <class App>
Handler make_app(const void*) {
  return handler_of(std::make_unique<Worker<App>>());
}

}  // namespace detail

// A handler that the caller keeps alive.
template <class F>
HandlerSource source_of(F& callable) {
  return {&detail::make_reference<F>, detail::address_of(callable)};
}

// A handler that is constructed in the Init phase.
template <class App>
HandlerSource source_of_app() {
  return {&detail::make_app<App>, nullptr};
}

}  // namespace mayfly::runtime
