#include "extensions/telemetry/aws_request.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "core/http_field.h"

namespace mayfly::telemetry {
namespace {

using Digest = std::array<unsigned char, 32>;

std::string_view text_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

Digest sha256(const mayfly_tls_functions& sums, std::string_view text) {
  Digest digest;
  sums.sha256(text.data(), text.size(), digest.data());
  return digest;
}

Digest hmac(const mayfly_tls_functions& sums, std::string_view key, std::string_view text) {
  Digest digest;
  sums.hmac_sha256(key.data(), key.size(), text.data(), text.size(), digest.data());
  return digest;
}

std::string hex(const Digest& digest) {
  std::string text;
  for (auto byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// "20150830T123600Z"
std::string amz_date(core::WallTime now) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now));
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc)};
}

// The key of a day, a region and a service.
Digest signing_key(const mayfly_tls_functions& sums, const AwsCredentials& credentials, std::string_view day,
                   std::string_view region, std::string_view service) {
  Secret first("AWS4");
  first.append(credentials.secret_access_key.reveal());
  Digest key = hmac(sums, first.reveal(), day);
  for (auto part : {region, service, std::string_view("aws4_request")}) key = hmac(sums, text_of(key), part);
  return key;
}

constexpr char kContentType[] = "application/x-amz-json-1.1";

}  // namespace

Secret signed_head(const mayfly_tls_functions& sums, const AwsCredentials& credentials, const AwsOperation& operation,
                   std::string_view region, std::string_view host, std::string_view body, core::WallTime now) {
  auto date = amz_date(now);
  auto day = std::string_view(date).substr(0, 8);
  auto token = credentials.session_token.reveal();

  // Names in the order in which they must be signed.
  std::string signed_names = "content-type;host;x-amz-date";
  if (!token.empty()) signed_names += ";x-amz-security-token";
  signed_names += ";x-amz-target";
  Secret canonical("POST\n/\n\n");
  auto field = [&](std::string_view name, std::string_view value) {
    for (auto part : {name, std::string_view(":"), value, std::string_view("\n")}) canonical.append(part);
  };
  field("content-type", kContentType);
  field("host", host);
  field("x-amz-date", date);
  if (!token.empty()) field("x-amz-security-token", token);
  field("x-amz-target", operation.target);
  canonical.append("\n" + signed_names + "\n" + hex(sha256(sums, body)));

  std::string scope;
  for (auto part : {day, std::string_view("/"), region, std::string_view("/"), operation.service}) scope += part;
  scope += "/aws4_request";
  auto to_sign = "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex(sha256(sums, canonical.reveal()));
  auto key = signing_key(sums, credentials, day, region, operation.service);
  auto signature = hex(hmac(sums, text_of(key), to_sign));

  std::string head = "POST / HTTP/1.1\r\n";
  core::append_field(head, "Host", host);
  core::append_field(head, "User-Agent", "mayfly-telemetry");
  core::append_field(head, "Content-Type", kContentType);
  core::append_field(head, "Content-Length", std::to_string(body.size()));
  core::append_field(head, "X-Amz-Date", date);
  core::append_field(head, "X-Amz-Target", operation.target);
  core::append_field(head, "Authorization",
                     "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + "/" + scope +
                         ", SignedHeaders=" + signed_names + ", Signature=" + signature);
  Secret request(head);
  if (!token.empty()) {
    std::string line;
    line.reserve(token.size() + 32);
    core::append_field(line, "X-Amz-Security-Token", token);
    request.append(line);
    wipe(line);
  }
  request.append("\r\n");
  return request;
}

}  // namespace mayfly::telemetry
