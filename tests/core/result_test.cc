#include <mayfly/result.h>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include <mayfly/error.h>

#include "core/environment.h"

using mayfly::expected;
using mayfly::unexpected;

namespace {

using Number = expected<int, std::string>;

Number half(int n) {
  if (n % 2) return unexpected<std::string>("odd");
  return n / 2;
}

}  // namespace

TEST_CASE("an expected holds a value or an error") {
  CHECK(half(4).has_value());
  CHECK(*half(4) == 2);
  CHECK_FALSE(half(3));
  CHECK(half(3).error() == "odd");
  CHECK(half(3).value_or(-1) == -1);
  CHECK(half(4).value_or(-1) == 2);
  CHECK_THROWS_AS(static_cast<void>(half(3).value()), std::bad_variant_access);
}

TEST_CASE("steps are chained until one fails") {
  CHECK(*half(8).and_then(half) == 2);
  CHECK(half(3).and_then(half).error() == "odd");
  CHECK(half(6).and_then(half).error() == "odd");
  CHECK(*half(4).transform([](int n) { return n + 0.5; }) == 2.5);
  CHECK(half(3).transform_error([](const std::string& e) { return e.size(); }).error() == 3);
  expected<void, int> nothing = unexpected(5);
  CHECK(std::move(nothing).transform_error([](int e) { return e + 1; }).error() == 6);
  CHECK((expected<void, int>().transform_error([](int e) { return e + 1; }).has_value()));
}

TEST_CASE("a value may be movable only, and of the error's type") {
  expected<std::unique_ptr<int>, int> owner = std::make_unique<int>(7);
  CHECK(*std::move(owner).value() == 7);
  expected<int, int> same = unexpected(1);
  CHECK_FALSE(same);
  CHECK((expected<int, int>(1).has_value()));
}

TEST_CASE("a mayfly::Error is an exception whose what() is its message") {
  try {
    throw mayfly::Error("Order.Invalid", "no items");
  } catch (const std::exception& e) {
    CHECK(std::string(e.what()) == "no items");
  }
}

TEST_CASE("an environment variable may be missing or empty") {
  unsetenv("MAYFLY_TEST");
  CHECK_FALSE(mayfly::core::env("MAYFLY_TEST"));
  CHECK(mayfly::core::env_or("MAYFLY_TEST", "x") == "x");
  setenv("MAYFLY_TEST", "", 1);
  CHECK_FALSE(mayfly::core::env("MAYFLY_TEST"));
  CHECK(mayfly::core::env_or("MAYFLY_TEST", "x") == "");
  setenv("MAYFLY_TEST", "v", 1);
  CHECK(mayfly::core::env("MAYFLY_TEST") == "v");
  unsetenv("MAYFLY_TEST");
}
