// What the environment says of AWS; nothing of it is looked at before it is used.

#pragma once

#include <functional>
#include <string>

#include "extensions/telemetry/secret.h"

namespace mayfly::telemetry {

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
