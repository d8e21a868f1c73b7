#include "extensions/src/extensions_api.h"

#include <mayfly/json/writer.h>

#include "core/http_field.h"

namespace mayfly::extension {
namespace {

using core::Deadline;
using core::Errc;
using core::fail;
using core::HttpAnswer;
using core::Outcome;
using json::Status;
using json::Value;

// All calls but `next` are answered at once by a process on the same machine.
constexpr std::chrono::seconds kAnswerTime{10};

constexpr std::string_view kJson = "Content-Type: application/json\r\n";

// "403 Extension.InvalidExtensionName: Empty extension name"
std::string describe(const HttpAnswer& answer, json::Document& document) {
  std::string type, message;
  if (auto root = document.parse(answer.body(), answer.body_capacity())) {
    static_cast<void>(root->each_field([&](std::string_view name, Value& field) {
      std::string_view text;
      if (field.get(text) != Status::ok) return Status::ok;
      if (name == "errorType") type = text;
      if (name == "errorMessage") message = text;
      return Status::ok;
    }));
  }
  std::string out = std::to_string(answer.status());
  if (!type.empty()) out += " " + type;
  if (!message.empty()) out += ": " + message;
  return out;
}

std::string subscription(const std::vector<TelemetryType>& types, const Buffering& buffering, Schema schema,
                         std::uint16_t port) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("schemaVersion", to_string(schema)).key("types").begin_array();
  for (auto type : types) writer.value(to_string(type));
  writer.end_array().key("buffering").begin_object();
  writer.member("maxItems", buffering.max_items);
  writer.member("maxBytes", buffering.max_bytes);
  writer.member("timeoutMs", buffering.timeout.count());
  writer.end_object().key("destination").begin_object();
  writer.member("protocol", "HTTP");
  // The only host name that Lambda accepts here.
  writer.member("URI", "http://sandbox.localdomain:" + std::to_string(port));
  writer.end_object().end_object();
  return body;
}

}  // namespace

std::string_view to_string(Schema schema) {
  switch (schema) {
    case Schema::v2022_07_01: return "2022-07-01";
    case Schema::v2022_12_13: return "2022-12-13";
    case Schema::v2025_01_29: return "2025-01-29";
  }
  return "";
}

Outcome<void> check(const Buffering& buffering) {
  struct Limit {
    const char* name;
    std::int64_t value, least, most;
    const char* unit;
  };
  const Limit limits[] = {
      {"max_items", buffering.max_items, 1'000, 10'000, " records"},
      {"max_bytes", static_cast<std::int64_t>(buffering.max_bytes), 262'144, 1'048'576, " bytes"},
      {"timeout", buffering.timeout.count(), 25, 30'000, " ms"},
  };
  for (const auto& limit : limits) {
    if (limit.value >= limit.least && limit.value <= limit.most) continue;
    return fail(Errc::out_of_range, std::string("telemetry.buffering.") + limit.name + " " +
                                        std::to_string(limit.value) + limit.unit + ": must be " +
                                        std::to_string(limit.least) + ".." + std::to_string(limit.most) + limit.unit);
  }
  return {};
}

ExtensionsApi::ExtensionsApi(core::Origin origin) : connection_(std::move(origin), {}) {}

std::string ExtensionsApi::head(std::string_view method, std::string_view path, std::string_view fields,
                                std::size_t body_bytes) const {
  std::string out(method);
  out += ' ';
  out += path;
  out += " HTTP/1.1\r\n";
  core::append_field(out, "Host", connection_.origin().host_port());
  out += identifier_field_;
  out += fields;
  if (method != "GET") core::append_field(out, "Content-Length", std::to_string(body_bytes));
  out += "\r\n";
  return out;
}

Outcome<Registration> ExtensionsApi::register_extension(std::string_view name,
                                                        const std::vector<std::string_view>& events) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("events").begin_array();
  for (auto event : events) writer.value(event);
  writer.end_array().end_object();
  std::string fields(kJson);
  core::append_field(fields, "Lambda-Extension-Name", name);
  core::append_field(fields, "Lambda-Extension-Accept-Feature", "accountId");

  auto answer = connection_.exchange(head("POST", "/2020-01-01/extension/register", fields, body.size()), body,
                                     Deadline::after(kAnswerTime));
  if (!answer) return unexpected(answer.error());
  if ((*answer)->status() != 200) {
    return fail(Errc::refused, "the Extensions API refused to register \"" + std::string(name) +
                                   "\": " + describe(**answer, document_));
  }
  auto identifier = (*answer)->field("Lambda-Extension-Identifier");
  if (identifier.empty())
    return fail(Errc::protocol, "the Extensions API registered this extension without an identifier");
  core::append_field(identifier_field_, "Lambda-Extension-Identifier", identifier);
  next_head_ = head("GET", "/2020-01-01/extension/event/next", {}, 0);

  Registration registration;
  auto root = document_.parse((*answer)->body(), (*answer)->body_capacity());
  if (!root) return registration;  // nothing in it is vital
  static_cast<void>(root->each_field([&](std::string_view member, Value& field) {
    std::string_view text;
    if (field.get(text) != Status::ok) return Status::ok;
    if (member == "functionName") registration.function_name = text;
    if (member == "functionVersion") registration.function_version = text;
    if (member == "handler") registration.handler = text;
    if (member == "accountId") registration.account_id = text;
    return Status::ok;
  }));
  return registration;
}

Outcome<bool> ExtensionsApi::subscribe(const std::vector<TelemetryType>& types, const Buffering& buffering,
                                       Schema schema, std::uint16_t port) {
  if (auto checked = check(buffering); !checked) return unexpected(checked.error());
  std::string body = subscription(types, buffering, schema, port);
  auto answer = connection_.exchange(head("PUT", "/2022-07-01/telemetry", kJson, body.size()), body,
                                     Deadline::after(kAnswerTime));
  if (!answer) return unexpected(answer.error());
  int status = (*answer)->status();
  if (status == 202 || status == 404) return false;
  if (status == 200) return true;
  return fail(Errc::refused, "the Telemetry API refused the subscription: " + describe(**answer, document_));
}

Outcome<void> ExtensionsApi::send_next() { return connection_.send(next_head_, {}, Deadline::after(kAnswerTime)); }

Outcome<Event> ExtensionsApi::receive_next() {
  auto answer = connection_.receive_available();
  if (!answer) return unexpected(answer.error());
  if (!*answer) return Event();
  if ((*answer)->status() != 200) {
    return fail(Errc::refused, "the Extensions API refused the next event: " + describe(**answer, document_));
  }
  return parse_event(document_, (*answer)->body(), (*answer)->body_capacity());
}

Outcome<void> ExtensionsApi::init_error(std::string_view type, std::string_view message) {
  return post_error("/2020-01-01/extension/init/error", type, message);
}

Outcome<void> ExtensionsApi::exit_error(std::string_view type, std::string_view message) {
  return post_error("/2020-01-01/extension/exit/error", type, message);
}

Outcome<void> ExtensionsApi::post_error(std::string_view path, std::string_view type, std::string_view message) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("errorMessage", message).member("errorType", type);
  writer.key("stackTrace").begin_array().end_array().end_object();
  std::string fields(kJson);
  core::append_field(fields, "Lambda-Extension-Function-Error-Type", type);
  auto answer = connection_.exchange(head("POST", path, fields, body.size()), body, Deadline::after(kAnswerTime));
  if (!answer) return unexpected(answer.error());
  if ((*answer)->status() == 202) return {};
  return fail(Errc::refused, "the Extensions API refused the error report: " + describe(**answer, document_));
}

}  // namespace mayfly::extension
