#include "extensions/telemetry/aws_settings.h"

#include <string_view>

namespace mayfly::telemetry {

AwsSettings read_aws_settings(const std::function<const char*(const char* name)>& environment) {
  auto get = [&](const char* name) -> std::string_view {
    const char* value = environment(name);
    return value ? value : "";
  };
  auto endpoint = [&](const char* name) {
    return std::string(get(name).empty() ? get("AWS_ENDPOINT_URL") : get(name));
  };
  AwsSettings s;
  s.region = get("AWS_REGION").empty() ? get("AWS_DEFAULT_REGION") : get("AWS_REGION");
  s.function_name = get("AWS_LAMBDA_FUNCTION_NAME");
  s.access_key_id = get("AWS_ACCESS_KEY_ID");
  s.secret_access_key = Secret(get("AWS_SECRET_ACCESS_KEY"));
  s.session_token = Secret(get("AWS_SESSION_TOKEN"));
  s.container_credentials = get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  s.container_token = Secret(get("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
  s.secrets_manager_url = endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER");
  s.ssm_url = endpoint("AWS_ENDPOINT_URL_SSM");
  s.kms_url = endpoint("AWS_ENDPOINT_URL_KMS");
  s.fips = get("AWS_USE_FIPS_ENDPOINT") == "true";
  s.ca_file = get("AWS_CA_BUNDLE").empty() ? get("SSL_CERT_FILE") : get("AWS_CA_BUNDLE");
  return s;
}

}  // namespace mayfly::telemetry
