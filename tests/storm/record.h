// Telemetry records with a number in them, and what is found of them in what a
// backend was sent.
//
// A number is written into the record's own text, so it survives any encoding.
// Platform records carry theirs in the request id: an invocation takes three
// numbers, for platform.start, platform.runtimeDone and platform.report.

#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

using Number = std::uint32_t;
using Dice = std::mt19937_64;

// Uniform in [low, high].
inline std::uint64_t between(Dice& dice, std::uint64_t low, std::uint64_t high) {
  return low + dice() % (high - low + 1);
}
inline bool chance(Dice& dice, double p) { return static_cast<double>(dice() >> 11) * 0x1p-53 < p; }

// The records of platform.start, .runtimeDone and .report have `invocation`, the next and the one after it.
std::string request_id(Number invocation);
std::string platform_start(Number invocation);
std::string platform_runtime_done(Number invocation, std::string_view status = "success");
std::string platform_report(Number invocation);

// A line of a function in one of the forms that functions write: plain text,
// a managed runtime's line, JSON with its usual members, JSON in JSON.
std::string function_line(Number number, Number invocation, Dice& dice);

// "[a,b]", as Lambda delivers records.
std::string batch(const std::vector<std::string>& records);

// The numbers of the log records in an ExportLogsServiceRequest, in order.
// Throws std::runtime_error where a record has none, or the request is none.
std::vector<Number> numbers_in_otlp(std::string_view request);

// The same in lines of NDJSON.
std::vector<Number> numbers_in_lines(std::string_view text);

// A batch of equal lines whose numbers can be set without writing it anew: for
// more records a second than anything else in a measurement could take.
class BatchTemplate {
 public:
  explicit BatchTemplate(std::size_t records);
  // The records are numbered from `first` on; the view lives until the next call.
  std::string_view numbered(Number first);
  std::size_t records() const { return digits_.size(); }

 private:
  std::string text_;
  std::vector<std::size_t> digits_;  // where a number's ten digits begin
};

}  // namespace storm
