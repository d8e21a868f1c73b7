// Records become bytes as soon as they are here: an encoder appends each to the
// batch that is open, and no record is kept in any other form. There is one for
// each signal and form in use; an encoder takes what its signal can be made of
// and leaves all other records alone.

#pragma once

#include <mayfly/telemetry_record.h>

#include <cstddef>
#include <string_view>

#include "core/clock.h"
#include "extensions/telemetry/batch.h"
#include "extensions/telemetry/invocations.h"

namespace mayfly::telemetry {

// What is known about a record besides itself.
struct RecordContext {
  std::string_view request_id;  // of the invocation that was running; may be empty
  const Invocations& invocations;
  core::WallTime received;
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // `context.invocations` has noted the record.
  virtual void add(const extension::TelemetryRecord& record, const RecordContext& context) = 0;
  // The environment ends for `reason` (the word of SHUTDOWN), as
  // `context.invocations` knows: whatever waited for a later record is added as it is.
  virtual void end(std::string_view reason, const RecordContext& context) {
    static_cast<void>(reason), static_cast<void>(context);
  }
  virtual std::size_t records() const = 0;
  virtual std::size_t bytes() const = 0;
  // The open batch, which is empty afterwards. At least one record must be in it.
  virtual SharedBatch seal() = 0;
};

}  // namespace mayfly::telemetry
