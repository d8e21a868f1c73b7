// The buffers with which telemetry records are read. Kept by whoever reads many
// batches; made anew for one otherwise.

#pragma once

#include <mayfly/json/value.h>
#include <mayfly/telemetry_record.h>

namespace mayfly::extension {

class TelemetryBatch::Parser {
 public:
  // An element of a batch.
  struct Element {
    std::string_view text;  // empty between two commas
    // What cutting it off has shown of it. If it begins as Lambda writes records,
    // {"time":"...","type":"...","record": and there is nothing behind that value:
    std::string_view time_text;
    std::string_view type;
    std::string_view record_json;  // empty: it is not so
  };

  // Cuts the next element off. `utf8`: all of the batch is.
  static Element next_element(std::string_view& rest, bool utf8);

  // Reads one element of a batch into `record`. False: it cannot be read.
  bool parse(const Element& element, std::size_t capacity);

  TelemetryRecord record;

 private:
  bool parse_envelope(std::string_view text, std::size_t capacity);
  bool read_event(std::string_view text, std::size_t capacity);

  json::Document document_;         // of {"time", "type", "record"}
  json::Document record_document_;  // of the value of "record"
};

}  // namespace mayfly::extension
