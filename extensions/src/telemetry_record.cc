// Reads deliveries of the Telemetry API.
//
// A batch is first cut into its elements by counting brackets outside of
// strings, and each element is then parsed as a document of its own. Parsing the
// whole batch at once would be a little cheaper, but one bad byte in one line of
// a function would then cost all lines of the batch.

#include <mayfly/telemetry_record.h>

#include <algorithm>
#include <tuple>
#include <type_traits>

#include <mayfly/json/value.h>

#include "core/clock.h"
#include "extensions/src/batch_parser.h"

namespace mayfly::extension {
namespace {

using json::Kind;
using json::Status;
using json::Value;

// ---- fields of a record, by type of member

Status read(Value& value, std::string_view& out) { return value.is_null() ? Status::ok : value.get(out); }

Status read(Value& value, std::optional<double>& out) {
  if (value.is_null()) return Status::ok;
  return value.get(out.emplace());
}

Status read(Value& value, std::optional<std::int64_t>& out) {
  if (value.is_null()) return Status::ok;
  return value.get(out.emplace());
}

Status read(Value& value, double& out) { return value.get(out); }
Status read(Value& value, Tracing& out);
Status read(Value& value, std::vector<std::string_view>& out);
Status read(Value& value, std::vector<Span>& out);

template <class T>
struct Member {
  std::string_view name;
  T& out;
};
template <class T>
Member(std::string_view, T&) -> Member<T>;

// Reads the members that are named; others are skipped, missing ones stay empty.
template <class... T>
Status read_object(Value& value, Member<T>... members) {
  return value.each_field([&](std::string_view name, Value& field) {
    Status status = Status::ok;
    static_cast<void>(((name == members.name ? (status = read(field, members.out), true) : false) || ...));
    return status;
  });
}

Status read(Value& value, Tracing& out) {
  if (value.is_null()) return Status::ok;
  return read_object(value, Member{"spanId", out.span_id}, Member{"type", out.type}, Member{"value", out.value});
}

Status read(Value& value, std::vector<std::string_view>& out) {
  if (value.is_null()) return Status::ok;
  return value.each_element([&](Value& element) { return element.get(out.emplace_back()); });
}

Status read(Value& value, std::vector<Span>& out) {
  if (value.is_null()) return Status::ok;
  return value.each_element([&](Value& element) {
    Span& span = out.emplace_back();
    return read_object(element, Member{"name", span.name}, Member{"start", span.start},
                       Member{"durationMs", span.duration_ms});
  });
}

// The "metrics" object, which every report has in its own form.
template <class... T>
struct Metrics {
  std::tuple<Member<T>...> members;
};
template <class... T>
Metrics<T...> metrics(Member<T>... members) {
  return {{members...}};
}
template <class... T>
Status read(Value& value, Metrics<T...>& out) {
  if (value.is_null()) return Status::ok;
  return std::apply([&](auto... members) { return read_object(value, members...); }, out.members);
}

// ---- records, by type of event

template <class... T>
Status read_instance(Value& v, Instance& r, Member<T>... more) {
  return read_object(v, Member{"functionName", r.function_name}, Member{"functionVersion", r.function_version},
                     Member{"runtimeVersion", r.runtime_version}, Member{"runtimeVersionArn", r.runtime_version_arn},
                     Member{"instanceId", r.instance_id}, Member{"instanceMaxMemory", r.instance_max_memory}, more...);
}

Status read_event(Value& v, InitStart& r) {
  return read_instance(v, r, Member{"initializationType", r.initialization_type}, Member{"phase", r.phase});
}

Status read_event(Value& v, InitRuntimeDone& r) {
  return read_object(v, Member{"initializationType", r.initialization_type}, Member{"phase", r.phase},
                     Member{"status", r.status}, Member{"errorType", r.error_type}, Member{"spans", r.spans});
}

Status read_event(Value& v, InitReport& r) {
  auto m = metrics(Member{"durationMs", r.duration_ms});
  return read_object(v, Member{"initializationType", r.initialization_type}, Member{"phase", r.phase},
                     Member{"status", r.status}, Member{"errorType", r.error_type}, Member{"metrics", m},
                     Member{"spans", r.spans});
}

Status read_event(Value& v, Start& r) {
  return read_object(v, Member{"requestId", r.request_id}, Member{"version", r.version},
                     Member{"tenantId", r.tenant_id}, Member{"tracing", r.tracing});
}

Status read_event(Value& v, RuntimeDone& r) {
  auto m = metrics(Member{"durationMs", r.duration_ms}, Member{"producedBytes", r.produced_bytes});
  return read_object(v, Member{"requestId", r.request_id}, Member{"status", r.status},
                     Member{"errorType", r.error_type}, Member{"tenantId", r.tenant_id}, Member{"metrics", m},
                     Member{"spans", r.spans}, Member{"tracing", r.tracing});
}

Status read_event(Value& v, Report& r) {
  auto m = metrics(Member{"durationMs", r.duration_ms}, Member{"billedDurationMs", r.billed_duration_ms},
                   Member{"memorySizeMB", r.memory_size_mb}, Member{"maxMemoryUsedMB", r.max_memory_used_mb},
                   Member{"initDurationMs", r.init_duration_ms}, Member{"restoreDurationMs", r.restore_duration_ms});
  return read_object(v, Member{"requestId", r.request_id}, Member{"status", r.status},
                     Member{"errorType", r.error_type}, Member{"tenantId", r.tenant_id}, Member{"metrics", m},
                     Member{"spans", r.spans}, Member{"tracing", r.tracing});
}

Status read_event(Value& v, RestoreStart& r) { return read_instance(v, r); }

Status read_event(Value& v, RestoreRuntimeDone& r) {
  return read_object(v, Member{"status", r.status}, Member{"errorType", r.error_type}, Member{"spans", r.spans});
}

Status read_event(Value& v, RestoreReport& r) {
  auto m = metrics(Member{"durationMs", r.duration_ms});
  return read_object(v, Member{"status", r.status}, Member{"errorType", r.error_type}, Member{"metrics", m},
                     Member{"spans", r.spans});
}

Status read_event(Value& v, ExtensionState& r) {
  return read_object(v, Member{"name", r.name}, Member{"state", r.state}, Member{"errorType", r.error_type},
                     Member{"events", r.events});
}

Status read_event(Value& v, TelemetrySubscription& r) {
  return read_object(v, Member{"name", r.name}, Member{"state", r.state}, Member{"types", r.types});
}

Status read_event(Value& v, LogsDropped& r) {
  return read_object(v, Member{"reason", r.reason}, Member{"droppedRecords", r.dropped_records},
                     Member{"droppedBytes", r.dropped_bytes});
}

Status read_line(Value& value, LogLine& line) {
  return value.kind() == Kind::string ? value.get(line.text) : Status::wrong_kind;
}

using ReadEvent = Status (*)(Value&, TelemetryRecord&);

template <class Event>
Status read_as(Value& value, TelemetryRecord& record) {
  Event& event = record.event.emplace<Event>();
  if constexpr (std::is_base_of_v<LogLine, Event>) {
    return read_line(value, event);
  } else {
    return read_event(value, event);
  }
}

template <class Line>
bool object_line(TelemetryRecord& record) {
  record.event.emplace<Line>().is_object = true;
  return true;
}

struct TypeName {
  std::string_view name;
  ReadEvent read;
  bool (*object_line)(TelemetryRecord&) = nullptr;
};

// The types in the order in which they are frequent.
constexpr TypeName kTypes[] = {
    {"function", read_as<FunctionLog>, object_line<FunctionLog>},
    {"extension", read_as<ExtensionLog>, object_line<ExtensionLog>},
    {"platform.start", read_as<Start>},
    {"platform.runtimeDone", read_as<RuntimeDone>},
    {"platform.report", read_as<Report>},
    {"platform.initStart", read_as<InitStart>},
    {"platform.initRuntimeDone", read_as<InitRuntimeDone>},
    {"platform.initReport", read_as<InitReport>},
    {"platform.restoreStart", read_as<RestoreStart>},
    {"platform.restoreRuntimeDone", read_as<RestoreRuntimeDone>},
    {"platform.restoreReport", read_as<RestoreReport>},
    {"platform.extension", read_as<ExtensionState>},
    {"platform.telemetrySubscription", read_as<TelemetrySubscription>},
    {"platform.logsDropped", read_as<LogsDropped>},
};

// How Lambda begins every record.
constexpr std::string_view kRecordStart = "{\"time\"";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Where the string that begins at `from` (its opening quote) ends: behind the
// closing quote, or the end of the text.
std::size_t skip_string(std::string_view text, std::size_t from) {
  std::size_t at = from + 1;
  for (;;) {
    auto quote = text.find('"', at);
    if (quote == text.npos) return text.size();
    std::size_t backslashes = 0;
    while (text[quote - 1 - backslashes] == '\\') ++backslashes;  // ends at the opening quote
    if (backslashes % 2 == 0) return quote + 1;
    at = quote + 1;
  }
}

}  // namespace

bool TelemetryBatch::Parser::parse(std::string_view text, std::size_t capacity) {
  record = TelemetryRecord{};
  record.json = text;
  auto envelope = document_.parse(text, capacity);
  if (!envelope || envelope->kind() != Kind::object) return false;

  bool has_record = false;
  Status status = envelope->each_field([&](std::string_view name, Value& field) {
    if (name == "time" && field.kind() == Kind::string) return field.get(record.time_text);
    if (name == "type") return field.get(record.type);
    if (name != "record") return Status::ok;
    has_record = true;
    return field.raw(record.record_json);
  });
  if (status != Status::ok || !has_record || record.type.empty() || !document_.at_end()) return false;
  if (core::WallTime time; core::parse_rfc3339(record.time_text, time)) record.time = time;

  for (const auto& type : kTypes) {
    if (type.name != record.type) continue;
    // An object of a line is passed on as it is: nothing in it is read here.
    if (auto line = type.object_line; line && record.record_json.starts_with('{')) return line(record);
    auto left = static_cast<std::size_t>(text.data() + capacity - record.record_json.data());
    auto inner = record_document_.parse(record.record_json, left);
    if (!inner) return false;
    return type.read(*inner, record) == Status::ok;
  }
  return true;
}

TelemetryBatch::TelemetryBatch(std::string_view text, std::size_t capacity)
    : own_parser_(std::make_unique<Parser>()),
      parser_(own_parser_.get()),
      rest_(trim(text)),
      readable_end_(text.data() + capacity) {}

TelemetryBatch::TelemetryBatch(std::string_view text, std::size_t capacity, Parser& parser)
    : parser_(&parser), rest_(trim(text)), readable_end_(text.data() + capacity) {}

TelemetryBatch::~TelemetryBatch() = default;

const TelemetryRecord& TelemetryBatch::current() const { return parser_->record; }

// Cuts the next element off; empty between two commas.
std::string_view TelemetryBatch::next_element() {
  std::size_t depth = 0;
  std::size_t i = 0;
  bool closed = false;
  for (; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '"') {
      i = skip_string(rest_, i) - 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth > 0) {
      if (c == '}' || c == ']') --depth;
    } else if (c == ',' || (c == ']' && i + 1 == rest_.size())) {
      closed = true;
      break;
    }
  }
  // A bracket or a quote is missing, and everything behind it was swallowed: go
  // on where the next record seems to begin.
  if (!closed) i = std::min(rest_.find(kRecordStart, 1), rest_.size());
  auto element = rest_.substr(0, i);
  rest_.remove_prefix(i);
  if (closed) rest_.remove_prefix(1);
  return trim(element);
}

bool TelemetryBatch::advance() {
  if (!inside_) {
    inside_ = true;
    if (rest_.empty() || rest_.front() != '[') {
      ++malformed_;
      rest_ = {};
      return false;
    }
    rest_ = trim(rest_.substr(1));
    if (!rest_.empty() && rest_.front() == ']') rest_ = {};
  }
  while (!rest_.empty()) {
    auto element = next_element();
    if (parser_->parse(element, static_cast<std::size_t>(readable_end_ - element.data()))) return true;
    ++malformed_;
  }
  return false;
}

}  // namespace mayfly::extension
