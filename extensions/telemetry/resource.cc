#include "extensions/telemetry/resource.h"

#include <algorithm>

#include "extensions/telemetry/otlp_value.h"
#include "extensions/telemetry/random.h"

namespace mayfly::telemetry {
namespace {

constexpr std::uint32_t kAttributes = 1;

// cloud.resource_id wants the function's ARN with the version that runs, and an
// invoked ARN may end in an alias: arn:aws:lambda:region:account:function:name[:alias].
std::string resource_id(std::string_view arn, std::string_view version) {
  if (std::ranges::count(arn, ':') != 7) return std::string(arn);
  return std::string(arn.substr(0, arn.rfind(':') + 1)) + std::string(version);
}

}  // namespace

const std::string& Resource::encoded() {
  if (encoded_.empty()) encoded_ = encode(instance_id_.empty() ? random_uuid() : instance_id_);
  return encoded_;
}

std::string Resource::known() const { return encoded_.empty() ? encode(instance_id_) : encoded_; }

std::string Resource::encode(std::string_view instance_id) const {
  std::string out;
  auto add = [&](std::string_view key, std::string_view value) {
    bool given =
        std::ranges::any_of(settings_.resource_attributes, [&](const auto& pair) { return pair.first == key; });
    if (!value.empty() && !given) add_attribute(out, kAttributes, key, value);
  };
  add("service.name", settings_.service_name.empty() ? settings_.function_name : settings_.service_name);
  add("cloud.provider", "aws");
  add("cloud.platform", "aws_lambda");
  add("cloud.region", settings_.region);
  add("cloud.account.id", account_id_);
  add("cloud.resource_id", resource_id(invoked_arn_, settings_.function_version));
  add("faas.name", settings_.function_name);
  add("faas.version", settings_.function_version);
  add("faas.instance", instance_id);
  if (settings_.memory_mb > 0) {
    add_attribute(out, kAttributes, "faas.max_memory", static_cast<std::int64_t>(settings_.memory_mb) * 1024 * 1024);
  }
  for (const auto& [key, value] : settings_.resource_attributes) add_attribute(out, kAttributes, key, value);
  return out;
}

}  // namespace mayfly::telemetry
