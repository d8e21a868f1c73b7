#include "extensions/telemetry/receiver.h"

#include <mayfly/json/writer.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <utility>

#include "core/http_field.h"
#include "extensions/telemetry/inflate.h"
#include "extensions/telemetry/otlp_json.h"
#include "extensions/telemetry/otlp_request.h"

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::HttpExchange;
using core::HttpReply;

constexpr std::size_t kMaxHeldBytes = 16 * 1024 * 1024;
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kProtobuf = "application/x-protobuf";

// google.rpc.Code, as far as it is said here.
enum RpcCode : std::int32_t { kInvalidArgument = 3, kResourceExhausted = 8 };

core::HttpServerOptions server_options(const core::Origin& address) {
  core::HttpServerOptions o;
  o.max_connections = 32;
  o.head_timeout = std::chrono::seconds(5);
  o.body_timeout = std::chrono::seconds(0);
  if (!address.is_loopback()) o.host_names = {"*"};
  return o;
}

std::optional<Signal> signal_of(std::string_view path) {
  if (path == "/v1/logs") return Signal::logs;
  if (path == "/v1/metrics") return Signal::metrics;
  if (path == "/v1/traces") return Signal::traces;
  return std::nullopt;
}

// "application/json" of "application/json; charset=utf-8".
std::string_view media_type(std::string_view field) {
  field = field.substr(0, field.find(';'));
  while (field.ends_with(' ') || field.ends_with('\t')) field.remove_suffix(1);
  return field;
}

HttpReply text_reply(unsigned status, std::string text) { return {status, "text/plain", {}, std::move(text)}; }

// What an OTLP client expects of an answer that is no success: a google.rpc.Status.
HttpReply status_reply(unsigned status, bool json, RpcCode code, std::string_view message) {
  HttpReply reply(status, std::string(json ? kJson : kProtobuf), {}, {});
  if (json) {
    json::Writer(reply.body)
        .begin_object()
        .member("code", static_cast<int>(code))
        .member("message", message)
        .end_object();
  } else {
    protozero::pbf_writer writer(reply.body);
    writer.add_int32(1, code);
    writer.add_string(2, message.data(), message.size());
  }
  if (status == 429) reply.fields.emplace_back("Retry-After", "1");
  return reply;
}

HttpReply refusal_of(const core::Failure& failure, bool json) {
  return status_reply(failure.code == Errc::out_of_range ? 413 : 400, json, kInvalidArgument, failure.message);
}

// How much memory the body will take; of one in chunks nobody knows.
std::size_t body_bytes(const HttpExchange& exchange) {
  auto field = exchange.field("Content-Length");
  std::size_t bytes = 0;
  auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), bytes);
  bool counted = error == std::errc{} && !field.empty();
  return counted ? std::min(bytes, Receiver::kMaxBodyBytes) : Receiver::kMaxBodyBytes;
}

// So many bytes are held for as long as it lives.
class Hold {
 public:
  Hold(std::size_t& held, std::size_t bytes) : held_(held), bytes_(bytes) { held_ += bytes_; }
  ~Hold() { held_ -= bytes_; }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  std::size_t& held_;
  const std::size_t bytes_;
};

}  // namespace

Receiver::Receiver(boost::asio::io_context& io, Options options)
    : options_(std::move(options)),
      server_(io, server_options(options_.address), [this](HttpExchange& e) { return receive(e); }) {}

core::Outcome<core::Origin> Receiver::listen() { return server_.listen(options_.address.host, options_.address.port); }

boost::asio::awaitable<void> Receiver::receive(HttpExchange& exchange) {
  auto signal = signal_of(exchange.path());
  auto type = media_type(exchange.field("Content-Type"));
  auto encoding = exchange.field("Content-Encoding");
  bool json = core::same_field_name(type, kJson);
  bool gzip = core::same_field_name(encoding, "gzip");

  HttpReply reply;
  if (!signal) {
    reply = text_reply(404, "404 not found, supported: /v1/logs, /v1/metrics, /v1/traces");
  } else if (exchange.method() != "POST") {
    reply = text_reply(405, "405 method not allowed, supported: [POST]");
    reply.fields.emplace_back("Allow", "POST");
  } else if (!json && !core::same_field_name(type, kProtobuf)) {
    reply = text_reply(415, "415 unsupported media type, supported: [application/json, application/x-protobuf]");
  } else if (!gzip && !encoding.empty() && !core::same_field_name(encoding, "identity")) {
    reply = text_reply(415, "415 unsupported content encoding, supported: [gzip, identity]");
  } else if (held_bytes_ + body_bytes(exchange) > kMaxHeldBytes) {
    reply = status_reply(429, json, kResourceExhausted, "too many requests at a time");
  } else {
    Hold hold(held_bytes_, body_bytes(exchange));
    auto body = co_await exchange.read_body(kMaxBodyBytes);
    if (body.state == body.broken) co_return;
    if (body.state == body.too_large) {
      reply = status_reply(
          413, json, kInvalidArgument,
          "the body has " + std::to_string(body.size) + " bytes, over the limit of " + std::to_string(kMaxBodyBytes));
    } else {
      reply = take(*signal, json, gzip, std::move(body.bytes));
    }
  }
  // What is still to come of a refused body is read, so that the client gets to the answer.
  co_await exchange.read_body(0);
  co_await exchange.reply(std::move(reply));
}

HttpReply Receiver::take(Signal signal, bool json, bool gzip, std::string body) {
  std::size_t limit = options_.max_request_bytes;
  if (gzip) {
    auto content = gunzip(body, limit);
    if (!content) return refusal_of(content.error(), json);
    body = std::move(*content);
  }
  if (json) {
    json::Document document;  // not kept: its buffers grow to several times the text
    auto converted = protobuf_of_json(signal, document, body, body.capacity());
    if (!converted) return refusal_of(converted.error(), json);
    body = std::move(*converted);
  }
  auto request = add_resource(signal, body, options_.resource(), limit);
  if (!request) return refusal_of(request.error(), json);
  if (request->records > 0) {
    Batch batch;
    batch.body = std::move(request->body);
    batch.records = request->records;
    batch.signal = signal;
    batch.oldest = core::wall_now();
    options_.take(std::move(batch));
  }
  // An empty Export…ServiceResponse: all were taken.
  return {200, std::string(json ? kJson : kProtobuf), {}, json ? "{}" : ""};
}

}  // namespace mayfly::telemetry
