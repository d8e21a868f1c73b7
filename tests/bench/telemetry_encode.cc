// What a record costs mayfly-telemetry between the bytes of a delivery and the
// compressed request, in CPU time, beside what cannot be avoided: copying the
// delivery once, reading it with simdjson, and compressing what comes out.
//
// One line of JSON on standard output; times are nanoseconds a record, each the
// median of the rounds. `allocations` are those of a warm encoder, a record:
// whatever is allocated once a batch disappears in it.

#include <time.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <simdjson.h>

#include "extensions/src/batch_parser.h"
#include "extensions/telemetry/otlp_logs.h"

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t align) {
  ++allocations;
  auto to = static_cast<std::size_t>(align);
  if (void* p = std::aligned_alloc(to, (size + to - 1) / to * to)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

using namespace mayfly::telemetry;
namespace ext = mayfly::extension;

constexpr int kRecords = 1'000;
constexpr int kRounds = 15, kTurns = 20;

// Numbers that look like those of a function, the same in every run.
class Numbers {
 public:
  unsigned next(unsigned below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>(state_ >> 33) % below;
  }

 private:
  std::uint64_t state_ = 1;
};

std::string printed(const char* format, auto... values) {
  char text[512];
  return std::string(text, static_cast<std::size_t>(std::snprintf(text, sizeof text, format, values...)));
}

std::string request_id(int invocation) { return printed("8f3c41d2-7a1b-4c5d-8e6f-%012d", invocation); }

// A delivery of lines as a function with JSON logs writes them, or as text.
std::string delivery(bool json) {
  Numbers numbers;
  std::string out = "[";
  for (int i = 0; i < kRecords; ++i) {
    auto time = printed("2026-11-21T10:02:%02d.%03uZ", i / 50 % 60, numbers.next(1000));
    auto id = request_id(i / 100);
    const char* level = numbers.next(20) == 0 ? "WARN" : "INFO";
    auto what = printed("order %u of customer %u was accepted in %u ms", numbers.next(1'000'000), numbers.next(50'000),
                        numbers.next(400));
    out += i > 0 ? "," : "";
    out += R"({"time":")" + time + R"(","type":"function","record":)";
    if (json) {
      out += R"({"timestamp":")" + time + R"(","level":")" + level + R"(","requestId":")" + id + R"(","message":")" +
             what +
             printed(R"(","orderId":%u,"ok":true,"took":%u.%u})", numbers.next(1'000'000), numbers.next(400),
                     numbers.next(10));
    } else {
      out += "\"" + time + R"(\t)" + id + R"(\t)" + level + R"(\t)" + what + R"(\n")";
    }
    out += "}";
  }
  return out + "]";
}

std::int64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000ll + now.tv_nsec;
}

template <class F>
double ns_per_record(F turn) {
  turn();
  std::vector<double> rounds;
  for (int r = 0; r < kRounds; ++r) {
    auto begin = cpu_ns();
    for (int t = 0; t < kTurns; ++t) turn();
    rounds.push_back(static_cast<double>(cpu_ns() - begin) / (kTurns * kRecords));
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

// The compiler must not see that a result is thrown away.
void keep(const void* p) { asm volatile("" : : "g"(p) : "memory"); }

class Road {
 public:
  explicit Road(const std::string& body) : body_(body) {
    settings_.function_name = "orders";
    settings_.region = "eu-west-1";
    for (int i = 0; i < kRecords / 100; ++i) {
      ext::Invoke invoke;
      invoke.request_id = request_id(i);
      invoke.trace_id = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1";
      invocations_.invoked(invoke);
    }
    body_.reserve(body_.size() + 64);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~Road() { ZSTD_freeCCtx(context_); }

  void parse() {
    ext::TelemetryBatch batch(body_, body_.capacity(), parser_);
    for (const auto& record : batch) keep(&record);
  }
  SharedBatch encode() {
    ext::TelemetryBatch batch(body_, body_.capacity(), parser_);
    auto now = mayfly::core::wall_now();
    for (const auto& record : batch) {
      invocations_.note(record);
      encoder_.add(record, {invocations_.current(), invocations_, now});
    }
    if (encoder_.records() != kRecords) std::abort();
    return encoder_.seal();
  }
  std::size_t compress(const std::string& body) {
    packed_.resize(ZSTD_compressBound(body.size()));
    return ZSTD_compress2(context_, packed_.data(), packed_.size(), body.data(), body.size());
  }

 private:
  std::string body_;
  Settings settings_;
  Resource resource_{settings_};
  Invocations invocations_;
  OtlpLogsEncoder encoder_{resource_};
  ext::TelemetryBatch::Parser parser_;
  ZSTD_CCtx* context_ = ZSTD_createCCtx();
  std::string packed_;
};

// The least that simdjson needs to find all strings and members of a batch.
void simdjson_alone(simdjson::ondemand::parser& parser, const simdjson::padded_string& text) {
  simdjson::ondemand::document document;
  if (parser.iterate(text).get(document)) std::abort();
  std::size_t size = 0;
  for (auto element : document.get_array()) {
    for (auto field : element.get_object()) {
      std::string_view view;
      if (simdjson::to_json_string(field.value()).get(view)) std::abort();
      size += view.size();
    }
  }
  keep(&size);
}

void measure(const char* name, bool json) {
  auto body = delivery(json);
  Road road(body);
  std::string copy(body.size(), '\0');
  simdjson::padded_string padded(body);
  simdjson::ondemand::parser parser;
  auto encoded = road.encode();

  double copying = ns_per_record([&] {
    std::memcpy(copy.data(), body.data(), body.size());
    keep(copy.data());
  });
  double reading = ns_per_record([&] { simdjson_alone(parser, padded); });
  double packing = ns_per_record([&] { road.compress(encoded->body); });
  double parsing = ns_per_record([&] { road.parse(); });
  double encoding = ns_per_record([&] { keep(road.encode().get()); });
  double whole = ns_per_record([&] { road.compress(road.encode()->body); });
  allocations = 0;
  for (int t = 0; t < kTurns; ++t) road.compress(road.encode()->body);
  double allocated = static_cast<double>(allocations) / (kTurns * kRecords);

  std::printf(
      "\"%s\":{\"record_bytes\":%zu,\"otlp_bytes\":%zu,\"zstd_bytes\":%zu,\"memcpy_ns\":%.1f,\"simdjson_ns\":%.1f,"
      "\"zstd_ns\":%.1f,\"parse_ns\":%.1f,\"encode_ns\":%.1f,\"road_ns\":%.1f,\"allocations\":%.4f}",
      name, body.size() / kRecords, encoded->body.size() / kRecords, road.compress(encoded->body) / kRecords, copying,
      reading, packing, parsing, encoding, whole, allocated);
}

}  // namespace

int main() {
  std::printf("{");
  measure("json", true);
  std::printf(",");
  measure("text", false);
  std::printf("}\n");
}
