#include <mayfly/stream.h>

#include <map>
#include <stdexcept>

#include <mayfly/error.h>
#include <mayfly/json/writer.h>

#include "core/http_field.h"

namespace mayfly {
namespace {

// A prelude and a first write up to here go out together; a longer one is not
// worth the copy.
constexpr std::size_t kMaxJoinedBytes = 64 * 1024;

constexpr std::string_view kIntegrationType = "application/vnd.awslambda.http-integration-response";
// Between the prelude and the body. JSON text has no NUL.
constexpr std::string_view kSeparator{"\0\0\0\0\0\0\0\0", 8};

}  // namespace

void Writer::content_type(std::string_view type) {
  if (begun_) throw std::logic_error("mayfly::Writer: content_type() after the first bytes were sent");
  if (content_type_ == kIntegrationType) throw std::logic_error("mayfly::http::Writer: content-type belongs in head()");
  content_type_ = type;
}

Result<void> Writer::write(std::string_view bytes) {
  written_ = true;
  if (unsent_.empty() && bytes.size() >= gather_) return send(bytes);
  if (unsent_.size() + bytes.size() > kMaxJoinedBytes && bytes.size() >= gather_) {
    if (auto sent = flush(); !sent) return sent;
    return send(bytes);
  }
  unsent_ += bytes;
  return unsent_.size() >= gather_ ? flush() : Result<void>{};
}

Result<void> Writer::flush() {
  auto sent = send(unsent_);
  unsent_.clear();
  return sent;
}

Result<void> Writer::send(std::string_view bytes) {
  if (bytes.empty() && open_) return {};
  if (!begun_) sink_.begin(content_type_);
  begun_ = true;
  auto sent = sink_.write(bytes);
  open_ = sent.has_value();
  return sent;
}

void Writer::finish() {
  if (!begun_) sink_.begin(content_type_);
  begun_ = true;
  static_cast<void>(flush());
  sink_.end();
}

namespace http {
namespace {

[[noreturn]] void refuse(std::string message) { throw Error("Runtime.MarshalError", std::move(message)); }

std::string prelude(const StreamHead& head) {
  if (head.status < 100 || head.status > 599) {
    refuse("HTTP status " + std::to_string(head.status) + " is outside 100..599");
  }
  std::map<std::string, std::string> headers;
  std::vector<std::string> cookies = head.cookies;
  for (const auto& [name, value] : head.headers) {
    if (!core::is_token(name)) refuse("'" + name + "' is no name of a header field");
    if (core::same_field_name(name, "set-cookie")) {
      cookies.push_back(value);
      continue;
    }
    auto [at, is_new] = headers.try_emplace(core::lower_case(name), value);
    if (!is_new) at->second.append(", ").append(value);
  }
  std::string out;
  json::Writer writer(out);
  auto checked = [](const std::string& value, std::string_view name) -> const std::string& {
    if (!core::is_field_value(value)) refuse("a control character in the header field " + std::string(name));
    return value;
  };
  writer.begin_object().member("statusCode", head.status).key("headers").begin_object();
  for (const auto& [name, value] : headers) writer.member(name, checked(value, name));
  writer.end_object().key("cookies").begin_array();
  for (const auto& cookie : cookies) writer.value(checked(cookie, "set-cookie"));
  writer.end_array().end_object();
  return out.append(kSeparator);
}

}  // namespace

Writer::Writer(runtime::ResponseSink& sink) : mayfly::Writer(sink) {
  content_type_ = kIntegrationType;
  unsent_ = prelude({});
}

void Writer::head(const StreamHead& head) {
  if (written_) throw std::logic_error("mayfly::http::Writer: head() behind the beginning of the body");
  unsent_ = prelude(head);
}

}  // namespace http
}  // namespace mayfly
