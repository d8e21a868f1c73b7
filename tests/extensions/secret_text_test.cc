#include "extensions/telemetry/secret_text.h"

#include <doctest/doctest.h>

#include <type_traits>

#include "extensions/telemetry/secret.h"

using namespace mayfly::telemetry;
using Source = SecretReference::Source;

TEST_CASE("a text is cut into what stands for itself and what refers to a secret") {
  auto text = parse_secret_text(
      "Bearer ${secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:a-b#key}, ${ssm:/x/y};${kms:AQ==}${file:/a "
      "b}!");
  REQUIRE(text);
  REQUIRE(text->parts.size() == 4);
  CHECK(text->parts[0].literal == "Bearer ");
  CHECK(text->parts[0].reference.source == Source::secrets_manager);
  CHECK(text->parts[0].reference.id == "arn:aws:secretsmanager:eu-west-1:1:secret:a-b");
  CHECK(text->parts[0].reference.key == "key");
  CHECK(text->parts[1].literal == ", ");
  CHECK(text->parts[1].reference.source == Source::parameter);
  CHECK(text->parts[1].reference.id == "/x/y");
  CHECK(text->parts[2].reference.source == Source::kms);
  CHECK(text->parts[3].reference.id == "/a b");
  CHECK(text->rest == "!");
  CHECK(text->parts[0].reference.name() == "${secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:a-b#key}");
  CHECK(text->parts[2].reference.name() == "${kms:…}");
}

TEST_CASE("a text without a reference stands for itself") {
  for (const char* plain : {"", "value", "$", "{}", "a$b{c}", "$ {x}"}) {
    auto text = parse_secret_text(plain);
    REQUIRE(text);
    CHECK_FALSE(text->has_references());
    CHECK(text->rest == plain);
  }
}

TEST_CASE("what is no reference is said, without what may be a secret") {
  for (const char* wrong : {"${", "${}", "${ssm}", "${ssm:}", "${vault:hunter2}", "${hunter2}", "${ssm:hunter2",
                            "${secretsmanager:x#}", "${file:relative}", "${a b:hunter2}", "x${ssm:a}${no:hunter2}"}) {
    CAPTURE(wrong);
    auto text = parse_secret_text(wrong);
    REQUIRE_FALSE(text);
    CHECK(text.error().message.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a secret is moved, not copied, and grows without leaving itself behind") {
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_convertible_v<Secret, std::string_view>);
  Secret a("canary");
  Secret b = std::move(a);
  CHECK(b.reveal() == "canary");
  b.append(std::string(1000, 'x'));
  CHECK(b.reveal().size() == 1006);
  CHECK(b == b.copy());
  b = Secret("other");
  CHECK(b.reveal() == "other");
}
