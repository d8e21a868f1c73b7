#include "emulator/cli/url_settings.h"

#include <doctest/doctest.h>

#include "emulator/cli/function_settings.h"

namespace mayfly::emulator::cli {
namespace {

const Variables kKeys{{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_SESSION_TOKEN", "t"}};

Decided<Settings> settings(std::vector<std::string> words, const Variables& variables = {}) {
  words.insert(words.begin(), "run");
  auto arguments = parse_arguments(words, variables);
  REQUIRE(arguments.has_value());
  return settings_from(*arguments, variables);
}

std::string refused(const std::vector<std::string>& words, const Variables& variables = {}) {
  auto decided = settings(words, variables);
  REQUIRE_FALSE(decided.has_value());
  CHECK(decided.error().code == kUsage);
  return decided.error().message.what;
}

std::string cors_problem(std::string_view text) {
  auto cors = parse_cors(text);
  REQUIRE_FALSE(cors.has_value());
  return cors.error().message.why;
}

}  // namespace

TEST_CASE("a function has a URL when asked, open and without CORS unless told otherwise") {
  CHECK_FALSE(settings({})->url);
  auto url = settings({"--url", "8080"})->url;
  REQUIRE(url);
  CHECK(url->listen == core::Origin{"127.0.0.1", 8080});
  CHECK_FALSE(url->signed_only);
  CHECK_FALSE(url->cors);
  CHECK_FALSE(url->in_parts);
  CHECK(settings({"--url", "1", "--invoke-mode", "RESPONSE_STREAM"})->url->in_parts);
  CHECK(settings({"--url", "0.0.0.0:0"})->url->listen == core::Origin{"0.0.0.0", 0});
  CHECK(settings({}, {{"MAYFLY_URL", "8081"}})->url->listen.port == 8081);
  CHECK(refused({"--url", "http://x"}) == "cannot listen on 'http://x'");
}

TEST_CASE("options of a URL without a URL are a mistake") {
  CHECK(refused({"--auth-type", "AWS_IAM"}, kKeys) == "--auth-type without --url");
  CHECK(refused({"--invoke-mode", "BUFFERED"}) == "--invoke-mode without --url");
  CHECK(refused({"--cors", "*"}) == "--cors without --url");
}

TEST_CASE("callers sign with the keys of this shell, which must have some") {
  CHECK(settings({}, kKeys)->callers.access_key_id.empty());
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--verify-signatures"}, {"--url", "1", "--auth-type", "AWS_IAM"}}) {
    auto decided = settings(words, kKeys);
    REQUIRE(decided);
    CHECK(decided->callers.access_key_id == "AKID");
    CHECK(decided->callers.secret_access_key == "s");
    CHECK(decided->callers.session_token == "t");
    CHECK(decided->verify_signatures == (words.size() == 1));
    CHECK(refused(words, {{"AWS_ACCESS_KEY_ID", "AKID"}}).find("this shell has no AWS_") != std::string::npos);
  }
}

TEST_CASE("CORS is a list of origins, or the JSON of the AWS CLI") {
  auto origins = parse_cors("https://a.example,http://localhost:3000");
  REQUIRE(origins);
  CHECK(origins->allow_origins == std::vector<std::string>{"https://a.example", "http://localhost:3000"});
  CHECK(origins->allow_methods == std::vector<std::string>{"*"});
  CHECK(origins->allow_headers == std::vector<std::string>{"*"});
  auto json = parse_cors(R"({"AllowOrigins":["*"],"AllowMethods":["GET","PUT"],"AllowHeaders":["x-a"],)"
                         R"("ExposeHeaders":["x-e"],"AllowCredentials":true,"MaxAge":60})");
  REQUIRE(json);
  CHECK(json->allow_methods.size() == 2);
  CHECK(json->expose_headers == std::vector<std::string>{"x-e"});
  CHECK(json->allow_credentials);
  CHECK(json->max_age == 60);
  CHECK(cors_problem("a.example") == "'a.example' is no origin: https://HOST[:PORT], without a path, or *");
  CHECK(cors_problem("https://a.example/").starts_with("'https://a.example/' is no origin"));
  CHECK(cors_problem("{") != "");
  CHECK(cors_problem(R"({"AllowOrigin":["*"]})") == "it has no member AllowOrigin");
  CHECK(cors_problem(R"({"AllowOrigins":"*"})") == "the value of AllowOrigins is of another type");
  CHECK(cors_problem(R"({"MaxAge":86401})") == "MaxAge is 86401, 0 to 86400 are allowed");
  CHECK(cors_problem(R"({"AllowMethods":["1","2","3","4","5","6","7"]})") ==
        "AllowMethods has 7 values, 6 are allowed");
}

}  // namespace mayfly::emulator::cli
