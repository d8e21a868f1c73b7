// A delivery of the Telemetry API, whatever is in it: what is read can be read
// again, and a record in front of any bytes is always read.

#include <cstdint>
#include <string>

#include <mayfly/telemetry_record.h>

#include "tests/fuzz/check.h"

using mayfly::extension::TelemetryBatch;

namespace {

std::size_t read(std::string_view text) {
  TelemetryBatch batch(text, text.size());
  std::size_t count = 0;
  for (const auto& record : batch) {
    FUZZ_CHECK(text.find(record.json) != text.npos);
    FUZZ_CHECK(!record.record_json.empty() && record.json.find(record.record_json) != record.json.npos);
    FUZZ_CHECK(record.json.find(record.time_text) != record.json.npos || record.json.find('\\') != record.json.npos);
    ++count;
  }
  FUZZ_CHECK(count + batch.malformed() <= text.size());
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (size > 0) read(text);
  std::string first = R"([{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"first"},)";
  FUZZ_CHECK(read(first + std::string(text)) >= 1);
  return 0;
}
