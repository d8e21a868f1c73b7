// What Secrets Manager, Parameter Store and KMS hold for the function.
//
// Thread-safety: one thread at a time.

#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/failure.h"
#include "extensions/telemetry/aws_request.h"
#include "extensions/telemetry/aws_settings.h"
#include "extensions/telemetry/open_transport.h"
#include "extensions/telemetry/secret.h"
#include "extensions/telemetry/secret_text.h"

namespace mayfly::telemetry {

class AwsSecrets {
 public:
  // `settings` must outlive it.
  AwsSecrets(const AwsSettings& settings, ProxySettings proxies) : settings_(settings), proxies_(std::move(proxies)) {}

  // A whole secret: the key of the reference is the caller's. Connections are
  // kept for further ones.
  // Errors: those of Transport; refused, when the service said no: the message has
  // the name of its error, and its words where they are about permissions.
  core::Outcome<Secret> fetch(const SecretReference& reference, core::Deadline deadline);

  void close_connections() { connections_.clear(); }

 private:
  struct Endpoint;

  core::Outcome<Secret> call(const AwsOperation& operation, const Endpoint& endpoint, std::string_view body,
                             std::string_view field, core::Deadline deadline);
  core::Outcome<AwsCredentials> credentials(core::Deadline deadline);
  Route route_to(const core::Uri& uri) const;
  core::Outcome<const core::HttpAnswer*> exchange(const Route& route, std::string_view head, std::string_view body,
                                                  core::Deadline deadline);

  const AwsSettings& settings_;
  const ProxySettings proxies_;
  std::map<std::string, std::unique_ptr<Transport>> connections_;
};

// A member of the JSON object that `json` is. Errors: Errc::parse, not_found.
core::Outcome<Secret> member_of(const Secret& json, std::string_view key);

}  // namespace mayfly::telemetry
