#include "extensions/telemetry/ndjson.h"

#include <algorithm>
#include <utility>

namespace mayfly::telemetry {

void NdjsonEncoder::add(const extension::TelemetryRecord& record, const RecordContext& context) {
  if (open_.records == 0) open_.oldest = context.received;
  auto begin = open_.body.size();
  open_.body += record.json;
  // A line break can only stand between tokens, where a space means the same.
  std::replace_if(
      open_.body.begin() + static_cast<std::ptrdiff_t>(begin), open_.body.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  open_.body += '\n';
  ++open_.records;
}

SharedBatch NdjsonEncoder::seal() { return std::make_shared<const Batch>(std::exchange(open_, Batch{})); }

}  // namespace mayfly::telemetry
