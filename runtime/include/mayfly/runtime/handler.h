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
#include <mayfly/result.h>

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

// ---- types that are neither bytes nor plain JSON
//
// A header that brings such a type says here how it is read and written;
// <mayfly/runtime.h> need not know it:
//
//   template <>
//   struct mayfly::runtime::EventForm<Request> {
//     Result<Request> read(const Invocation& invocation);
//   };
//   template <>
//   struct mayfly::runtime::ResultForm<Response> {
//     Result<void> write(const Response& response, const Request& request, std::string& out);
//   };
//
// Both are found for T, const T& and T& alike; a ResultForm also inside a Result
// or an optional. Each handler has one object of each, default-constructed in the
// Init phase and kept from invocation to invocation, so that its memory is; one
// thread at a time uses it.
//
// read(): the value lives until the answer has been sent, and may hold views into
// the invocation's event and into the form itself. An Error is what the caller
// gets, as from the handler: Runtime.UnmarshalError for an event that does not fit.
//
// write() is called after the handler, with the event it was called with, as it
// has left it (NoEvent{} when it takes none), and appends the response's bytes to
// `out`, which is empty and keeps its memory. It may be a template or overloaded
// for several events. An Error is what the caller gets: Runtime.MarshalError for a
// result without a JSON form. A response over Lambda's limit is found behind it.
template <class T>
struct EventForm;
template <class T>
struct ResultForm;
struct NoEvent {};

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

template <class T>
concept HasEventForm = requires { sizeof(EventForm<T>); };
template <class T>
concept HasResultForm = requires { sizeof(ResultForm<T>); };

template <class P>
concept EventType = std::is_void_v<P> || RawText<std::remove_cvref_t<P>> || HasEventForm<std::remove_cvref_t<P>> ||
                    Json<std::remove_cvref_t<P>>;
template <class R>
concept ResultType = std::is_void_v<R> || is_result<std::remove_cvref_t<R>> || RawText<std::remove_cvref_t<R>> ||
                     HasResultForm<std::remove_cvref_t<R>> || Json<std::remove_cvref_t<R>>;

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

// What a handler keeps to read its events with: nothing for the raw form.
struct NoReader {};
template <class E>
struct ReaderOf {
  using type = json::Document;
};
template <class E>
  requires(std::is_void_v<E> || RawText<E>)
struct ReaderOf<E> {
  using type = NoReader;
};
template <HasEventForm E>
struct ReaderOf<E> {
  using type = EventForm<E>;
};

// The type inside Result and optional.
template <class R>
struct Inside {
  using type = R;
};
template <class R>
  requires is_result<R>
struct Inside<R> : Inside<typename R::value_type> {};
template <class R>
  requires(json::detail::is_optional<R>)
struct Inside<R> : Inside<typename R::value_type> {};

// ... and to write its results with.
struct NoWriter {};
template <class R>
struct WriterOf {
  using type = NoWriter;
};
template <HasResultForm R>
struct WriterOf<R> {
  using type = ResultForm<R>;
};

// F: an object to own, or a reference to one.
template <class F>
class Worker {
  using S = typename SignatureOf<F>::type;
  using Event = typename Roles<typename S::Takes>::Event;
  using EventValue = std::remove_cvref_t<Event>;
  using Result = typename S::Result;
  using ResultValue = std::remove_cvref_t<Result>;

 public:
  template <class... A>
  explicit Worker(A&&... a) : callable_(std::forward<A>(a)...) {}

  void invoke(const Invocation& invocation, ResponseSink& sink) {
    if constexpr (std::is_void_v<Event>) {
      NoEvent event;
      answer(sink, event, [&]() -> Result { return call(typename S::Takes{}, invocation.context); });
    } else if constexpr (RawText<EventValue>) {
      EventValue event(invocation.event);
      answer(sink, event, [&]() -> Result { return call(typename S::Takes{}, event, invocation.context); });
    } else {
      auto event = read(invocation);
      if (!event) return fail(sink, event.error());
      answer(sink, *event, [&]() -> Result { return call(typename S::Takes{}, *event, invocation.context); });
    }
  }

  F& callable() { return callable_; }

 private:
  mayfly::Result<EventValue> read(const Invocation& invocation)
    requires(!std::is_void_v<Event>)
  {
    if constexpr (HasEventForm<EventValue>) {
      return reader_.read(invocation);
    } else {
      return json::parse<EventValue>(reader_, invocation.event, invocation.event_capacity)
          .transform_error([](json::Fault fault) { return Error("Runtime.UnmarshalError", fault.to_string()); });
    }
  }

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

  template <class E, class Call>
  void answer(ResponseSink& sink, const E& event, Call call_handler) {
    if constexpr (std::is_void_v<Result>) {
      call_handler();
      sink.respond("null");
    } else {
      decltype(auto) result = call_handler();
      respond(sink, result, event);
    }
  }

  template <class T, class E>
  void respond(ResponseSink& sink, const T& result, const E& event) {
    if constexpr (RawText<T>) {
      sink.respond(result);
    } else if constexpr (is_result<T>) {
      if (!result) return fail(sink, result.error());
      if constexpr (std::is_void_v<typename T::value_type>) {
        sink.respond("null");
      } else {
        respond(sink, *result, event);
      }
    } else if constexpr (json::detail::is_optional<T>) {
      result ? respond(sink, *result, event) : sink.respond("null");
    } else {
      written_.clear();
      auto written = write(result, event);
      if (!written) return fail(sink, written.error());
      sink.respond(written_);
    }
  }

  template <class T, class E>
  mayfly::Result<void> write(const T& result, const E& event) {
    if constexpr (HasResultForm<T>) {
      return writer_.write(result, event, written_);
    } else {
      return json::write(written_, result).transform_error([](json::Fault fault) {
        return Error("Runtime.MarshalError", fault.to_string());
      });
    }
  }

  F callable_;
  // Kept from invocation to invocation, so that their memory is.
  [[no_unique_address]] typename ReaderOf<EventValue>::type reader_;
  [[no_unique_address]] typename WriterOf<typename Inside<ResultValue>::type>::type writer_;
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
