// What the telemetry of this environment comes from, in OpenTelemetry's words [A].
//
// Lambda hides log group and log stream from extensions, so faas.instance is the
// instanceId of platform.initStart, or else a UUID made here. The encoded form is
// made once, for the first batch: what is not known by then stays out of it, so
// that a backend sees one instance as one.
//
// [A] OpenTelemetry semantic conventions 1.44, "FaaS" and "Cloud" resources,
//     read 2026-11.

#pragma once

#include <string>
#include <string_view>

#include "extensions/telemetry/settings.h"

namespace mayfly::telemetry {

class Resource {
 public:
  explicit Resource(const Settings& settings) : settings_(settings) {}

  std::string_view function_name() const { return settings_.function_name; }

  // Before encoded(); later calls change nothing.
  void set_account_id(std::string_view id) { account_id_ = id; }
  void set_instance_id(std::string_view id) { instance_id_ = id; }
  void set_invoked_arn(std::string_view arn) { invoked_arn_ = arn; }

  // opentelemetry.proto.resource.v1.Resource, the same bytes from the first call on.
  const std::string& encoded();
  // The same, or before the first call what is known by now.
  std::string known() const;

 private:
  std::string encode(std::string_view instance_id) const;

  const Settings& settings_;
  std::string account_id_;
  std::string instance_id_;
  std::string invoked_arn_;
  std::string encoded_;
};

}  // namespace mayfly::telemetry
