// Requests to AWS services that speak JSON 1.1, signed with the function's
// credentials (Signature Version 4 [A]). Written here and not left to
// CURLOPT_AWS_SIGV4, because the messages are framed here, too, and because
// libcurl 7.88 does not sign the session token, which Lambda's credentials need.
//
// [A] AWS, "Create a signed AWS API request", read 2026-11.

#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "extensions/telemetry/secret.h"
#include "extensions/telemetry/tls/tls_functions.h"

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

// Head of a POST with that body, up to and with its empty line. `sums`: of the TLS module.
Secret signed_head(const mayfly_tls_functions& sums, const AwsCredentials& credentials, const AwsOperation& operation,
                   std::string_view region, std::string_view host, std::string_view body, core::WallTime now);

}  // namespace mayfly::telemetry
