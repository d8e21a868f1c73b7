// Reads deliveries of the Telemetry API.
//
// A batch is first cut into its elements by counting brackets outside of
// strings. An element that looks as Lambda writes them is then taken apart by
// hand, any other is parsed as a document of its own. Parsing the whole batch at
// once would cost about the same, but one bad byte in one line of a function
// would then cost all lines of the batch.

#include <mayfly/telemetry_record.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <type_traits>

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

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

// The first quote from `p` on, or `end`. Sixteen bytes at once: most of a batch is
// inside of strings, and most strings are short.
inline const char* find_quote(const char* p, const char* end) {
  static_assert(std::endian::native == std::endian::little);
  using Sixteen [[gnu::vector_size(16)]] = unsigned char;
  for (; end - p >= 16; p += 16) {
    Sixteen bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    auto found = bytes == '"';  // 0xFF where it is one
    std::uint64_t words[2];
    std::memcpy(words, &found, sizeof words);
    if (words[0] != 0) return p + std::countr_zero(words[0]) / 8;
    if (words[1] != 0) return p + 8 + std::countr_zero(words[1]) / 8;
  }
  while (p < end && *p != '"') ++p;
  return p;
}

// Behind the closing quote of the string whose opening quote is at `begin`, or `end`.
inline const char* skip_string(const char* begin, const char* end) {
  for (const char* p = begin + 1;; ++p) {
    p = find_quote(p, end);
    if (p == end) return end;
    const char* escape = p;
    while (escape[-1] == '\\') --escape;  // ends at the opening quote
    if ((p - escape) % 2 == 0) return p + 1;
  }
}

// Cuts `expected` off.
bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// Cuts a string without escapes off, up to its closing quote.
bool take_plain(std::string_view& text, std::string_view& out) {
  auto end = text.find('"');
  if (end == text.npos) return false;
  out = text.substr(0, end);
  text.remove_prefix(end + 1);
  return out.find('\\') == out.npos;
}

// {"time":"...","type":"...","record": and the value begins like a line's or an event's.
bool take_envelope(std::string_view& text, std::string_view& time, std::string_view& type) {
  return take(text, kRecordStart) && take(text, ":\"") && take_plain(text, time) && take(text, ",\"type\":\"") &&
         take_plain(text, type) && !type.empty() && take(text, ",\"record\":") && !text.empty() &&
         (text.front() == '{' || text.front() == '"');
}

}  // namespace

// Cuts the next element off. One that begins as Lambda writes every record is
// taken apart on the way, a fifth of the work of a parser; whether the value of
// `record` is JSON is seen when it is read.
TelemetryBatch::Parser::Element TelemetryBatch::Parser::next_element(std::string_view& rest, bool utf8) {
  const char* const begin = rest.data();
  const char* const end = begin + rest.size();
  Element element;
  const char* p = begin;
  const char* value = nullptr;      // of `record`
  const char* value_end = nullptr;  // the first string, object or array there ends
  std::size_t depth = 0;
  if (auto behind = rest; utf8 && take_envelope(behind, element.time_text, element.type)) {
    p = value = behind.data();
    depth = 1;
  }
  bool closed = false;
  while (p < end) {
    char c = *p;
    if (c == '"') {
      p = skip_string(p, end);
      if (depth == 1 && !value_end) value_end = p;
      continue;
    }
    ++p;
    if (c == '{' || c == '[') {
      ++depth;
    } else if (depth > 0) {
      if ((c == '}' || c == ']') && --depth == 1 && !value_end) value_end = p;
    } else if (c == ',' || (c == ']' && p == end)) {
      closed = true;
      --p;
      break;
    }
  }
  auto size = static_cast<std::size_t>(p - begin);
  // A bracket or a quote is missing, and everything behind it was swallowed: go
  // on where the next record seems to begin.
  if (!closed) size = std::min(rest.find(kRecordStart, 1), rest.size());
  element.text = trim(rest.substr(0, size));
  // Only the brace that closes the record is left.
  if (closed && value && value_end + 1 == element.text.data() + element.text.size()) {
    element.record_json = std::string_view(value, static_cast<std::size_t>(value_end - value));
  }
  rest.remove_prefix(size);
  if (closed) rest.remove_prefix(1);
  return element;
}

bool TelemetryBatch::Parser::parse(const Element& element, std::size_t capacity) {
  record.json = element.text;
  record.time_text = element.time_text;
  record.type = element.type;
  record.record_json = element.record_json;
  // What does not fit when it is read as Lambda writes it may still be JSON.
  if (!element.record_json.empty() && read_event(element.text, capacity)) return true;
  return parse_envelope(element.text, capacity) && read_event(element.text, capacity);
}

bool TelemetryBatch::Parser::parse_envelope(std::string_view text, std::size_t capacity) {
  record.type = {};
  record.time_text = {};
  record.record_json = {};
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
  return status == Status::ok && has_record && !record.type.empty() && document_.at_end();
}

bool TelemetryBatch::Parser::read_event(std::string_view text, std::size_t capacity) {
  record.time.reset();
  record.record_capacity = static_cast<std::size_t>(text.data() + capacity - record.record_json.data());
  if (core::WallTime time; core::parse_rfc3339(record.time_text, time)) record.time = time;

  for (const auto& type : kTypes) {
    if (type.name != record.type) continue;
    // An object of a line is passed on as it is: nothing in it is read here.
    if (auto line = type.object_line; line && record.record_json.starts_with('{')) return line(record);
    auto inner = record_document_.parse(record.record_json, record.record_capacity);
    if (!inner) return false;
    return type.read(*inner, record) == Status::ok;
  }
  record.event.emplace<UnknownRecord>();
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
    utf8_ = json::is_utf8(rest_);
  }
  while (!rest_.empty()) {
    auto element = Parser::next_element(rest_, utf8_);
    auto capacity = static_cast<std::size_t>(readable_end_ - element.text.data());
    if (parser_->parse(element, capacity)) return true;
    ++malformed_;
  }
  return false;
}

}  // namespace mayfly::extension
