#include <doctest/doctest.h>

#include "emulator/cli/function_settings.h"

namespace mayfly::emulator::cli {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs read(std::string_view text) {
  Pairs out;
  auto done = read_env_file(text, "f.env", "orders", out);
  REQUIRE(done.has_value());
  return out;
}

std::string refused(std::string_view text) {
  Pairs out;
  auto done = read_env_file(text, "f.env", "orders", out);
  REQUIRE_FALSE(done.has_value());
  return done.error().message.what;
}

Decided<Settings> settings(std::vector<std::string> words, const Variables& variables = {}) {
  words.insert(words.begin(), "run");
  auto arguments = parse_arguments(words, variables);
  REQUIRE(arguments.has_value());
  return settings_from(*arguments, variables);
}

}  // namespace

TEST_CASE("an env file has comments, quotes, export and empty lines") {
  CHECK(read("# c\n\nA=1\nexport B = two words \nC='x # y'\nD=\"a\\nb\\\"\"\nE=v # c\nF=a=b\r\nG=\n") ==
        Pairs{{"A", "1"}, {"B", "two words"}, {"C", "x # y"}, {"D", "a\nb\""}, {"E", "v"}, {"F", "a=b"}, {"G", ""}});
}

TEST_CASE("a line without = is named by its number") {
  CHECK(refused("A=1\nnonsense\n") == "f.env:2: no NAME=VALUE in this line");
}

TEST_CASE("SAM's JSON: Parameters for all, a function's own, or a plain object") {
  CHECK(read("{\"Parameters\":{\"A\":\"1\"},\"orders\":{\"B\":\"2\"},\"other\":{\"C\":\"3\"}}") ==
        Pairs{{"A", "1"}, {"B", "2"}});
  CHECK(read(" {\"A\":\"1\",\"N\":5,\"T\":true}") == Pairs{{"A", "1"}, {"N", "5"}, {"T", "true"}});
  CHECK(refused("{\"A\":") == "f.env is not JSON");
  CHECK(refused("{\"A\":[1]}") == "f.env: the value of A is no text");
}

TEST_CASE("--env takes a value, or the shell's") {
  auto got = settings({"--env", "TABLE=orders", "--env", "HOME"}, {{"HOME", "/root"}});
  REQUIRE(got.has_value());
  CHECK(got->environment == Pairs{{"TABLE", "orders"}, {"HOME", "/root"}});
  CHECK(settings({"--env", "NOT_SET"}).error().code == kUsage);
}

TEST_CASE("reserved names are refused with the service's text") {
  auto got = settings({"--env", "AWS_REGION=x", "--env", "TABLE=1", "--env", "_HANDLER=y"});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().message.what.find("reserved keys") != std::string::npos);
  CHECK(got.error().message.what.find("AWS_REGION, _HANDLER") != std::string::npos);
}

TEST_CASE("more than 4 KB of variables are refused with the service's text") {
  auto fits = settings({"--env", "BIG=" + std::string(4'096 - 10, 'x')});
  CHECK(fits.has_value());
  auto got = settings({"--env", "BIG=" + std::string(4'096 - 9, 'x')});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().message.what.find("exceeded the 4KB limit. String measured: {\"BIG\":") != std::string::npos);
}

TEST_CASE("names that Lambda refuses are refused") {
  for (const char* word : {"1A=x", "A-B=x", "_A=x", "=x", "A=x"}) {
    CHECK_MESSAGE(settings({"--env", word}).has_value() == false, word);
  }
}

TEST_CASE("credentials are dummies unless the shell's are asked for") {
  Variables shell{
      {"AWS_ACCESS_KEY_ID", "AKIAREAL"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_ENDPOINT_URL", "http://localhost:4566"}};
  auto dummy = settings({}, shell);
  REQUIRE(dummy.has_value());
  CHECK(dummy->credentials.size() == 3);
  CHECK(dummy->credentials[0].second != "AKIAREAL");
  CHECK(dummy->environment.empty());
  auto own = settings({"--credentials", "env"}, shell);
  REQUIRE(own.has_value());
  CHECK(own->credentials == Pairs{{"AWS_ACCESS_KEY_ID", "AKIAREAL"}, {"AWS_SECRET_ACCESS_KEY", "s"}});
  CHECK(own->environment == Pairs{{"AWS_ENDPOINT_URL", "http://localhost:4566"}});
  CHECK(settings({"--credentials", "env"}).error().code == kUsage);
}

TEST_CASE("an address to listen on is a port or HOST:PORT") {
  CHECK(*parse_listen("9001") == core::Origin{"127.0.0.1", 9001});
  CHECK(*parse_listen(":9001") == core::Origin{"127.0.0.1", 9001});
  CHECK(*parse_listen("0.0.0.0:80") == core::Origin{"0.0.0.0", 80});
  CHECK(*parse_listen("[::1]:9001") == core::Origin{"::1", 9001});
  CHECK(*parse_listen("localhost:9001") == core::Origin{"127.0.0.1", 9001});
  CHECK(*parse_listen("0") == core::Origin{"127.0.0.1", 0});
  for (const char* text : {"", "x", "127.0.0.1", "h:70000", "h:-1", "::1:9000", "h:0x1"}) {
    CHECK_MESSAGE(!parse_listen(text).has_value(), text);
  }
}

TEST_CASE("without a name the function answers to every name") {
  CHECK(settings({})->any_function_name);
  auto named = settings({"--name", "orders"});
  CHECK_FALSE(named->any_function_name);
  CHECK(named->function_name == "orders");
}

TEST_CASE("a function's name is one that Lambda takes") {
  for (const char* name : {"", "a.b", "a b"}) {
    auto refused = settings({"--name", name});
    REQUIRE_MESSAGE(!refused.has_value(), name);
    CHECK(refused.error().code == kUsage);
  }
  auto long_name = settings({"--name", std::string(65, 'n')});
  REQUIRE_FALSE(long_name.has_value());
  CHECK(long_name.error().message.why ==
        "a name is 1 to 64 letters, digits, - and _\nLambda says: 1 validation error detected: Value '" +
            std::string(65, 'n') +
            "' at 'functionName' failed to satisfy constraint: Member must have length "
            "less than or equal to 64");
  CHECK(settings({"--name", "orders-2_b"})->function_name == "orders-2_b");
  CHECK(settings({"--name", "arn:aws:lambda:us-east-1:123456789012:function:orders"})->function_name == "orders");
}

TEST_CASE("a handler's name and a version are such as Lambda takes") {
  CHECK(settings({"--handler", std::string(128, 'h')}).has_value());
  auto refused = settings({"--handler", std::string(129, 'h')});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == kUsage);
  CHECK(refused.error().message.why.ends_with(
      "' at 'handler' failed to satisfy constraint: Member must have length less than or equal to 128"));
  refused = settings({"--handler", "a b"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(
      refused.error().message.why.ends_with("Value 'a b' at 'handler' failed to satisfy constraint: Member must "
                                            "satisfy regular expression pattern: [^\\s]+"));
  for (const char* version : {"$LATEST", "7", "1221"}) CHECK(settings({"--function-version", version}).has_value());
  for (const char* version : {"live", "$LATES", "7a", "-1"}) {
    INFO(version);
    CHECK_FALSE(settings({"--function-version", version}).has_value());
  }
}

TEST_CASE("an extension folder that is not there, or a file in it that cannot run, is named") {
  auto got = settings({"--extensions", "/nowhere/at/all"});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code == kCannotStart);
  CHECK(got.error().message.what.find("/nowhere/at/all") != std::string::npos);
}

}  // namespace mayfly::emulator::cli
