// Signatures as botocore 1.44.5 makes them, and every way to spoil one.

#include "emulator/invoke/signature.h"

#include <doctest/doctest.h>

#include <functional>

#include "emulator/invoke/sha256.h"

using namespace mayfly;
using namespace mayfly::emulator;
using namespace std::chrono_literals;

namespace {

const Credentials kPlain{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const Credentials kSession{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/session+token=="};

// A request that owns what it shows, to be changed part by part.
struct Signed {
  std::string method, path, query, body;
  std::vector<std::pair<std::string, std::string>> fields;
  Credentials credentials;
  std::string region = "us-east-1";
  std::string now = "2026-03-14T15:09:26Z";

  std::string& field(std::string_view name) {
    for (auto& [key, value] : fields) {
      if (key == name) return value;
    }
    return fields.emplace_back(name, "").second;
  }

  std::optional<SignatureFault> check() const {
    RawRequest request{method, path, query, {}, body};
    for (const auto& [name, value] : fields) request.fields.push_back({name, value});
    core::WallTime time;
    REQUIRE(core::parse_rfc3339(now, time));
    return signature_fault(request, credentials, region, time);
  }
  std::string fault_type() const {
    auto fault = check();
    return fault ? fault->type : "";
  }
  std::string fault_message() const {
    auto fault = check();
    return fault ? fault->message : "";
  }
};

void replace(std::string& text, std::string_view from, std::string_view to) {
  auto at = text.find(from);
  REQUIRE(at != text.npos);
  text.replace(at, from.size(), to);
}

const std::string kScope = "Credential=AKIDEXAMPLE/20260314/us-east-1/lambda/aws4_request, ";

Signed invoke() {
  return {"POST",
          "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aorders/invocations",
          "Qualifier=%24LATEST",
          R"({"id":17})",
          {{"Host", "127.0.0.1:9000"},
           {"X-Amz-Invocation-Type", "RequestResponse"},
           {"X-Amz-Date", "20260314T150926Z"},
           {"Authorization", "AWS4-HMAC-SHA256 " + kScope +
                                 "SignedHeaders=host;x-amz-date;x-amz-invocation-type, "
                                 "Signature=9c312fe5ddcd62745e1ed7777bee3f605e1550c6c0870f246d02504250efab33"}},
          kPlain};
}

Signed get_with_token() {
  return {"GET",
          "/a%20b//c/./d/../e/",
          "z=1&a=%C3%A9&a=%21&b",
          "",
          {{"Host", "127.0.0.1:9000"},
           {"X-Note", "two   blanks"},
           {"X-Amz-Date", "20260314T150926Z"},
           {"X-Amz-Security-Token", "a/session+token=="},
           {"Authorization", "AWS4-HMAC-SHA256 " + kScope +
                                 "SignedHeaders=host;x-amz-date;x-amz-security-token;x-note, "
                                 "Signature=b47013591e87d2316af14f24d5c1183e99b63d401535c8d2d052a2e743f3def0"}},
          kSession};
}

Signed presigned() {
  return {"GET",
          "/page",
          "x=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260314%2Fus-east-1%2Flambda%2Faws4_"
          "request&X-Amz-Date=20260314T150926Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%"
          "2Fsession%2Btoken%3D%3D&X-Amz-Signature="
          "c652a243824749c6b7c323ecb4166afd5f2d01fff83b63874b0d5861b3366c6b",
          "",
          {{"Host", "127.0.0.1:9000"}},
          kSession};
}

}  // namespace

TEST_CASE("SHA-256 and HMAC are those of FIPS 180 and RFC 4231") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(same_digest(sha256("a"), sha256("a")));
  CHECK_FALSE(same_digest(sha256("a"), sha256("b")));
}

TEST_CASE("what botocore signs is accepted") {
  for (const auto& request : {invoke(), get_with_token(), presigned()}) {
    INFO(request.path);
    CHECK(request.fault_message() == "");
  }
}

TEST_CASE("what is signed here is what botocore signs, and accepted") {
  auto theirs = invoke();
  std::vector<std::pair<std::string, std::string>> fields(theirs.fields.begin(), theirs.fields.begin() + 2);
  core::WallTime now;
  REQUIRE(core::parse_rfc3339(theirs.now, now));
  sign(fields, {theirs.method, theirs.path, theirs.query, {}, theirs.body}, kPlain, "us-east-1", now);
  CHECK(fields == theirs.fields);

  auto ours = get_with_token();
  ours.fields = {{"Host", "h"}, {"b", " 1  2 "}, {"A", ""}};
  sign(ours.fields, {ours.method, ours.path, ours.query, {}, ours.body}, kSession, ours.region, now);
  CHECK(ours.fault_message() == "");
}

TEST_CASE("a change to any signed part is found") {
  struct Row {
    const char* what;
    Signed (*made)();
    std::function<void(Signed&)> spoil;
  };
  const Row rows[] = {
      {"method", invoke, [](Signed& r) { r.method = "PUT"; }},
      {"path", invoke, [](Signed& r) { replace(r.path, "orders", "Orders"); }},
      {"encoding of the path", invoke, [](Signed& r) { replace(r.path, "%3A", ":"); }},
      {"end of the path", get_with_token, [](Signed& r) { r.path.pop_back(); }},
      {"query", invoke, [](Signed& r) { replace(r.query, "LATEST", "LATES"); }},
      {"one more parameter", get_with_token, [](Signed& r) { r.query += "&c=1"; }},
      {"body", invoke, [](Signed& r) { replace(r.body, "17", "18"); }},
      {"no body", invoke, [](Signed& r) { r.body.clear(); }},
      {"host", invoke, [](Signed& r) { r.field("Host") = "127.0.0.1:9001"; }},
      {"a signed field", invoke, [](Signed& r) { r.field("X-Amz-Invocation-Type") = "Event"; }},
      {"a field again", get_with_token, [](Signed& r) { r.fields.emplace_back("x-note", "more"); }},
      {"a field less", get_with_token, [](Signed& r) { r.field("X-Note") = ""; }},
      {"list of fields", get_with_token, [](Signed& r) { replace(r.field("Authorization"), ";x-note", ""); }},
      {"date", invoke, [](Signed& r) { r.field("X-Amz-Date") = "20260314T150927Z"; }},
      {"signature", invoke, [](Signed& r) { replace(r.field("Authorization"), "efab33", "efab34"); }},
      {"length of the signature", invoke, [](Signed& r) { r.field("Authorization").pop_back(); }},
      {"secret", invoke, [](Signed& r) { r.credentials.secret_access_key += "x"; }},
      {"presigned path", presigned, [](Signed& r) { r.path = "/pages"; }},
      {"presigned query", presigned, [](Signed& r) { replace(r.query, "x=1", "x=2"); }},
      {"presigned expiry", presigned, [](Signed& r) { replace(r.query, "=600", "=900"); }},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    auto request = row.made();
    row.spoil(request);
    CHECK(request.fault_type() == "InvalidSignatureException");
    CHECK(
        request.fault_message().starts_with("The request signature we calculated does not match the signature you "
                                            "provided. Check your AWS Secret Access Key and signing method."));
  }
}

TEST_CASE("what does not belong to a signature may change") {
  auto request = get_with_token();
  request.field("X-Note") = " two blanks ";
  request.query = "a=%21&z=1&b=&a=%c3%a9";
  request.fields.emplace_back("User-Agent", "curl");
  request.fields.emplace_back("X-Amzn-Trace-Id", "Root=1");
  CHECK(request.fault_message() == "");
  replace(request.field("Authorization"), ", SignedHeaders", ",SignedHeaders");
  CHECK(request.fault_message() == "");
}

TEST_CASE("a refused signature tells what should have been signed") {
  auto request = invoke();
  request.body = "{}";
  auto message = request.fault_message();
  CHECK(message.find("\n\nThe Canonical String for this request should have been\n'POST\n/2015-03-31/functions/"
                     "arn%253Aaws%253Alambda%253Aus-east-1%253A123456789012%253Afunction%253Aorders/invocations\n"
                     "Qualifier=%24LATEST\nhost:127.0.0.1:9000\nx-amz-date:20260314T150926Z\n"
                     "x-amz-invocation-type:RequestResponse\n\nhost;x-amz-date;x-amz-invocation-type\n"
                     "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'\n\nThe String-to-Sign should "
                     "have been\n'AWS4-HMAC-SHA256\n20260314T150926Z\n20260314/us-east-1/lambda/aws4_request\n") !=
        message.npos);
  CHECK(message.find(kPlain.secret_access_key) == message.npos);
}

TEST_CASE("a key or token that is not known is not told apart from one that is") {
  for (auto spoil : std::initializer_list<void (*)(Signed&)>{
           [](Signed& r) { replace(r.field("Authorization"), "AKIDEXAMPLE", "AKIDEXAMPLF"); },
           [](Signed& r) { r.field("X-Amz-Security-Token") += "="; },
           [](Signed& r) { std::erase_if(r.fields, [](auto& one) { return one.first == "X-Amz-Security-Token"; }); },
           [](Signed& r) { r.credentials.session_token.clear(); },
           [](Signed& r) { r.credentials.access_key_id.clear(); }}) {
    auto request = get_with_token();
    spoil(request);
    CHECK(request.fault_type() == "UnrecognizedClientException");
    CHECK(request.fault_message() == "The security token included in the request is invalid.");
  }
}

TEST_CASE("the clocks may differ by five minutes, in AWS's words") {
  auto at = [](Signed request, std::string now) {
    request.now = std::move(now);
    return request.fault_message();
  };
  CHECK(at(invoke(), "2026-03-14T15:14:26Z") == "");
  CHECK(at(invoke(), "2026-03-14T15:04:26Z") == "");
  CHECK(at(invoke(), "2026-03-14T15:14:27Z") ==
        "Signature expired: 20260314T150926Z is now earlier than 20260314T150927Z (20260314T151427Z - 5 min.)");
  CHECK(at(invoke(), "2026-03-14T15:04:25Z") ==
        "Signature not yet current: 20260314T150926Z is still later than 20260314T150925Z (20260314T150425Z + 5 min.)");
  CHECK(at(presigned(), "2026-03-14T15:19:26Z") == "");
  CHECK(
      at(presigned(), "2026-03-14T15:19:27Z").starts_with("Signature expired: 20260314T150926Z is now earlier than "));
}

TEST_CASE("what says nothing of itself is incomplete or missing") {
  struct Row {
    Signed (*made)();
    std::function<void(Signed&)> spoil;
    std::string type, message;
  };
  const std::string needs = "Authorization header requires ";
  const Row rows[] = {
      {invoke, [](Signed& r) { r.fields.pop_back(); }, "MissingAuthenticationTokenException",
       "Missing Authentication Token"},
      {invoke, [](Signed& r) { r.field("Authorization") = "Bearer x"; }, "IncompleteSignatureException",
       needs + "'Credential' parameter. " + needs + "'Signature' parameter. " + needs + "'SignedHeaders' parameter. " +
           "(Hashed with SHA-256 and encoded with Base64) "
           "Authorization=uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No="},
      {invoke, [](Signed& r) { std::erase_if(r.fields, [](auto& one) { return one.first == "X-Amz-Date"; }); },
       "IncompleteSignatureException", needs + "existence of either a 'X-Amz-Date' or a 'Date' header. "},
      {invoke, [](Signed& r) { replace(r.field("Authorization"), "SHA256", "SHA25"); }, "IncompleteSignatureException",
       "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). "},
      {invoke, [](Signed& r) { replace(r.field("Authorization"), "/aws4_request", ""); },
       "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements"},
      {invoke, [](Signed& r) { r.field("X-Amz-Date") = "Sat, 14 Mar 2026 15:09:26 GMT"; },
       "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got 'Sat, 14 Mar"},
      {invoke, [](Signed& r) { r.field("Authorization") += std::string(8 * 1024, 'a'); },
       "IncompleteSignatureException", "The Authorization header has 8"},
      {invoke, [](Signed& r) { r.region = "eu-west-1"; }, "InvalidSignatureException",
       "Credential should be scoped to a valid region, not 'us-east-1'."},
      {invoke, [](Signed& r) { replace(r.field("Authorization"), "/lambda/", "/s3/"); }, "InvalidSignatureException",
       "Credential should be scoped to correct service: 'lambda'."},
      {invoke, [](Signed& r) { replace(r.field("Authorization"), "aws4_request", "aws5_request"); },
       "InvalidSignatureException", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_"},
      {invoke, [](Signed& r) { replace(r.field("Authorization"), "20260314", "20260313"); },
       "InvalidSignatureException",
       "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260313' != "
       "'20260314', from '20260314T150926Z'."},
      {invoke, [](Signed& r) { replace(r.field("Authorization"), "host;", ""); }, "InvalidSignatureException",
       "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
      {invoke, [](Signed& r) { r.fields.emplace_back("X-Amz-Tenant-Id", "blue"); }, "InvalidSignatureException",
       "'x-amz-tenant-id' must be a 'SignedHeader' in the AWS Authorization."},
      {presigned, [](Signed& r) { replace(r.query, "X-Amz-Signature", "X-Amz-Sig"); }, "IncompleteSignatureException",
       "AWS query-string parameters must include 'X-Amz-Signature'."},
      {presigned, [](Signed& r) { replace(r.query, "=600", "=604801"); }, "IncompleteSignatureException",
       "X-Amz-Expires must be a number of seconds from 1 to 604800. Got '604801'"},
  };
  for (const auto& row : rows) {
    auto request = row.made();
    row.spoil(request);
    CHECK(request.fault_type() == row.type);
    CHECK(request.fault_message().starts_with(row.message));
    if (!request.fault_message().starts_with(row.message)) MESSAGE(request.fault_message());
  }
}
