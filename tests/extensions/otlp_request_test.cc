#include "extensions/telemetry/otlp_request.h"

#include <doctest/doctest.h>

#include <limits>
#include <protozero/pbf_writer.hpp>

#include "otlp_text.h"

using mayfly::core::Errc;
using mayfly::telemetry::add_resource;
using mayfly::telemetry::Signal;
using protozero::pbf_writer;

namespace {

constexpr auto kNoLimit = std::numeric_limits<std::size_t>::max();

// One ResourceLogs, or its like, with these fields of a Resource.
std::string request(const std::string& resource, const std::string& scope, const std::string& more = "") {
  std::string inner, out;
  pbf_writer writer(inner);
  if (!resource.empty()) writer.add_message(1, resource);
  if (!scope.empty()) writer.add_message(2, scope);
  inner += more;
  pbf_writer(out).add_message(1, inner);
  return out;
}

// A scope with n records.
std::string scope(int n) {
  std::string out;
  for (int i = 0; i < n; ++i) pbf_writer(out).add_message(2, "\x0a\x01x", 3);
  return out;
}

std::string merged(const std::string& message, const std::string& ours) {
  auto out = add_resource(Signal::logs, message, ours, kNoLimit);
  return out ? text_of(out->body) : out.error().message;
}

}  // namespace

TEST_CASE("attributes that are missing are added, those of the SDK stay as they are") {
  auto ours = resource({{"faas.name", "orders"}, {"service.name", "orders"}});
  CHECK(merged(request(resource({{"service.name", "shop"}}), scope(1)), ours) ==
        R"(1{1{1{1"service.name" 2{1"shop"}} 1{1"faas.name" 2{1"orders"}}} 2{2{1"x"}}})");
}

TEST_CASE("the name that an SDK has for a service that was not named gives way") {
  auto theirs = resource({{"a", "1"}, {"service.name", "unknown_service:node"}, {"b", "2"}});
  CHECK(merged(request(theirs, scope(1)), resource({{"service.name", "orders"}})) ==
        R"(1{1{1{1"a" 2{1"1"}} 1{1"b" 2{1"2"}} 1{1"service.name" 2{1"orders"}}} 2{2{1"x"}}})");
  CHECK(merged(request(theirs, scope(1)), resource({{"a", "0"}})).find("unknown_service:node") != std::string::npos);
}

TEST_CASE("a request without a resource gets one") {
  CHECK(merged(request("", scope(1)), resource({{"faas.name", "orders"}})) ==
        R"(1{1{1{1"faas.name" 2{1"orders"}}} 2{2{1"x"}}})");
}

TEST_CASE("a resource that comes in two parts is one, as protobuf has it") {
  std::string second;
  pbf_writer(second).add_message(1, resource({{"faas.name", "theirs"}}));
  CHECK(merged(request(resource({{"a", "1"}}), scope(1), second), resource({{"faas.name", "ours"}})) ==
        R"(1{1{1{1"a" 2{1"1"}} 1{1"faas.name" 2{1"theirs"}}} 2{2{1"x"}}})");
}

TEST_CASE("fields that are not known are passed through, wherever they are") {
  std::string theirs = resource({{"a", "1"}});
  pbf_writer(theirs).add_uint32(99, 7);
  std::string more;
  pbf_writer(more).add_string(3, "schema");
  pbf_writer(more).add_fixed64(98, 1);
  std::string message = request(theirs, scope(1), more);
  pbf_writer(message).add_string(97, "top");
  CHECK(merged(message, resource({{"b", "2"}})) ==
        R"(1{1{1{1"a" 2{1"1"}} 99=7 1{1"b" 2{1"2"}}} 2{2{1"x"}} 3"schema" 98:0000000000000001} 97"top")");
}

TEST_CASE("each resource is completed on its own, and one without records stays as it is") {
  auto message =
      request(resource({{"a", "1"}}), scope(2)) + request("", "") + request(resource({{"b", "1"}}), scope(1));
  auto out = add_resource(Signal::traces, message, resource({{"a", "0"}, {"b", "0"}}), kNoLimit);
  REQUIRE(out);
  CHECK(out->records == 3);
  CHECK(
      text_of(out->body) ==
      R"(1{1{1{1"a" 2{1"1"}} 1{1"b" 2{1"0"}}} 2{2{1"x"} 2{1"x"}}} 1"" 1{1{1{1"b" 2{1"1"}} 1{1"a" 2{1"0"}}} 2{2{1"x"}}})");
}

TEST_CASE("the records of metrics are their data points, of whatever kind") {
  std::string points, metrics;
  for (int i = 0; i < 3; ++i) pbf_writer(points).add_message(1, "\x0a\x01x", 3);
  for (unsigned kind : {5, 7, 9, 10, 11}) {
    std::string metric;
    pbf_writer(metric).add_string(1, "m");
    pbf_writer(metric).add_message(kind, points);
    pbf_writer(metrics).add_message(2, metric);
  }
  auto out = add_resource(Signal::metrics, request("", metrics), "", kNoLimit);
  REQUIRE(out);
  CHECK(out->records == 15);
  CHECK(out->body == request("", metrics));
}

TEST_CASE("what is cut short or no protobuf is an error") {
  std::string whole = request(resource({{"a", "1"}}), scope(2));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    auto out = add_resource(Signal::logs, whole.substr(0, size), "", kNoLimit);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::parse);
  }
  CHECK_FALSE(add_resource(Signal::logs, "hello", "", kNoLimit));
}

TEST_CASE("the limit holds to the byte") {
  auto ours = resource({{"faas.name", "orders"}});
  auto message = request("", scope(1));
  auto size = add_resource(Signal::logs, message, ours, kNoLimit)->body.size();
  CHECK(add_resource(Signal::logs, message, ours, size + 20));
  auto out = add_resource(Signal::logs, message, ours, size - 1);
  REQUIRE_FALSE(out);
  CHECK(out.error().code == Errc::out_of_range);
}
