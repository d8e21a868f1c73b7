#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <simdjson.h>

#include <mayfly/json/value.h>

namespace mayfly::json {

namespace ondemand = simdjson::ondemand;

static_assert(Document::kPadding >= simdjson::SIMDJSON_PADDING);

struct Document::State {
  ondemand::parser parser;
  ondemand::document document;
  std::string copy;  // of texts that have no padding of their own
  bool parsed = false;
};

// Value holds a simdjson cursor, or a pointer to the document when the whole
// document is one scalar: simdjson reads those through the document only.
struct ValueAccess {
  static_assert(sizeof(ondemand::value) <= sizeof(Value::cursor_));
  static_assert(alignof(ondemand::value) <= 8);
  static_assert(std::is_trivially_copyable_v<ondemand::value>);

  static ondemand::value& cursor(Value& v) { return *std::launder(reinterpret_cast<ondemand::value*>(v.cursor_)); }
  static ondemand::document& root(Value& v) {
    return **std::launder(reinterpret_cast<ondemand::document**>(v.cursor_));
  }
  static void set(Value& v, ondemand::value cursor) { new (v.cursor_) ondemand::value(cursor); }
  static void set_root(Value& v, ondemand::document* document) {
    new (v.cursor_) ondemand::document*(document);
    v.is_root_ = true;
  }
  // Calls `read` with whichever of the two this value is.
  template <class F>
  static auto with(Value& v, F read) {
    return v.is_root_ ? read(root(v)) : read(cursor(v));
  }
};

namespace {

Status status_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::SUCCESS: return Status::ok;
    case simdjson::INCORRECT_TYPE: return Status::wrong_kind;
    case simdjson::NUMBER_OUT_OF_RANGE: return Status::out_of_range;
    default: return Status::malformed;
  }
}

Fault malformed(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY: return {"$", "not valid JSON: there is no text"};
    case simdjson::UTF8_ERROR: return {"$", "not valid JSON: not UTF-8"};
    case simdjson::UNCLOSED_STRING: return {"$", "not valid JSON: a string has no end"};
    case simdjson::UNESCAPED_CHARS: return {"$", "not valid JSON: a control character in a string"};
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT: return {"$", "not valid JSON: an array or object has no end"};
    default: return {"$", "not valid JSON"};
  }
}

}  // namespace

std::string_view to_string(Kind kind) {
  constexpr std::string_view kNames[] = {"null", "boolean", "number", "string", "array", "object"};
  return kNames[static_cast<std::size_t>(kind)];
}

Document::Document() : state_(std::make_unique<State>()) {}
Document::~Document() = default;

expected<Value, Fault> Document::parse(std::string_view text, std::size_t capacity) {
  State& s = *state_;
  s.parsed = false;
  if (capacity < text.size() + kPadding) {
    s.copy.reserve(text.size() + kPadding);
    s.copy.assign(text);
    text = s.copy;
    capacity = s.copy.capacity();
  }
  auto error = s.parser.iterate(text.data(), text.size(), capacity).get(s.document);
  if (error) return unexpected(malformed(error));
  s.parsed = true;

  Value value;
  bool scalar = false;
  if ((error = s.document.is_scalar().get(scalar))) return unexpected(malformed(error));
  if (scalar) {
    ValueAccess::set_root(value, &s.document);
    return value;
  }
  ondemand::value cursor;
  if ((error = s.document.get_value().get(cursor))) return unexpected(malformed(error));
  ValueAccess::set(value, cursor);
  return value;
}

bool Document::at_end() {
  const char* next = nullptr;
  return state_->parsed && state_->document.current_location().get(next) == simdjson::OUT_OF_BOUNDS;
}

Kind Value::kind() {
  ondemand::json_type type;
  auto error = ValueAccess::with(*this, [&](auto& v) { return v.type().get(type); });
  if (error) return Kind::null;
  switch (type) {
    case ondemand::json_type::array: return Kind::array;
    case ondemand::json_type::object: return Kind::object;
    case ondemand::json_type::number: return Kind::number;
    case ondemand::json_type::string: return Kind::string;
    case ondemand::json_type::boolean: return Kind::boolean;
    case ondemand::json_type::null: return Kind::null;
  }
  return Kind::null;
}

