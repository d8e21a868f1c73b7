#include <mayfly/context.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include <mayfly/json/value.h>

#include "core/environment.h"
#include "core/http_field.h"
#include "runtime/src/stop_timer.h"

namespace mayfly {
namespace {

namespace chrono = std::chrono;

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Strings unescaped, everything else as the JSON text it is.
json::Status read_text(json::Value& value, std::string& out) {
  std::string_view text;
  auto status = value.kind() == json::Kind::string ? value.get(text) : value.raw(text);
  if (status == json::Status::ok) out = text;
  return status;
}

json::Status read_strings(json::Value& object, ClientContext::Strings& out) {
  if (object.is_null()) return json::Status::ok;
  return object.each_field([&](std::string_view name, json::Value& value) {
    std::string key(name);
    return read_text(value, out[key]);
  });
}

std::string_view environment(const char* name) { return core::env_or(name, ""); }

}  // namespace

std::string_view Context::header(std::string_view name) const {
  for (const auto& field : fields_) {
    if (core::same_field_name({field.name.data, field.name.size}, name)) return {field.value.data, field.value.size};
  }
  return {};
}

std::optional<chrono::system_clock::time_point> Context::deadline() const {
  auto ms = whole_number<std::int64_t>(header("Lambda-Runtime-Deadline-Ms"));
  // system_clock counts nanoseconds in 64 bits: it ends in the year 2262.
  constexpr auto kLast = chrono::floor<chrono::milliseconds>(chrono::system_clock::duration::max()).count();
  if (!ms || *ms <= 0 || *ms > kLast) return std::nullopt;
  return chrono::system_clock::time_point(chrono::milliseconds(*ms));
}

chrono::milliseconds Context::remaining() const {
  auto end = deadline();
  if (!end) return chrono::milliseconds::max();
  auto left = chrono::floor<chrono::milliseconds>(*end - chrono::system_clock::now());
  return std::max(left, chrono::milliseconds{0});
}

std::stop_token Context::stop_token(chrono::milliseconds margin) const {
  auto end = deadline();
  if (!end) return {};
  margin = std::max(margin, chrono::milliseconds{0});
  if (margin >= remaining()) {
    std::stop_source now;
    now.request_stop();
    return now.get_token();
  }
  auto* timer = timer_.load(std::memory_order_acquire);
  if (!timer) {
    auto made = std::make_unique<runtime::StopTimer>();
    // Two threads of the handler may be the first; `timer` is the one that stays.
    if (timer_.compare_exchange_strong(timer, made.get(), std::memory_order_acq_rel)) timer = made.release();
  }
  return timer->stop_at(*end - margin);
}

void Context::end_timer() { delete timer_.load(std::memory_order_acquire); }

std::optional<ClientContext> Context::client_context() const {
  json::Document document;
  auto value = document.parse(header("Lambda-Runtime-Client-Context"));
  if (!value || value->kind() != json::Kind::object) return std::nullopt;
  ClientContext out;
  auto status = value->each_field([&](std::string_view name, json::Value& field) {
    if (name == "client") return read_strings(field, out.client);
    if (name == "custom") return read_strings(field, out.custom);
    if (name == "env") return read_strings(field, out.env);
    return json::Status::ok;
  });
  if (status != json::Status::ok || !document.at_end()) return std::nullopt;
  return out;
}

std::optional<CognitoIdentity> Context::cognito_identity() const {
  json::Document document;
  auto value = document.parse(header("Lambda-Runtime-Cognito-Identity"));
  if (!value || value->kind() != json::Kind::object) return std::nullopt;
  CognitoIdentity out;
  auto status = value->each_field([&](std::string_view name, json::Value& field) {
    if (name == "cognitoIdentityId") return read_text(field, out.identity_id);
    if (name == "cognitoIdentityPoolId") return read_text(field, out.identity_pool_id);
    return json::Status::ok;
  });
  if (status != json::Status::ok || !document.at_end()) return std::nullopt;
  return out;
}

std::string_view Context::function_name() const { return environment("AWS_LAMBDA_FUNCTION_NAME"); }
std::string_view Context::function_version() const { return environment("AWS_LAMBDA_FUNCTION_VERSION"); }
std::string_view Context::log_group() const { return environment("AWS_LAMBDA_LOG_GROUP_NAME"); }
std::string_view Context::log_stream() const { return environment("AWS_LAMBDA_LOG_STREAM_NAME"); }

int Context::memory_limit_mb() const {
  return whole_number<int>(environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")).value_or(0);
}

}  // namespace mayfly
