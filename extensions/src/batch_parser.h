// The buffers with which telemetry records are read. Kept by whoever reads many
// batches; made anew for one otherwise.

#pragma once

#include <mayfly/json/value.h>
#include <mayfly/telemetry_record.h>

namespace mayfly::extension {

class TelemetryBatch::Parser {
 public:
  // Reads one element of a batch into `record`. False: it cannot be read.
  bool parse(std::string_view text, std::size_t capacity);

  TelemetryRecord record;

 private:
  json::Document document_;         // of {"time", "type", "record"}
  json::Document record_document_;  // of the value of "record"
};

}  // namespace mayfly::extension