// simdjson's own type checks presume a value inside a document. Asked for a
// boolean, a number or null, a whole document that is an array or object is
// undefined behaviour: so the kind is always looked at first.

bool Value::is_null() {
  if (kind() != Kind::null) return false;
  // Through get(): converting a failed result throws, and "nulx" is a failed one.
  bool null = false;
  auto error =
      ValueAccess::with(*this, [&](auto& v) { return simdjson::simdjson_result<bool>(v.is_null()).get(null); });
  return error == simdjson::SUCCESS && null;
}

Status Value::get(bool& out) {
  if (kind() != Kind::boolean) return Status::wrong_kind;
  auto error = ValueAccess::with(*this, [&](auto& v) { return v.get_bool().get(out); });
  return error ? Status::malformed : Status::ok;  // "tru" is of no other type
}

Status Value::get(std::int64_t& out) {
  if (kind() != Kind::number) return Status::wrong_kind;
  return status_of(ValueAccess::with(*this, [&](auto& v) { return v.get_int64().get(out); }));
}

Status Value::get(std::uint64_t& out) {
  if (kind() != Kind::number) return Status::wrong_kind;
  return status_of(ValueAccess::with(*this, [&](auto& v) { return v.get_uint64().get(out); }));
}

Status Value::get(double& out) {
  if (kind() != Kind::number) return Status::wrong_kind;
  return status_of(ValueAccess::with(*this, [&](auto& v) { return v.get_double().get(out); }));
}

Status Value::get(std::string_view& out) {
  // A string without an escape is where it is, in the text: copying it, as
  // simdjson does with each, would touch the megabytes of a batch twice.
  if (!is_root_) {
    std::string_view token = ValueAccess::cursor(*this).raw_json_token();
    if (token.starts_with('"') && token.find('\\') == token.npos) {
      out = token.substr(1, token.rfind('"') - 1);
      return Status::ok;
    }
  }
  return status_of(ValueAccess::with(*this, [&](auto& v) { return v.get_string().get(out); }));
}

Status Value::raw(std::string_view& out) {
  return status_of(ValueAccess::with(*this, [&](auto& v) { return simdjson::to_json_string(v).get(out); }));
}

Status Value::each_element(FunctionRef<Status(Value&)> visit) {
  if (is_root_) return Status::wrong_kind;
  if (ValueAccess::cursor(*this).current_depth() > kMaxDepth) return Status::too_deep;
  ondemand::array array;
  if (auto error = ValueAccess::cursor(*this).get_array().get(array)) return status_of(error);
  for (auto element : array) {
    ondemand::value cursor;
    if (auto error = std::move(element).get(cursor)) return status_of(error);
    Value child;
    ValueAccess::set(child, cursor);
    if (Status s = visit(child); s != Status::ok) return s;
  }
  return Status::ok;
}

Status Value::each_field(FunctionRef<Status(std::string_view, Value&)> visit) {
  if (is_root_) return Status::wrong_kind;
  if (ValueAccess::cursor(*this).current_depth() > kMaxDepth) return Status::too_deep;
  ondemand::object object;
  if (auto error = ValueAccess::cursor(*this).get_object().get(object)) return status_of(error);
  for (auto entry : object) {
    ondemand::field field;
    if (auto error = std::move(entry).get(field)) return status_of(error);
    // A name without an escape is where it is, and short: as in get() above.
    const char* key = field.key().raw();
    std::size_t size = 0;
    while (key[size] != '"' && key[size] != '\\') ++size;
    std::string_view name(key, size);
    if (key[size] == '\\') {
      if (auto error = field.unescaped_key().get(name)) return status_of(error);
    }
    Value child;
    ValueAccess::set(child, field.value());
    if (Status s = visit(name, child); s != Status::ok) return s;
  }
  return Status::ok;
}

}  // namespace mayfly::json
