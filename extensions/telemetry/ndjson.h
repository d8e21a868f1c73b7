// One record a line, as Lambda wrote it.

#pragma once

#include "extensions/telemetry/encoder.h"

namespace mayfly::telemetry {

class NdjsonEncoder final : public Encoder {
 public:
  void add(const extension::TelemetryRecord& record, const RecordContext& context) override;
  std::size_t records() const override { return open_.records; }
  std::size_t bytes() const override { return open_.body.size(); }
  SharedBatch seal() override;

 private:
  Batch open_;
};

}  // namespace mayfly::telemetry
