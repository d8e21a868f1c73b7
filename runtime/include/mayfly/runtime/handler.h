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
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

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

// Takes the answer of one invocation: one call of respond() or fail(), once; or
// begin(), any number of write(), and then end() or fail().
class ResponseSink {
 public:
  // `bytes` are done with when it returns.
  virtual void respond(std::string_view bytes) = 0;
  // `error_json`: {"errorMessage","errorType","stackTrace"}.
  virtual void fail(std::string_view error_type, std::string_view error_json) = 0;

  // An answer in parts. Nothing is sent before the first write(), or end(): until
  // then fail() gives an error like any other.
  virtual void begin(std::string_view content_type) = 0;
  // Blocks while the caller is slower. Errors: nobody wants more of it.
  virtual Result<void> write(std::string_view bytes) = 0;
  virtual void end() = 0;

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

// Makes handlers, in the Init phase and on one thread: one, or on Managed Instances
// one for each worker. What `make` throws is reported to init/error.
struct HandlerSource {
  Handler (*make)(const void* from) = nullptr;
  const void* from = nullptr;
  bool shared = false;  // all handlers call one object; one before_shutdown is for all
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

// A parameter W& through which the handler answers in parts, see
// <mayfly/stream.h>. Made from a ResponseSink& before the handler is called;
// W::finish() follows when the handler has returned without an error.
template <class W>
inline constexpr bool is_writer = false;

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

// Each parameter by what it is for, in the order they must have.
enum class Role { event, context, writer, none };
template <class P>
inline constexpr Role role_of = std::same_as<P, Context&> || std::same_as<P, const Context&> ? Role::context
                                : std::same_as<std::remove_cvref_t<P>, Context>              ? Role::none
                                : !is_writer<std::remove_cvref_t<P>>                         ? Role::event
                                : std::same_as<P, std::remove_cvref_t<P>&>                   ? Role::writer
                                                                                             : Role::none;

template <Role R, class... P>
struct Find {
  using type = void;
};
template <Role R, class First, class... P>
struct Find<R, First, P...> : std::conditional_t<role_of<First> == R, std::type_identity<First>, Find<R, P...>> {};

template <class P>
struct Roles;
template <class... P>
struct Roles<Parameters<P...>> {
  static constexpr bool valid = [] {
    int last = -1;
    return ((role_of<P> != Role::none && last < static_cast<int>(role_of<P>) &&
             (last = static_cast<int>(role_of<P>), true)) &&
            ...);
  }();
  using Event = typename Find<Role::event, P...>::type;
  using Writer = std::remove_reference_t<typename Find<Role::writer, P...>::type>;
};

template <class T>
concept RawText = std::same_as<T, std::string_view> || std::same_as<T, std::string>;
template <class T>
concept RawBytes = std::same_as<T, std::span<const std::byte>> || std::same_as<T, std::vector<std::byte>>;
template <class T>
concept Raw = RawText<T> || RawBytes<T>;

template <Raw T>
T raw_from(std::string_view bytes) {
  if constexpr (RawText<T>) {
    return T(bytes);
  } else {
    auto all = std::as_bytes(std::span(bytes));
    return T(all.begin(), all.end());
  }
}
template <Raw T>
std::string_view view_of(const T& raw) {
  return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}

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
concept EventType = std::is_void_v<P> || Raw<std::remove_cvref_t<P>> || HasEventForm<std::remove_cvref_t<P>> ||
                    Json<std::remove_cvref_t<P>>;
template <class R>
concept ResultType = std::is_void_v<R> || is_result<std::remove_cvref_t<R>> || Raw<std::remove_cvref_t<R>> ||
                     HasResultForm<std::remove_cvref_t<R>> || Json<std::remove_cvref_t<R>>;

template <class R>
concept NothingOrError = std::is_void_v<R> || std::same_as<R, Result<void>>;

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
                    "mayfly: a handler takes (event, mayfly::Context&, mayfly::Writer&), of which any may be left out");
      return false;
    } else if constexpr (!EventType<typename Roles<typename S::Takes>::Event>) {
      static_assert(
          EventType<typename Roles<typename S::Takes>::Event>,
          "mayfly: an event is std::string_view (its bytes) or a type with a JSON form, such as an aggregate");
      return false;
    } else if constexpr (!std::is_void_v<typename Roles<typename S::Takes>::Writer> &&
                         !NothingOrError<typename S::Result>) {
      static_assert(NothingOrError<typename S::Result>,
                    "mayfly: a handler that answers through a Writer& returns void or mayfly::Result<void>");
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

template <class App>
constexpr bool is_app() {
  if constexpr (!std::is_default_constructible_v<App>) {
    static_assert(std::is_default_constructible_v<App>, "mayfly: run<App>() constructs an App without arguments");
    return false;
  } else {
    return is_handler<App>();
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
  requires(std::is_void_v<E> || Raw<E>)
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
  using Writer = typename Roles<typename S::Takes>::Writer;
  using Result = typename S::Result;
  using ResultValue = std::remove_cvref_t<Result>;

 public:
  template <class... A>
  explicit Worker(A&&... a) : callable_(std::forward<A>(a)...) {}

  void invoke(const Invocation& invocation, ResponseSink& sink) {
    if constexpr (std::is_void_v<Event>) {
      NoEvent event;
      answer(sink, event, invocation.context);
    } else if constexpr (Raw<EventValue>) {
      auto event = raw_from<EventValue>(invocation.event);
      answer(sink, event, invocation.context);
    } else {
      auto event = read(invocation);
      if (!event) return fail(sink, event.error());
      answer(sink, *event, invocation.context);
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

  template <class E>
  void answer(ResponseSink& sink, E& event, Context& context) {
    if constexpr (!std::is_void_v<Writer>) {
      Writer writer(sink);
      if constexpr (std::is_void_v<Result>) {
        call(typename S::Takes{}, event, context, &writer);
      } else {
        Result result = call(typename S::Takes{}, event, context, &writer);
        if (!result) return fail(sink, result.error());
      }
      writer.finish();
    } else if constexpr (std::is_void_v<Result>) {
      call(typename S::Takes{}, event, context, nullptr);
      sink.respond("null");
    } else {
      decltype(auto) result = call(typename S::Takes{}, event, context, nullptr);
      respond(sink, result, event);
    }
  }

  template <class... P, class E>
  Result call(Parameters<P...>, [[maybe_unused]] E& event, [[maybe_unused]] Context& context,
              [[maybe_unused]] Writer* writer) {
    return callable_(argument<P>(event, context, writer)...);
  }
  template <class P, class E>
  static P&& argument([[maybe_unused]] E& event, [[maybe_unused]] Context& context, [[maybe_unused]] Writer* writer) {
    if constexpr (role_of<P> == Role::event) {
      return std::forward<P>(event);
    } else if constexpr (role_of<P> == Role::context) {
      return context;
    } else {
      return *writer;
    }
  }

  template <class T, class E>
  void respond(ResponseSink& sink, const T& result, const E& event) {
    if constexpr (Raw<T>) {
      sink.respond(view_of(result));
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

// The first to be made constructs the App.
template <class App>
Handler make_shared_app(const void* from) {
  auto& app = *static_cast<std::optional<App>*>(const_cast<void*>(from));
  if (!app) app.emplace();
  return handler_of(std::make_unique<Worker<App&>>(*app));
}

template <class App>
Handler make_app(const void*) {
  return handler_of(std::make_unique<Worker<App>>());
}

}  // namespace detail

// A handler that the caller keeps alive.
template <class F>
HandlerSource source_of(F& callable) {
  return {&detail::make_reference<F>, detail::address_of(callable), true};
}

// Handlers that are constructed in the Init phase.
template <class App>
HandlerSource source_of_app() {
  return {&detail::make_app<App>, nullptr, false};
}

// One App for all handlers, constructed in the Init phase where it is to be kept.
template <class App>
HandlerSource source_of_shared_app(std::optional<App>& app) {
  return {&detail::make_shared_app<App>, &app, true};
}

}  // namespace mayfly::runtime
