#include "extensions/telemetry/batch_halves.h"

#include <doctest/doctest.h>

#include <protozero/pbf_writer.hpp>

#include "otlp_decode.h"

using namespace mayfly::telemetry;
using protozero::pbf_writer;

namespace {

std::string log_record(const std::string& text) {
  std::string value, record;
  pbf_writer(value).add_string(1, text);
  pbf_writer(record).add_message(5, value);
  return record;
}

// Each inner list is a resource with its scopes, each with its records.
std::string request(const std::vector<std::vector<std::vector<std::string>>>& resources) {
  std::string out;
  int r = 0;
  for (const auto& scopes : resources) {
    std::string resource, key_value, value, attribute_owner;
    pbf_writer(value).add_string(1, "r" + std::to_string(r++));
    pbf_writer kv(key_value);
    kv.add_string(1, "name");
    kv.add_message(2, value);
    pbf_writer(attribute_owner).add_message(1, key_value);
    pbf_writer(resource).add_message(1, attribute_owner);
    for (const auto& records : scopes) {
      std::string scope;
      for (const auto& record : records) pbf_writer(scope).add_message(2, record);
      pbf_writer(scope).add_string(3, "schema");
      pbf_writer(resource).add_message(2, scope);
    }
    pbf_writer(out).add_message(1, resource);
  }
  return out;
}

std::vector<std::string> told(const std::string& body) {
  std::vector<std::string> out;
  for (const auto& record : decode_logs(body)) out.push_back(record.resource.at("name") + " " + record.body);
  return out;
}

}  // namespace

TEST_CASE("two halves hold the records of the whole, in order, each with its resource") {
  Batch whole;
  whole.body = request({{{log_record("a"), log_record("b")}, {log_record("c")}}, {{log_record("d"), log_record("e")}}});
  whole.records = 5;
  whole.has_error = true;
  auto halves = halve_otlp(whole);
  REQUIRE(halves);
  auto [first, second] = *halves;
  CHECK(first->records == 2);
  CHECK(second->records == 3);
  CHECK(first->has_error);
  auto all = told(first->body);
  auto rest = told(second->body);
  CHECK(all.size() == 2);
  all.insert(all.end(), rest.begin(), rest.end());
  CHECK(all == told(whole.body));
  CHECK(first->body.size() + second->body.size() < whole.body.size() + 60);
}

TEST_CASE("halves are even in bytes, and a large first or last record goes alone") {
  auto split_of = [](const std::vector<std::string>& records) {
    Batch whole;
    whole.body = request({{records}});
    whole.records = records.size();
    auto halves = halve_otlp(whole);
    return halves ? halves->first->records : 0;
  };
  auto small = log_record("x");
  auto large = log_record(std::string(1'000, 'x'));
  CHECK(split_of({large, small, small, small}) == 1);
  CHECK(split_of({small, small, small, large}) == 3);
  CHECK(split_of({small, small, small, small}) == 2);
  CHECK(split_of({small, small}) == 1);
  CHECK(split_of({small}) == 0);
}

TEST_CASE("the records of metrics are their data points") {
  std::string point, gauge, metric, sum_metric;
  pbf_writer(point).add_fixed64(3, 1);
  for (int i = 0; i < 3; ++i) pbf_writer(gauge).add_message(1, point);
  pbf_writer(metric).add_message(5, gauge);
  pbf_writer(sum_metric).add_string(1, "name");
  pbf_writer(sum_metric).add_message(7, point.substr(0, 0));
  Batch whole;
  whole.signal = Signal::metrics;
  whole.body = request({{{metric, metric, sum_metric}}});
  whole.records = 6;
  auto halves = halve_otlp(whole);
  REQUIRE(halves);
  CHECK(halves->first->records == 3);
  CHECK(halves->second->records == 3);
  CHECK(halves->first->signal == Signal::metrics);
}

TEST_CASE("what is no request cannot be halved, and no count becomes negative") {
  for (const char* body : {"", "\x0a", "\x0a\x05", "plain text", "\xff\xff\xff\xff"}) {
    Batch broken;
    broken.body = body;
    broken.records = 2;
    CHECK_FALSE(halve_otlp(broken));
  }
  Batch miscounted;
  miscounted.body = request({{{log_record("a"), log_record("b"), log_record("c"), log_record("d")}}});
  miscounted.records = 1;
  auto halves = halve_otlp(miscounted);
  REQUIRE(halves);
  CHECK(halves->first->records + halves->second->records == 1);
}

TEST_CASE("lines are halved between two of them") {
  auto lines = [](std::string body, std::size_t records) {
    Batch batch;
    batch.body = std::move(body);
    batch.records = records;
    return halve_lines(batch);
  };
  auto halves = lines("one\ntwo\nthree\n", 3);
  REQUIRE(halves);
  CHECK(halves->first->body == "one\ntwo\n");
  CHECK(halves->first->records == 2);
  CHECK(halves->second->body == "three\n");
  halves = lines("1\na long last line\n", 2);
  REQUIRE(halves);
  CHECK(halves->first->body == "1\n");
  CHECK_FALSE(lines("one\n", 1));
  CHECK_FALSE(lines("", 0));
}
