#include "emulator/cli/streamed_call.h"

#include <mayfly/json/value.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include "emulator/cli/base64.h"
#include "emulator/cli/event_reader.h"

namespace mayfly::emulator::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using core::Errc;
using core::fail;

// Lambda streams for 900 s at most, after an Init.
constexpr std::chrono::seconds kLongestWait{960};
constexpr std::chrono::seconds kConnectPatience{3};
constexpr std::size_t kMaxErrorBytes = 1024 * 1024;

// One operation at a time; its end is waited for.
class Connection {
 public:
  error_code connect(const core::Origin& origin) {
    error_code error;
    asio::ip::tcp::resolver resolver(io_);
    auto found = resolver.resolve(origin.host, std::to_string(origin.port), error);
    if (error) return error;
    stream_.expires_after(kConnectPatience);
    return waited(
        [&](auto done) { stream_.async_connect(found, [done](error_code result, const auto&) { done(result); }); });
  }
  error_code write(std::string_view bytes) {
    stream_.expires_after(kLongestWait);
    return waited([&](auto done) {
      asio::async_write(stream_, asio::buffer(bytes), [done](error_code result, std::size_t) { done(result); });
    });
  }
  error_code read_head(http::response_parser<http::buffer_body>& parser) {
    return waited([&](auto done) {
      http::async_read_header(stream_, buffer_, parser, [done](error_code result, std::size_t) { done(result); });
    });
  }
  error_code read_some(http::response_parser<http::buffer_body>& parser) {
    return waited([&](auto done) {
      http::async_read_some(stream_, buffer_, parser, [done](error_code result, std::size_t) { done(result); });
    });
  }

 private:
  template <class Operation>
  error_code waited(Operation operation) {
    error_code result;
    operation([&result](error_code error) { result = error; });
    io_.restart();
    io_.run();
    return result;
  }

  asio::io_context io_{1};
  beast::tcp_stream stream_{io_};
  beast::flat_buffer buffer_;
};

core::Failure failure_of(error_code error, bool answered) {
  Errc code = error == beast::error::timeout ? Errc::timeout
              : error.category() == http::make_error_code(http::error::bad_method).category() &&
                      error != http::error::end_of_stream && error != http::error::partial_message
                  ? Errc::protocol
              : answered ? Errc::cut
                         : Errc::unanswered;
  return {code, error.message()};
}

// What InvokeComplete says: {"ErrorCode": ..., "ErrorDetails": ..., "LogResult": ...}.
void read_complete(std::string_view payload, CallAnswer& answer) {
  json::Document document;
  auto root = document.parse(payload);
  if (!root || root->kind() != json::Kind::object) return;
  auto status = root->each_field([&](std::string_view name, json::Value& value) {
    std::string_view text;
    if (value.kind() != json::Kind::string || value.get(text) != json::Status::ok) return json::Status::ok;
    if (name == "ErrorCode") answer.function_error = text;
    if (name == "ErrorDetails") answer.payload = text;
    if (name == "LogResult") answer.log = base64_decode(text).value_or("");
    return json::Status::ok;
  });
  static_cast<void>(status);
}

// Events as they come, until the stream has said how it ended.
class Listener {
 public:
  Listener(CallAnswer& answer, const std::function<bool(std::string_view)>& on_part)
      : answer_(answer), on_part_(on_part) {}

  core::Outcome<void> feed(std::string_view bytes) {
    return reader_.feed(bytes, [this](const StreamEvent& event) { take(event); });
  }
  bool is_complete() const { return complete_ || !wanted_; }

 private:
  void take(const StreamEvent& event) {
    if (event.message_type == "event" && event.event_type == "PayloadChunk") {
      wanted_ = wanted_ && on_part_(event.payload);
    } else if (event.message_type == "event" && event.event_type == "InvokeComplete") {
      read_complete(event.payload, answer_);
      complete_ = true;
    } else if (event.message_type != "event") {
      answer_.error_type = event.message_type == "error" ? event.error_code : event.event_type;
      answer_.payload = event.message_type == "error" ? event.error_message : event.payload;
      answer_.status = 500;
      complete_ = true;
    }
  }

  CallAnswer& answer_;
  const std::function<bool(std::string_view)>& on_part_;
  EventReader reader_;
  bool complete_ = false, wanted_ = true;
};

}  // namespace

core::Outcome<CallAnswer> call_streamed(const core::Origin& origin, const LambdaCall& call,
                                        const std::function<bool(std::string_view part)>& on_part) {
  Connection connection;
  if (auto error = connection.connect(origin)) return fail(Errc::unreachable, error.message());
  if (auto error = connection.write(call.request_head(origin))) return unexpected(failure_of(error, false));
  if (auto error = connection.write(call.payload)) return unexpected(failure_of(error, false));

  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  if (auto error = connection.read_head(parser)) return unexpected(failure_of(error, false));
  const auto& head = parser.get();
  auto field = [&](std::string_view name) {
    auto value = head[beast::string_view(name.data(), name.size())];
    return std::string(value.data(), value.size());
  };
  CallAnswer answer;
  answer.status = static_cast<int>(head.result_int());
  answer.executed_version = field("X-Amz-Executed-Version");
  answer.request_id = field("x-amzn-RequestId");
  auto type = field("x-amzn-ErrorType");
  answer.error_type = type.substr(0, type.find_first_of(":#"));
  bool has_events = answer.status == 200 && field("Content-Type") == "application/vnd.amazon.eventstream";

  Listener listener(answer, on_part);
  std::array<char, 64 * 1024> part;
  while (!parser.is_done() && !(has_events && listener.is_complete())) {
    parser.get().body().data = part.data();
    parser.get().body().size = part.size();
    auto error = connection.read_some(parser);
    if (error && error != http::error::need_buffer) return unexpected(failure_of(error, true));
    std::string_view bytes(part.data(), part.size() - parser.get().body().size);
    if (!has_events) {
      answer.payload += bytes;
      if (answer.payload.size() > kMaxErrorBytes) return fail(Errc::protocol, "an error of more than 1 MiB");
    } else if (auto fed = listener.feed(bytes); !fed) {
      return unexpected(fed.error());
    }
  }
  if (has_events && !listener.is_complete()) return fail(Errc::cut, "the event stream has no InvokeComplete");
  answer.report = find_report(answer.log);
  return answer;
}

}  // namespace mayfly::emulator::cli
