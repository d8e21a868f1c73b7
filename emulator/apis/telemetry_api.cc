#include "emulator/apis/telemetry_api.h"

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include <array>

#include "emulator/apis/api_reply.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using core::Errc;
using core::fail;
using core::HttpExchange;
using core::HttpReply;
using core::Outcome;
using json::Status;

namespace {

constexpr std::size_t kMaxBodyBytes = 1024 * 1024;
constexpr std::array<std::string_view, 3> kSchemas{"2022-07-01", "2022-12-13", "2025-01-29"};
constexpr std::array<std::string_view, 3> kTypes{"platform", "function", "extension"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& known) {
  return std::ranges::find(known, text) != known.end();
}

// Collects the first thing that is wrong, in the words of the answer.
struct Problem {
  Errc code = Errc::parse;
  std::string message;
  Status say(std::string text, Errc what = Errc::parse) {
    if (message.empty()) message = std::move(text), code = what;
    return Status::stopped;
  }
};

Status read_text(json::Value& value, std::string_view name, std::string_view& out, Problem& problem) {
  if (value.get(out) == Status::ok) return Status::ok;
  return problem.say(std::string(name) + ": must be a string");
}

Status read_number(json::Value& value, std::string_view name, std::uint64_t low, std::uint64_t high, std::uint64_t& out,
                   Problem& problem) {
  std::string range = ": must be a number from " + std::to_string(low) + " to " + std::to_string(high);
  if (value.get(out) != Status::ok) return problem.say(std::string(name) + range);
  if (out >= low && out <= high) return Status::ok;
  return problem.say(std::string(name) + " " + std::to_string(out) + range, Errc::out_of_range);
}

Status read_buffering(json::Value& buffering, Subscription& out, Problem& problem) {
  return buffering.each_field([&](std::string_view name, json::Value& value) {
    std::uint64_t number = 0;
    Status status = Status::ok;
    if (name == "maxItems") {
      status = read_number(value, "buffering.maxItems", 1'000, 10'000, number, problem);
      out.max_items = number;
    } else if (name == "maxBytes") {
      status = read_number(value, "buffering.maxBytes", 262'144, 1'048'576, number, problem);
      out.max_bytes = number;
    } else if (name == "timeoutMs") {
      status = read_number(value, "buffering.timeoutMs", 25, 30'000, number, problem);
      out.timeout = std::chrono::milliseconds(number);
    }
    return status;
  });
}

Status read_types(json::Value& types, Subscription& out, Problem& problem) {
  auto status = types.each_element([&](json::Value& value) {
    std::string_view type;
    if (auto read = read_text(value, "types", type, problem); read != Status::ok) return read;
    if (!is_one_of(type, kTypes)) {
      return problem.say("types: " + std::string(type) + " is none of platform, function, extension");
    }
    if (!out.wants(type)) out.types.emplace_back(type);
    return Status::ok;
  });
  return status == Status::wrong_kind ? problem.say("types: must be a list of strings") : status;
}

struct RawDestination {
  std::string protocol, uri;
  std::uint64_t port = 0;
};

Status read_destination(json::Value& destination, RawDestination& out, Problem& problem) {
  return destination.each_field([&](std::string_view name, json::Value& value) {
    std::string_view text;
    if (name == "port") return read_number(value, "destination.port", 1, 65'535, out.port, problem);
    if (name != "protocol" && name != "URI") return Status::ok;
    auto status = read_text(value, "destination." + std::string(name), text, problem);
    (name == "URI" ? out.uri : out.protocol) = text;
    return status;
  });
}

Outcome<void> resolve(const RawDestination& raw, Subscription& out) {
  if (raw.protocol == "TCP") {
    if (raw.port == 0) return fail(Errc::parse, "destination.port: required for TCP");
    out.protocol = Subscription::Protocol::tcp;
    out.destination = {"sandbox.localdomain", static_cast<std::uint16_t>(raw.port)};
    return {};
  }
  if (raw.protocol != "HTTP") return fail(Errc::parse, "destination.protocol: must be HTTP or TCP");
  auto uri = core::parse_uri(raw.uri);
  if (!uri) return fail(Errc::parse, "destination.URI: " + uri.error().message);
  if (uri->scheme != "http") return fail(Errc::parse, "destination.URI: must begin with http://");
  const auto& host = uri->origin.host;
  if (host != "sandbox.localdomain" && host != "sandbox" && !uri->origin.is_loopback()) {
    return fail(Errc::parse, "destination.URI: the host must be sandbox.localdomain, not " + host);
  }
  out.destination = uri->origin;
  out.target = uri->target;
  return {};
}

HttpReply validation_error(std::string_view message) {
  HttpReply reply{400, "application/json", {}, {}};
  json::Writer(reply.body)
      .begin_object()
      .member("errorType", "ValidationError")
      .member("errorMessage", message)
      .end_object();
  return reply;
}

HttpReply subscribed() { return {200, "application/json", {}, "\"OK\""}; }

HttpReply no_logs() {
  return {202, "application/json", {}, api_error_json("Logs.NotSupported", "Logs API is not supported")};
}

ApiError closed_error() { return {403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed"}; }

}  // namespace

Outcome<Subscription> parse_subscription(std::string_view body) {
  json::Document document;
  auto root = document.parse(body);
  if (!root) return fail(Errc::parse, "the body is not JSON: " + root.error().to_string());
  Subscription out;
  RawDestination raw;
  Problem problem;
  auto status = root->each_field([&](std::string_view name, json::Value& value) {
    std::string_view text;
    if (name == "schemaVersion") {
      auto read = read_text(value, name, text, problem);
      if (read == Status::ok && !is_one_of(text, kSchemas)) {
        return problem.say("schemaVersion: " + std::string(text) + " is none of 2022-07-01, 2022-12-13, 2025-01-29");
      }
      out.schema_version = text;
      return read;
    }
    if (name == "types") return read_types(value, out, problem);
    if (name == "buffering") return value.is_null() ? Status::ok : read_buffering(value, out, problem);
    if (name == "destination") return read_destination(value, raw, problem);
    return Status::ok;
  });
  if (!problem.message.empty()) return fail(problem.code, problem.message);
  if (status != Status::ok)
    return fail(Errc::parse, "the body must be a JSON object, and so must destination and buffering");
  if (out.schema_version.empty()) return fail(Errc::parse, "schemaVersion: required");
  if (out.types.empty()) return fail(Errc::parse, "types: must name at least one of platform, function, extension");
  if (auto destination = resolve(raw, out); !destination) return unexpected(destination.error());
  return out;
}

asio::awaitable<void> TelemetryApi::serve(HttpExchange& exchange) {
  if (exchange.method() != "PUT") co_return co_await exchange.reply(wrong_method("PUT"));
  auto body = co_await exchange.read_body(kMaxBodyBytes);
  if (!lifecycle_) co_return co_await exchange.reply(gone());
  if (body.state == body.broken) co_return;
  if (body.state == body.too_large)
    co_return co_await exchange.reply(validation_error("the body is over 1048576 bytes"));
  co_await exchange.reply(subscribe(exchange.field("Lambda-Extension-Identifier"), body.bytes));
}

HttpReply TelemetryApi::subscribe(std::string_view identifier, std::string_view body) {
  auto name = lifecycle_->extension_name(identifier);
  if (!name) return refusal(name.error());
  if (!telemetry_->accepts_subscriptions()) return refusal(closed_error());
  auto subscription = parse_subscription(body);
  if (!subscription) return validation_error(subscription.error().message);
  if (managed_ && subscription->schema_version != kSchemas.back()) {
    return validation_error("schemaVersion: " + subscription->schema_version + " is not " +
                            std::string(kSchemas.back()) + ", the only one of Managed Instances");
  }
  if (subscription->destination.port == reserved_port_ || subscription->destination.port == 9001) {
    return validation_error("destination: port " + std::to_string(subscription->destination.port) + " is reserved");
  }
  auto types = subscription->types;
  telemetry_->subscribe(std::string(identifier), std::move(*subscription));
  journal_->subscribed(*name, types);
  return subscribed();
}

asio::awaitable<void> TelemetryApi::serve_logs(HttpExchange& exchange) {
  if (exchange.method() != "PUT") co_return co_await exchange.reply(wrong_method("PUT"));
  (void)co_await exchange.read_body(kMaxBodyBytes);
  co_await exchange.reply(no_logs());
}

}  // namespace mayfly::emulator
