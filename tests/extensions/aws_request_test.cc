#include "extensions/telemetry/aws_request.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "extensions/telemetry/aws_settings.h"
#include "extensions/telemetry/tls_module.h"

using namespace mayfly;
using namespace mayfly::telemetry;

namespace {

std::string head(std::string_view token) {
  AwsCredentials credentials{"AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), Secret(token)};
  core::WallTime now;
  REQUIRE(core::parse_rfc3339("2026-11-21T20:30:15.987Z", now));
  auto sums = tls_module();
  REQUIRE(sums);
  return std::string(signed_head(**sums, credentials, {"secretsmanager", "secretsmanager.GetSecretValue"}, "eu-west-1",
                                 "secretsmanager.eu-west-1.amazonaws.com", R"({"SecretId":"orders"})", now)
                         .reveal());
}

}  // namespace

TEST_CASE("a request is signed as botocore 1.44 signs it") {
  CHECK(head("") ==
        "POST / HTTP/1.1\r\nHost: secretsmanager.eu-west-1.amazonaws.com\r\nUser-Agent: mayfly-telemetry\r\n"
        "Content-Type: application/x-amz-json-1.1\r\nContent-Length: 21\r\nX-Amz-Date: 20261121T203015Z\r\n"
        "X-Amz-Target: secretsmanager.GetSecretValue\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/eu-west-1/secretsmanager/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
        "Signature=58c13d2a73d09a083cc19a64c50cdfd5c36f4db89257be7e510c813807061810\r\n\r\n");
  auto with_token = head("the-token");
  CHECK(with_token.find("\r\nX-Amz-Security-Token: the-token\r\n") != std::string::npos);
  CHECK(with_token.find("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
                        "Signature=1e958f55e15fb198dfbf35c8e8bf1647cdb1dd35c536c352bdcf437408c4d1f8\r\n") !=
        std::string::npos);
}

TEST_CASE("a service's own endpoint wins over the general one") {
  std::map<std::string, const char*> variables{{"AWS_ENDPOINT_URL", "http://all:1"},
                                               {"AWS_ENDPOINT_URL_SSM", "http://ssm:2"},
                                               {"AWS_REGION", "eu-west-1"},
                                               {"SSL_CERT_FILE", "/roots"}};
  auto s = read_aws_settings([&](const char* name) { return variables[name]; });
  CHECK(s.ssm_url == "http://ssm:2");
  CHECK(s.kms_url == "http://all:1");
  CHECK(s.region == "eu-west-1");
  CHECK(s.ca_file == "/roots");
  CHECK(s.access_key_id == "");
}
