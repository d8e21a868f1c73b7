// What is known of the invocations that records speak of: their trace, when they
// began, whether the environment was cold. Records of one may come when others
// run, or, on Managed Instances, of many at once.
//
// A trace comes from X-Ray where the invocation has one, as asked by `xray`:
//   join    X-Ray's trace id, and for the invocation's span the id of X-Ray's
//           function segment. That is the parent which the function's own SDK
//           sees in _X_AMZN_TRACE_ID, so its spans become children of ours. The
//           span has no parent, since X-Ray's segments are not where our spans
//           go and a trace without its root looks broken [A]; what X-Ray has
//           above it is a span link.
//   parent  X-Ray's trace id, and its function segment as parent: for a backend
//           that has X-Ray's segments too.
//   off     X-Ray's ids are not looked at.
// Without one, ids are random when spans are sent (`spans`), and there are none
// otherwise: an id that leads nowhere would only mislead.
//
// [A] OpenTelemetry semantic conventions 1.44, "AWS Lambda", X-Ray, read 2026-11.

#pragma once

#include <mayfly/extension.h>
#include <mayfly/telemetry_record.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.h"
#include "extensions/telemetry/trace_context.h"

namespace mayfly::telemetry {

struct Invocation {
  std::string trace_id;   // 16 bytes, or empty: no trace
  std::string span_id;    // 8 bytes, or empty
  std::string parent_id;  // 8 bytes, or empty: the span is a root
  std::string link_id;    // 8 bytes, or empty: what X-Ray has above it
  bool from_xray = false;
  bool sampled = false;  // X-Ray's word

  std::string invoked_arn;                // from INVOKE
  std::optional<core::WallTime> started;  // platform.start
  std::optional<bool> cold_start;         // empty: not known
  bool done = false;                      // platform.runtimeDone was there
  bool reported = false;                  // platform.report was there
  bool out_of_memory = false;             // a line told so
  bool given_up = false;                  // see Invocations::end
};

// Thread-safety: one thread at a time.
class Invocations {
 public:
  explicit Invocations(XRay xray = XRay::join, bool spans = false) : xray_(xray), spans_(spans) {}

  void invoked(const extension::Invoke& invoke);
  // To be called with each record, before any encoder has it.
  void note(const extension::TelemetryRecord& record);

  // Null when it is not known. Valid until the next note() or invoked().
  const Invocation* find(std::string_view request_id) const;

  // The invocation whose platform.start came last: lines that do not say where
  // they belong belong to it. Empty before the first.
  std::string_view current() const { return current_; }

  // The environment ends for `reason`, the word of SHUTDOWN. After a timeout or a
  // failure the record that tells how an invocation ended may never come, so what
  // is open then is given up: it ended now, and for this reason.
  void end(std::string_view reason);
  template <class F>
  void each_given_up(F f) const {
    for (const auto& [id, invocation] : known_) {
      if (invocation.given_up) f(std::string_view(id), invocation);
    }
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Known = std::unordered_map<std::string, Invocation, Hash, std::equal_to<>>;

  Invocation& at(std::string_view request_id);
  void read_trace(Invocation& invocation, std::string_view header, std::string_view segment_id);
  void forget();

  const XRay xray_;
  const bool spans_;
  Known known_;
  std::deque<std::string> order_;  // of known_, oldest first
  std::string current_;
  std::optional<bool> cold_;  // what the next invocation is
  mutable const Known::value_type* last_found_ = nullptr;
};

}  // namespace mayfly::telemetry
