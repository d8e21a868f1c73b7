#include "emulator/invoke/function_url.h"

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "core/uri.h"
#include "emulator/identifiers.h"
#include "emulator/json_check.h"

namespace mayfly::emulator {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// Fields about the connection: the server's own business in both directions.
bool is_hop_by_hop(std::string_view name) {
  constexpr std::string_view kNames[] = {"connection", "keep-alive", "proxy-connection", "te",
                                         "trailer",    "expect",     "upgrade",          "transfer-encoding"};
  return std::ranges::any_of(kNames, [&](std::string_view one) { return core::same_field_name(one, name); });
}

// Puts `value` behind what is there under that name already.
void join(Pairs& pairs, std::string name, std::string_view value, std::string_view separator) {
  auto found = std::ranges::find(pairs, name, &Pairs::value_type::first);
  if (found == pairs.end()) {
    pairs.emplace_back(std::move(name), value);
  } else {
    found->second.append(separator).append(value);
  }
}

std::string_view value_of(const Pairs& pairs, std::string_view name) {
  auto found = std::ranges::find(pairs, name, &Pairs::value_type::first);
  return found == pairs.end() ? std::string_view() : found->second;
}

void replace(Pairs& pairs, std::string_view name, std::string value) {
  std::erase_if(pairs, [&](const auto& pair) { return core::same_field_name(pair.first, name); });
  pairs.emplace_back(name, std::move(value));
}

// ---- the event

Pairs event_headers(const RawRequest& request, const UrlContext& context) {
  Pairs headers;
  for (const auto& field : request.fields) {
    if (is_hop_by_hop(field.name)) continue;
    auto name = core::lower_case(field.name);
    join(headers, name, field.value, name == "cookie" ? "; " : ",");
  }
  replace(headers, "x-amzn-trace-id", context.trace_id);
  replace(headers, "x-forwarded-for", context.source_ip);
  replace(headers, "x-forwarded-port", std::to_string(context.port));
  replace(headers, "x-forwarded-proto", "http");
  return headers;
}

Pairs query_parameters(std::string_view query) {
  Pairs parameters;
  while (!query.empty()) {
    auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    auto equals = std::min(pair.find('='), pair.size());
    auto value = core::form_decode(pair.substr(std::min(equals + 1, pair.size())));
    join(parameters, core::form_decode(pair.substr(0, equals)), value, ",");
  }
  return parameters;
}

bool is_text(std::string_view content_type, std::string_view body) {
  auto type = core::lower_case(content_type.substr(0, content_type.find(';')));
  bool says_so = type.starts_with("text/") || type.find("json") != type.npos || type.find("xml") != type.npos ||
                 type.find("javascript") != type.npos;
  return says_so && json::is_utf8(body);
}

// "12/Mar/2020:19:03:58 +0000"
std::string clock_text(core::WallTime time) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::time_t seconds = static_cast<std::time_t>(core::epoch_ms(time) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%02d/%s/%04d:%02d:%02d:%02d +0000", parts.tm_mday, kMonths[parts.tm_mon],
                parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

void write_object(json::Writer& json, std::string_view name, const Pairs& pairs) {
  json.key(name).begin_object();
  for (const auto& [key, value] : pairs) json.member(key, value);
  json.end_object();
}

void write_cookies(json::Writer& json, std::string_view cookies) {
  if (cookies.empty()) return;
  json.key("cookies").begin_array();
  while (!cookies.empty()) {
    auto one = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(one.size() + 1, cookies.size()));
    if (!trimmed(one).empty()) json.value(trimmed(one));
  }
  json.end_array();
}

void write_authorizer(json::Writer& json, const UrlContext& context) {
  json.key("authorizer").begin_object().key("iam").begin_object();
  json.member("accessKey", context.access_key_id).member("accountId", context.account_id);
  json.member("callerId", context.access_key_id).key("cognitoIdentity").null().key("principalOrgId").null();
  json.member("userArn", "arn:aws:iam::" + context.account_id + ":user/" + context.access_key_id);
  json.member("userId", context.access_key_id).end_object().end_object();
}

void write_context(json::Writer& json, const RawRequest& request, const UrlContext& context, const Pairs& headers) {
  bool authorized = !context.access_key_id.empty();
  json.key("requestContext").begin_object();
  json.member("accountId", authorized ? context.account_id : std::string("anonymous"));
  json.member("apiId", context.url_id);
  if (authorized) {
    json.key("authentication").null();
    write_authorizer(json, context);
  }
  json.member("domainName", value_of(headers, "host")).member("domainPrefix", context.url_id);
  json.key("http").begin_object().member("method", request.method).member("path", request.path);
  json.member("protocol", "HTTP/1.1").member("sourceIp", context.source_ip);
  json.member("userAgent", value_of(headers, "user-agent")).end_object();
  json.member("requestId", context.request_id).member("routeKey", "$default").member("stage", "$default");
  json.member("time", clock_text(context.time)).member("timeEpoch", core::epoch_ms(context.time));
  json.end_object();
}

// ---- the answer

// JSON without the white space between its tokens. `json` is valid.
std::string compact(std::string_view json) {
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (!inside && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    if (c == '"') inside = !inside;
    out += c;
    if (inside && c == '\\') out += json[++i];
  }
  return out;
}

// A string without its quotes, anything else as compact JSON.
json::Status read_text(json::Value& value, std::string& out) {
  std::string_view text;
  if (value.kind() == json::Kind::string) {
    auto status = value.get(text);
    if (status == json::Status::ok) out = text;
    return status;
  }
  auto status = value.raw(text);
  if (status == json::Status::ok) out = compact(text);
  return status;
}

// 200, or "200".
json::Status read_status(json::Value& value, unsigned& out) {
  std::string text;
  if (auto status = read_text(value, text); status != json::Status::ok) return status;
  unsigned number = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  // 1xx would not be an answer: the client waits for another one behind it.
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || number < 200 || number > 599) {
    return json::Status::out_of_range;
  }
  out = number;
  return json::Status::ok;
}

