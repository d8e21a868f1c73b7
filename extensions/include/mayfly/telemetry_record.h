// What the Telemetry API tells an extension: platform events, and the lines
// that function and extensions wrote (schema 2022-12-13 [A]).
//
// A batch is read lazily, one record at a time and without keeping any, so
// that ten thousand records cost the memory of one. A record that cannot be
// read, because it is no JSON, not UTF-8 or of another shape, costs only itself:
// it is skipped and counted.
//
//   for (const TelemetryRecord& record : batch) {
//     if (auto* report = std::get_if<Report>(&record.event)) ...
//   }
//
// All string views point into the batch or its parser: they live until the
// iteration moves on. Copy what is to be kept. A text that Lambda left out is an
// empty view, a number that it left out an empty optional. Words like status
// are passed on as they come: new ones appear without a new schema.
//
// [A] AWS Lambda Developer Guide, "Lambda Telemetry API Event schema
//     reference", read 2026-11.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace mayfly::extension {

// A part of an invocation that Lambda measured: responseLatency,
// responseDuration, runtimeOverhead, extensionOverhead.
struct Span {
  std::string_view name;
  std::string_view start;  // RFC 3339
  double duration_ms = 0;
};

// Present for sampled X-Ray traces only.
struct Tracing {
  std::string_view span_id;
  std::string_view type;   // X-Amzn-Trace-Id
  std::string_view value;  // Root=1-...;Parent=...;Sampled=1
};

// What an environment runs: told when it is initialized and when it is restored.
struct Instance {
  std::string_view function_name;
  std::string_view function_version;
  std::string_view runtime_version;
  std::string_view runtime_version_arn;
  std::string_view instance_id;
  std::optional<double> instance_max_memory;  // MB
};

// ---- platform.init*

struct InitStart : Instance {
  std::string_view initialization_type;  // on-demand, provisioned-concurrency, snap-start
  std::string_view phase;                // init, invoke, snap-start
};

struct InitRuntimeDone {
  std::string_view initialization_type;
  std::string_view phase;
  std::string_view status;  // success, failure, error, timeout
  std::string_view error_type;
  std::vector<Span> spans;
};

struct InitReport {
  std::string_view initialization_type;
  std::string_view phase;
  std::string_view status;
  std::string_view error_type;
  std::optional<double> duration_ms;
  std::vector<Span> spans;
};

// ---- invocations

struct Start {
  std::string_view request_id;
  std::string_view version;
  std::string_view tenant_id;
  Tracing tracing;
};

// The runtime has answered and is idle: the moment to flush.
struct RuntimeDone {
  std::string_view request_id;
  std::string_view status;
  std::string_view error_type;
  std::string_view tenant_id;
  std::optional<double> duration_ms;
  std::optional<std::int64_t> produced_bytes;
  std::vector<Span> spans;
  Tracing tracing;
};

// Arrives late: with the next invocation, or at shutdown.
struct Report {
  std::string_view request_id;
  std::string_view status;
  std::string_view error_type;
  std::string_view tenant_id;
  std::optional<double> duration_ms;
  std::optional<double> billed_duration_ms;
  std::optional<double> memory_size_mb;
  std::optional<double> max_memory_used_mb;
  std::optional<double> init_duration_ms;
  std::optional<double> restore_duration_ms;
  std::vector<Span> spans;
  Tracing tracing;
};

// ---- SnapStart

struct RestoreStart : Instance {};

struct RestoreRuntimeDone {
  std::string_view status;
  std::string_view error_type;
  std::vector<Span> spans;
};

struct RestoreReport {
  std::string_view status;
  std::string_view error_type;
  std::optional<double> duration_ms;
  std::vector<Span> spans;
};

// ---- extensions and the Telemetry API itself

// platform.extension: one for each extension, at the end of the Init phase.
struct ExtensionState {
  std::string_view name;
  std::string_view state;
  std::string_view error_type;
  std::vector<std::string_view> events;  // INVOKE, SHUTDOWN
};

struct TelemetrySubscription {
  std::string_view name;
  std::string_view state;
  std::vector<std::string_view> types;
};

// Lambda could not deliver some records.
struct LogsDropped {
  std::string_view reason;
  std::optional<std::int64_t> dropped_records;
  std::optional<std::int64_t> dropped_bytes;
};

// ---- lines

// One line of output. With the JSON log format and a line that is JSON, Lambda
// passes the object on: `is_object` is true, `text` is empty and
// TelemetryRecord::record_json holds it.
struct LogLine {
  std::string_view text;
  bool is_object = false;
};
struct FunctionLog : LogLine {};
struct ExtensionLog : LogLine {};

// A type that this version does not know: see TelemetryRecord::record_json.
struct UnknownRecord {};

struct TelemetryRecord {
  std::string_view type;       // "platform.report", "function", ...
  std::string_view time_text;  // as it came, RFC 3339
  // Empty when time_text cannot be read.
  std::optional<std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>> time;
  std::string_view json;            // the whole of it: {"time":...,"type":...,"record":...}
  std::string_view record_json;     // the value of "record"
  std::size_t record_capacity = 0;  // bytes that are readable at record_json.data()

  std::variant<UnknownRecord, FunctionLog, ExtensionLog, InitStart, InitRuntimeDone, InitReport, Start, RuntimeDone,
               Report, RestoreStart, RestoreRuntimeDone, RestoreReport, ExtensionState, TelemetrySubscription,
               LogsDropped>
      event;
};

// The body of one delivery: a JSON array of records. A single pass: begin()
// goes on where the last iteration ended. Thread-safety: one thread at a time.
class TelemetryBatch {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = TelemetryRecord;
    using difference_type = std::ptrdiff_t;
    using pointer = const TelemetryRecord*;
    using reference = const TelemetryRecord&;

    reference operator*() const { return batch_->current(); }
    pointer operator->() const { return &batch_->current(); }
    Iterator& operator++() {
      if (!batch_->advance()) batch_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator&) const = default;

   private:
    friend class TelemetryBatch;
    explicit Iterator(TelemetryBatch* batch) : batch_(batch) {}
    TelemetryBatch* batch_;
  };

  // Buffers that outlive a batch, so that reading one allocates next to nothing.
  class Parser;

  // `text` must live as long as the batch; `capacity` bytes are readable at
  // text.data() (at least text.size()). Without a parser it makes its own.
  TelemetryBatch(std::string_view text, std::size_t capacity);
  TelemetryBatch(std::string_view text, std::size_t capacity, Parser& parser);
  ~TelemetryBatch();
  TelemetryBatch(const TelemetryBatch&) = delete;
  TelemetryBatch& operator=(const TelemetryBatch&) = delete;

  Iterator begin() { return Iterator(advance() ? this : nullptr); }
  Iterator end() { return Iterator(nullptr); }

  // Records skipped so far because they could not be read. A delivery that is not
  // an array at all, or over 8 MiB, counts as one.
  std::size_t malformed() const { return malformed_; }

 private:
  const TelemetryRecord& current() const;
  bool advance();

  std::unique_ptr<Parser> own_parser_;
  Parser* parser_;
  std::string_view rest_;     // what has not been looked at
  const char* readable_end_;  // end of the readable bytes
  std::size_t malformed_ = 0;
  bool inside_ = false;  // the opening bracket was read
  bool utf8_ = false;    // all of it
};

}  // namespace mayfly::extension
