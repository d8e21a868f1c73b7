// Handlers in unit tests: called in this process, without Lambda and without a
// network, with whatever test framework there is.
//
//   #include <mayfly/test.h>
//
//   auto answer = mayfly::test::invoke(price, Order{"a1", 2});
//   CHECK(answer.as<Receipt>().total == 19);
//
//   answer = mayfly::test::invoke(price, R"({"id":"a1","quantity":"two"})", {.tenant_id = "blue"});
//   CHECK(answer.error->type == "Runtime.UnmarshalError");
//   CHECK(answer.log[0].field("errorType") == "Runtime.UnmarshalError");
//
// Any handler that mayfly::run() takes, and an App as an object: App app;
// invoke(app, ...). Everything between the event's bytes and the response's happens
// as it does on Lambda; lines of mayfly::log are kept instead of written.
//
// It is a part of mayfly::runtime; functions that do not use it do not carry it.
//
// Thread-safety: handlers that may be called at once may be tested so, but for
// the variables in Settings, which are the process's.

#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mayfly/error.h>
#include <mayfly/http/response.h>
#include <mayfly/json/typed.h>
#include <mayfly/log.h>
#include <mayfly/runtime/handler.h>

namespace mayfly::test {

// What the handler finds in its Context. Strings that are empty are not there.
struct Settings {
  std::string request_id = "8f3c41d2-0000-4000-8000-000000000001";
  std::chrono::milliseconds timeout{3'000};  // left to the deadline when the handler is called
  std::string tenant_id = {};
  std::string trace_id = {};
  std::string function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:test";
  std::string client_context = {};    // JSON: {"custom":{"key":"value"}}
  std::string cognito_identity = {};  // JSON: {"cognitoIdentityId":"...","cognitoIdentityPoolId":"..."}
  // Further fields of the answer to `next`, for Context::header().
  std::vector<std::pair<std::string, std::string>> headers = {};

  // Variables of the environment, for the time of the call. Empty: left as they are.
  std::string function_name = {};
  std::string function_version = {};
  int memory_limit_mb = 0;

  // Bytes of a streamed response, after which its reader is gone.
  std::size_t reader_takes = std::numeric_limits<std::size_t>::max();
};

// A request as a function URL or an HTTP API brings it, for HTTP functions.
//
//   auto answer = mayfly::test::invoke(notes, mayfly::test::Request{.method = "POST", .path = "/notes?full=1", .body = "{}"});
//   CHECK(answer.http().status == 201);
struct Request {
  std::string method = "GET";
  std::string path = "/";  // with the query, if any
  std::vector<http::Header> headers = {};
  std::string body = {};  // any bytes
};

// A line of mayfly::log, of a level that AWS_LAMBDA_LOG_LEVEL lets pass.
struct LogLine {
  LogLevel level;
  std::string message;
  // Values that are no text are JSON.
  std::vector<std::pair<std::string, std::string>> fields;

  // Empty: there is none of that name.
  std::string_view field(std::string_view name) const;
};

struct Failed {
  std::string type, message;
  std::vector<std::string> stack_trace;  // of the throw, where one was seen
  std::string json;                      // as Lambda would have got it, with causes
};

struct Answer {
  Answer();
  Answer(Answer&&) noexcept;
  Answer& operator=(Answer&&) noexcept;
  ~Answer();

  // True: a response, and no error.
  explicit operator bool() const { return !error; }

  std::string response;         // its bytes; all that was written of a streamed one
  std::optional<Failed> error;  // for a streamed response: what followed it
  bool fatal = false;           // the handler has called mayfly::fatal()
  bool streamed = false;
  std::string content_type;        // of a streamed response
  std::vector<std::string> parts;  // of a streamed response, as they were sent
  std::vector<LogLine> log;

  // The response as JSON. Views in it live as long as the answer, and until as() is
  // called again. Throws mayfly::Error when there is an error, or the response does
  // not fit.
  template <class T>
  T as() const {
    check();
    auto value = json::parse<T>(*document_, response, response.size());
    if (!value) throw Error("Test.UnexpectedResponse", value.error().to_string() + " in " + response);
    return *std::move(value);
  }

  // The response of an HTTP function, streamed or not; header names in lower
  // case, sorted.
  // Throws as as() does.
  http::Response http() const;

 private:
  void check() const;

  std::unique_ptr<json::Document> document_;
};

// Calls a handler that takes these bytes. See invoke() below.
Answer invoke_source(const runtime::HandlerSource& source, std::string_view event, const Settings& settings);

// `request` as an event of payload format 2.0.
std::string event_of(const Request& request);

// Calls the handler once. Event: bytes, as of JSON; a Request; or a value that has a
// JSON form. Throws mayfly::Error for a value that JSON cannot say.
template <class F, class E = std::string_view>
Answer invoke(F&& handler, const E& event = {}, const Settings& settings = {}) {
  static_assert(runtime::detail::is_handler<F>());
  auto source = runtime::source_of(handler);
  if constexpr (std::convertible_to<const E&, std::string_view>) {
    return invoke_source(source, event, settings);
  } else if constexpr (std::same_as<E, Request>) {
    return invoke_source(source, event_of(event), settings);
  } else {
    std::string json;
    if (auto written = json::write(json, event); !written) {
      throw Error("Test.BadEvent", written.error().to_string());
    }
    return invoke_source(source, json, settings);
  }
}

}  // namespace mayfly::test
