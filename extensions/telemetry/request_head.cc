#include "extensions/telemetry/request_head.h"

#include <algorithm>
#include <utility>

#include "core/http_field.h"

namespace mayfly::telemetry {
namespace {

using core::Deadline;
using core::Errc;
using core::fail;
using core::Outcome;

}  // namespace

RequestHead::RequestHead(Encoding encoding, std::string_view host, const Targets& targets,
                         const std::vector<HeaderSetting>& headers, Secrets* secrets)
    : secrets_(secrets) {
  core::append_field(fixed_, "Host", host);
  core::append_field(fixed_, "User-Agent", "mayfly-telemetry");
  core::append_field(fixed_, "Content-Type",
                     encoding == Encoding::otlp ? "application/x-protobuf" : "application/x-ndjson");
  std::ranges::transform(targets, targets_.begin(), [this](const auto& target) { return parse(target); });
  for (const auto& header : headers) fields_.push_back({header.name, parse(header.value)});
}

SecretText RequestHead::parse(std::string_view text) {
  auto parsed = parse_secret_text(text);
  if (!parsed) {
    malformed_ = parsed.error().message;
    return {};
  }
  if (parsed->has_references()) {
    has_references_ = true;
    if (!secrets_) malformed_ = "secrets cannot be fetched here";
  }
  return std::move(*parsed);
}

Outcome<void> RequestHead::prepare(bool fresh, Deadline deadline) {
  if (!malformed_.empty()) return fail(Errc::parse, malformed_);
  if (prepared_ && !(fresh && has_references_)) return {};
  if (fresh && has_references_) {
    for (const auto& target : targets_) secrets_->renew(target, deadline);
    for (const auto& field : fields_) secrets_->renew(field.value, deadline);
  }
  auto resolved = resolve(deadline);
  prepared_ = prepared_ || resolved;
  return resolved;
}

Outcome<void> RequestHead::resolve(Deadline deadline) {
  auto whole = [&](const SecretText& text) -> Outcome<Secret> {
    return text.has_references() ? secrets_->resolve(text, deadline) : Outcome<Secret>(Secret(text.rest));
  };
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    auto target = whole(targets_[i]);
    if (!target) return unexpected(target.error());
    if (!std::ranges::all_of(target->reveal(), [](unsigned char c) { return c > 0x20 && c < 0x7f; }))
      return fail(Errc::parse, "a secret in the URL has characters that a URL cannot hold");
    resolved_targets_[i] = std::move(*target);
  }
  Secret fields;
  for (const auto& field : fields_) {
    auto value = whole(field.value);
    if (!value) return unexpected(value.error());
    if (!core::is_field_value(value->reveal()))
      return fail(Errc::parse, "the secret for header " + field.name + " has control characters");
    for (std::string_view part :
         {std::string_view(field.name), std::string_view(": "), value->reveal(), std::string_view("\r\n")})
      fields.append(part);
  }
  resolved_fields_ = std::move(fields);
  return {};
}

Secret RequestHead::text(Signal signal, std::string_view coding, std::size_t content_length) const {
  Secret head("POST ");
  head.append(resolved_targets_[static_cast<std::size_t>(signal)].reveal());
  head.append(" HTTP/1.1\r\n");
  head.append(fixed_);
  head.append(resolved_fields_.reveal());
  std::string content;
  if (!coding.empty()) core::append_field(content, "Content-Encoding", coding);
  core::append_field(content, "Content-Length", std::to_string(content_length));
  head.append(content);
  head.append("\r\n");
  return head;
}

}  // namespace mayfly::telemetry
