#include "extensions/telemetry/aws_secrets.h"

#include <algorithm>

#include <mayfly/base64.h>
#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include "core/http_answer.h"
#include "core/http_field.h"
#include "core/uri.h"
#include "extensions/telemetry/tls_module.h"

namespace mayfly::telemetry {
namespace {

using core::Deadline;
using core::Errc;
using core::fail;
using core::HttpAnswer;
using core::Outcome;
using json::Status;
using json::Value;
using Source = SecretReference::Source;

constexpr std::size_t kMaxAnswerBytes = 256 * 1024;  // a secret has 64 KiB at most, escaped or as base64
constexpr std::size_t kQuotedBytes = 300;

struct Service {
  AwsOperation operation;
  const char* host;  // first part of its name
  std::string AwsSettings::*url;
};

Service service_of(Source source) {
  switch (source) {
    case Source::secrets_manager:
      return {{"secretsmanager", "secretsmanager.GetSecretValue"}, "secretsmanager", &AwsSettings::secrets_manager_url};
    case Source::parameter: return {{"ssm", "AmazonSSM.GetParameter"}, "ssm", &AwsSettings::ssm_url};
    case Source::kms:
    case Source::file: break;
  }
  return {{"kms", "TrentService.Decrypt"}, "kms", &AwsSettings::kms_url};
}

// "arn:aws:secretsmanager:eu-west-1:…": the part with that number, or empty.
std::string_view part_of_arn(std::string_view id, int part) {
  if (!id.starts_with("arn:")) return {};
  for (; part > 0; --part) id.remove_prefix(std::min(id.find(':') + 1, id.size()));
  return id.substr(0, id.find(':'));
}

// Calls f(name, value) for each member; what is not an object has none.
template <class F>
void each_member(std::string_view text, std::size_t capacity, F f) {
  json::Document document;
  auto root = document.parse(text, capacity);
  if (!root) return;
  static_cast<void>(root->each_field([&](std::string_view name, Value& value) -> Status {
    f(name, value);
    return Status::ok;
  }));
}

template <class F>
void each_member(const HttpAnswer& answer, F f) {
  each_member(answer.body(), answer.body_capacity(), f);
}

// A string becomes a secret, and is wiped where the parser has it.
bool take(Value& value, Secret& out) {
  std::string_view text;
  if (value.kind() != json::Kind::string || value.get(text) != Status::ok) return false;
  out = Secret(text);
  wipe(text);
  return true;
}

Outcome<Secret> decoded(const Secret& base64) {
  std::string bytes;
  bytes.reserve(base64.reveal().size());
  bool valid = append_base64_decoded(bytes, base64.reveal());
  Secret secret(bytes);
  wipe(bytes);
  if (!valid) return fail(Errc::protocol, "the answer is not base64");
  return secret;
}

// "400 ResourceNotFoundException". The words of other errors than those about
// permissions are left out: of a wrong signature they repeat all that was signed.
std::string refusal(const HttpAnswer& answer) {
  std::string type, message;
  each_member(answer, [&](std::string_view name, Value& value) {
    std::string_view text;
    if (value.kind() != json::Kind::string || value.get(text) != Status::ok) return;
    if (name == "__type") type = text.substr(text.rfind('#') + 1, kQuotedBytes);
    if (core::same_field_name(name, "message")) message = text.substr(0, kQuotedBytes);
  });
  std::string words = "status " + std::to_string(answer.status());
  if (!type.empty()) words += " " + type;
  if (type.starts_with("AccessDenied") && !message.empty()) words += ": " + message;
  std::ranges::replace_if(
      words, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return words;
}

std::string request_body(const SecretReference& reference, bool with_context, const std::string& function_name) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  if (reference.source == Source::secrets_manager) writer.key("SecretId").value(reference.id);
  if (reference.source == Source::parameter) writer.key("Name").value(reference.id).key("WithDecryption").value(true);
  if (reference.source == Source::kms) {
    writer.key("CiphertextBlob").value(reference.id);
    if (with_context) {
      writer.key("EncryptionContext").begin_object().key("LambdaFunctionName").value(function_name).end_object();
    }
  }
  writer.end_object();
  return body;
}

}  // namespace

struct AwsSecrets::Endpoint {
  core::Uri uri;
  std::string region;
};

Outcome<Secret> AwsSecrets::fetch(const SecretReference& reference, Deadline deadline) {
  auto service = service_of(reference.source);
  Endpoint endpoint;
  endpoint.region = part_of_arn(reference.id, 3).empty() ? settings_.region : part_of_arn(reference.id, 3);
  if (endpoint.region.empty()) return fail(Errc::not_found, "AWS_REGION is not set");
  auto url = settings_.*service.url;
  if (url.empty()) {
    bool china = endpoint.region.starts_with("cn-");
    url = std::string("https://") + service.host + (settings_.fips ? "-fips." : ".") + endpoint.region +
          (china ? ".amazonaws.com.cn" : ".amazonaws.com");
  }
  auto uri = core::parse_uri(url);
  if (!uri) return fail(Errc::parse, "AWS_ENDPOINT_URL: " + uri.error().message);
  endpoint.uri = std::move(*uri);

  const char* field = reference.source == Source::kms ? "Plaintext" : "SecretString";
  if (reference.source == Source::parameter) field = "Value";
  auto value = call(service.operation, endpoint, request_body(reference, false, {}), field, deadline);
  // Lambda's console encrypts variables for one function.
  bool bound = reference.source == Source::kms && !value && !settings_.function_name.empty() &&
               value.error().message.find("InvalidCiphertextException") != std::string::npos;
  if (bound) {
    value = call(service.operation, endpoint, request_body(reference, true, settings_.function_name), field, deadline);
  }
  return value;
}

Outcome<Secret> AwsSecrets::call(const AwsOperation& operation, const Endpoint& endpoint, std::string_view body,
                                 std::string_view field, Deadline deadline) {
  auto signer = credentials(deadline);
  if (!signer) return unexpected(signer.error());
  auto sums = tls_module();
  if (!sums) return unexpected(sums.error());
  auto route = route_to(endpoint.uri);
  auto head = signed_head(**sums, *signer, operation, endpoint.region, route.host(), body, core::wall_now());
  auto answer = exchange(route, head.reveal(), body, deadline);
  if (!answer) return unexpected(answer.error());
  if ((*answer)->status() != 200) return fail(Errc::refused, refusal(**answer));

  Secret found, binary;
  bool any = false, is_binary = false;
  each_member(**answer, [&](std::string_view name, Value& value) {
    if (name == field) any = take(value, found);
    if (name == "SecretBinary") is_binary = take(value, binary);
    if (name != "Parameter") return;
    static_cast<void>(value.each_field([&](std::string_view inner, Value& member) -> Status {
      if (inner == field) any = take(member, found);
      return Status::ok;
    }));
  });
  wipe((*answer)->body());
  if (!any && is_binary) return decoded(binary);
  if (!any) return fail(Errc::protocol, "the answer has no " + std::string(field));
  if (field == "Plaintext") return decoded(found);
  return found;
}

Outcome<AwsCredentials> AwsSecrets::credentials(Deadline deadline) {
  if (!settings_.access_key_id.empty()) {
    return AwsCredentials{settings_.access_key_id, settings_.secret_access_key.copy(), settings_.session_token.copy()};
  }
  if (settings_.container_credentials.empty())
    return fail(Errc::not_found, "there are no AWS credentials: AWS_ACCESS_KEY_ID is not set");
  auto uri = core::parse_uri(settings_.container_credentials);
  if (!uri) return fail(Errc::parse, "AWS_CONTAINER_CREDENTIALS_FULL_URI: " + uri.error().message);
  std::string head = "GET " + uri->target + " HTTP/1.1\r\n";
  core::append_field(head, "Host", route_to(*uri).host());
  if (!settings_.container_token.empty()) {
    core::append_field(head, "Authorization", settings_.container_token.reveal());
  }
  head += "\r\n";
  auto answer = exchange(route_to(*uri), head, {}, deadline);
  wipe(head);
  if (!answer) return unexpected(answer.error());
  AwsCredentials found;
  Secret id;
  each_member(**answer, [&](std::string_view name, Value& value) {
    if (name == "AccessKeyId") take(value, id);
    if (name == "SecretAccessKey") take(value, found.secret_access_key);
    if (name == "Token") take(value, found.session_token);
  });
  wipe((*answer)->body());
  if (id.empty() || found.secret_access_key.empty()) {
    return fail(Errc::protocol, "the credentials that AWS_CONTAINER_CREDENTIALS_FULL_URI names: status " +
                                    std::to_string((*answer)->status()));
  }
  found.access_key_id = id.reveal();
  return found;
}

Route AwsSecrets::route_to(const core::Uri& uri) const {
  return {uri.origin, uri.scheme == "https", {settings_.ca_file, false}, proxies_};
}

Outcome<const HttpAnswer*> AwsSecrets::exchange(const Route& route, std::string_view head, std::string_view body,
                                                Deadline deadline) {
  auto& connection = connections_[(route.tls ? "https://" : "http://") + route.backend.host_port()];
  if (!connection) {
    auto opened = open_transport(route, kMaxAnswerBytes, -1);
    if (!opened) return unexpected(opened.error());
    connection = std::move(*opened);
  }
  if (auto sent = connection->send(head, body, deadline); !sent) return unexpected(sent.error());
  return connection->receive(deadline);
}

Outcome<Secret> member_of(const Secret& json, std::string_view key) {
  Secret found;
  bool any = false, object = false;
  auto text = json.copy();  // take() wipes what it reads
  each_member(text.reveal(), text.reveal().size() + Secret::kPadding, [&](std::string_view name, Value& value) {
    object = true;
    std::string_view raw;
    if (name != key) return;
    any = value.kind() == json::Kind::string ? take(value, found) : value.raw(raw) == Status::ok;
    if (!raw.empty()) found = Secret(raw);
  });
  if (any) return found;
  if (!object) return fail(Errc::parse, "it is not a JSON object");
  return fail(Errc::not_found, "it has no member of that name");
}

}  // namespace mayfly::telemetry