json::Status add_field(Pairs& fields, std::string_view name, json::Value& value) {
  if (value.kind() == json::Kind::object || value.kind() == json::Kind::array || !core::is_token(name)) {
    return json::Status::wrong_kind;
  }
  if (value.kind() == json::Kind::null) return json::Status::ok;
  std::string text;
  if (auto status = read_text(value, text); status != json::Status::ok) return status;
  if (!is_hop_by_hop(name) && !core::same_field_name(name, "content-length"))
    fields.emplace_back(name, std::move(text));
  return json::Status::ok;
}

json::Status read_headers(json::Value& value, Pairs& fields) {
  if (value.kind() == json::Kind::null) return json::Status::ok;
  return value.each_field([&](std::string_view name, json::Value& one) {
    Pairs field;
    auto status = add_field(field, name, one);
    if (status == json::Status::ok && !field.empty()) replace(fields, name, std::move(field.front().second));
    return status;
  });
}

json::Status read_multi_value_headers(json::Value& value, Pairs& fields) {
  if (value.kind() == json::Kind::null) return json::Status::ok;
  return value.each_field([&](std::string_view name, json::Value& values) {
    std::string key(name);
    std::erase_if(fields, [&](const auto& pair) { return core::same_field_name(pair.first, key); });
    return values.each_element([&](json::Value& one) { return add_field(fields, key, one); });
  });
}

json::Status read_cookies(json::Value& value, Pairs& cookies) {
  if (value.kind() == json::Kind::null) return json::Status::ok;
  return value.each_element([&](json::Value& one) { return add_field(cookies, "set-cookie", one); });
}

// What an answer with a statusCode says.
struct Envelope {
  bool base64 = false;
  UrlAnswer answer;
};

enum class Form { buffered, streamed };

std::optional<Envelope> read_envelope(json::Value& root, Form form) {
  Envelope out;
  Pairs cookies;
  auto& answer = out.answer;
  auto status = root.each_field([&](std::string_view name, json::Value& value) {
    if (name == "statusCode") return read_status(value, answer.status);
    if (name == "headers") return read_headers(value, answer.fields);
    if (name == "cookies") return read_cookies(value, cookies);
    if (form == Form::streamed) {
      return name == "multiValueHeaders" ? read_multi_value_headers(value, answer.fields) : json::Status::ok;
    }
    if (name == "isBase64Encoded") return value.kind() == json::Kind::null ? json::Status::ok : value.get(out.base64);
    if (name == "body" && value.kind() != json::Kind::null) return read_text(value, answer.body);
    return json::Status::ok;
  });
  if (status != json::Status::ok) return std::nullopt;
  std::ranges::move(cookies, std::back_inserter(answer.fields));
  bool has_type = std::ranges::any_of(answer.fields,
                                      [](const auto& one) { return core::same_field_name(one.first, "content-type"); });
  if (!has_type) answer.fields.emplace_back("content-type", "application/json");
  return out;
}

bool has_status_code(json::Value& root) {
  bool found = false;
  root.each_field([&](std::string_view name, json::Value&) {
    found |= name == "statusCode";
    return json::Status::ok;
  });
  return found;
}

UrlAnswer inferred(std::string body) { return {200, {{"content-type", "application/json"}}, std::move(body)}; }

}  // namespace

std::string url_event(const RawRequest& request, const UrlContext& context) {
  std::string out;
  out.reserve(request.body.size() + 2'048);
  auto headers = event_headers(request, context);
  json::Writer json(out);
  json.begin_object().member("version", "2.0").member("routeKey", "$default");
  json.member("rawPath", request.path).member("rawQueryString", request.query);
  write_cookies(json, value_of(headers, "cookie"));
  write_object(json, "headers", headers);
  if (auto parameters = query_parameters(request.query); !parameters.empty()) {
    write_object(json, "queryStringParameters", parameters);
  }
  write_context(json, request, context, headers);
  bool text = request.body.empty() || is_text(value_of(headers, "content-type"), request.body);
  if (!request.body.empty()) {
    if (text) {
      json.member("body", request.body);
    } else {
      json.member("body", base64_encode(request.body));
    }
  }
  json.member("isBase64Encoded", !text).end_object();
  return out;
}

std::optional<UrlAnswer> url_answer(std::string_view payload) {
  if (!json_problem(payload).empty()) return inferred(std::string(payload));
  json::Document document;
  auto root = document.parse(payload);
  if (!root) return std::nullopt;
  if (root->kind() != json::Kind::object) {
    std::string body;
    if (read_text(*root, body) != json::Status::ok) return std::nullopt;
    return inferred(std::move(body));
  }
  if (!has_status_code(*root)) return inferred(compact(payload));
  root = document.parse(payload);
  if (!root) return std::nullopt;
  auto envelope = read_envelope(*root, Form::buffered);
  if (!envelope) return std::nullopt;
  if (envelope->base64) {
    auto bytes = base64_decode(envelope->answer.body);
    if (!bytes) return std::nullopt;
    envelope->answer.body = std::move(*bytes);
  }
  return std::move(envelope->answer);
}

std::optional<UrlAnswer> url_prelude(std::string_view json) {
  if (!is_json_object(json)) return std::nullopt;
  json::Document document;
  auto root = document.parse(json);
  if (!root) return std::nullopt;
  auto envelope = read_envelope(*root, Form::streamed);
  if (!envelope) return std::nullopt;
  return std::move(envelope->answer);
}

}  // namespace mayfly::emulator
