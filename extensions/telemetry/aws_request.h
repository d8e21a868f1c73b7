// Requests to AWS services that speak JSON 1.1, signed with the function's
// credentials (Signature Version 4 [A]). Written here and not left to
// CURLOPT_AWS_SIGV4, because the messages are framed here, too, and because
// libcurl 7.88 does not sign the session token, which Lambda's credentials need.
//
// [A] AWS, "Create a signed AWS API request", read 2026-11.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/failure.h"
#include "core/uri.h"
#include "extensions/telemetry/secret.h"

namespace mayfly::telemetry {

struct AwsCredentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // may be empty
};

// One operation of one service.
struct AwsOperation {
  std::string_view service;  // as signed: "secretsmanager"
  std::string_view target;   // X-Amz-Target: "secretsmanager.GetSecretValue"
};

// Head of a POST with that body, up to and with its empty line.
Secret signed_head(const AwsCredentials& credentials, const AwsOperation& operation, std::string_view region,
                   std::string_view host, std::string_view body, core::WallTime now);

// What the environment says of AWS; nothing of it is looked at before it is used.
struct AwsSettings {
  std::string region;
  std::string function_name;
  std::string access_key_id;  // empty: container_credentials has them (SnapStart)
  Secret secret_access_key;
  Secret session_token;
  std::string container_credentials;  // AWS_CONTAINER_CREDENTIALS_FULL_URI
  Secret container_token;             // AWS_CONTAINER_AUTHORIZATION_TOKEN
  // AWS_ENDPOINT_URL_SECRETS_MANAGER, …_SSM, …_KMS, each or else AWS_ENDPOINT_URL.
  std::string secrets_manager_url, ssm_url, kms_url;
  bool fips = false;    // AWS_USE_FIPS_ENDPOINT
  std::string ca_file;  // AWS_CA_BUNDLE or SSL_CERT_FILE: the backend's own CA signs nothing of AWS's
};

AwsSettings read_aws_settings(const std::function<const char*(const char* name)>& environment);

}  // namespace mayfly::telemetry
