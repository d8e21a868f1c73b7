#include "extensions/telemetry/otlp_json.h"

#include <mayfly/base64.h>

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>
#include <string>
#include <utility>

#include "extensions/telemetry/otlp_message.h"

namespace mayfly::telemetry {
namespace {

using json::Kind;
using json::Status;
using json::Value;
using protozero::pbf_writer;
using Form = OtlpField::Form;

constexpr int kMaxDepth = 100;

protozero::data_view view(std::string_view text) { return {text.data(), text.size()}; }

// ---- values

template <class T>
bool parse(std::string_view text, T& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

// Not std::from_chars: what GCC 12's does for doubles makes the program load
// libm, a tenth of its start.
bool parse(const std::string& text, double& out) {
  char* end = nullptr;
  out = std::strtod(text.c_str(), &end);
  bool begins = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
  return begins && text.find_first_of("xX") == text.npos && end == text.c_str() + text.size();
}

// A number, or a string with one in it.
template <class T>
Status integer(Value& value, T& out) {
  std::string_view text;
  Status status = value.kind() == Kind::string ? value.get(text) : value.raw(text);
  if (status != Status::ok) return status;
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return parse(text, out) ? Status::ok : Status::wrong_kind;
}

Status real(Value& value, double& out) {
  if (value.kind() == Kind::number) return value.get(out);
  std::string_view text;
  if (Status status = value.get(text); status != Status::ok) return status;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") {
    out = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity" || text == "-Infinity") {
    out = text.front() == '-' ? -kInfinity : kInfinity;
  } else if (!parse(std::string(text), out)) {
    return Status::wrong_kind;
  }
  return Status::ok;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool append_hex_decoded(std::string& out, std::string_view text) {
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
  }
  return true;
}

struct EnumName {
  std::string_view name;
  std::int32_t number;
};
constexpr EnumName kEnumNames[] = {
    {"SPAN_KIND_UNSPECIFIED", 0},
    {"SPAN_KIND_INTERNAL", 1},
    {"SPAN_KIND_SERVER", 2},
    {"SPAN_KIND_CLIENT", 3},
    {"SPAN_KIND_PRODUCER", 4},
    {"SPAN_KIND_CONSUMER", 5},
    {"STATUS_CODE_UNSET", 0},
    {"STATUS_CODE_OK", 1},
    {"STATUS_CODE_ERROR", 2},
    {"AGGREGATION_TEMPORALITY_UNSPECIFIED", 0},
    {"AGGREGATION_TEMPORALITY_DELTA", 1},
    {"AGGREGATION_TEMPORALITY_CUMULATIVE", 2},
    {"SEVERITY_NUMBER_UNSPECIFIED", 0},
};
// Each severity has four numbers: TRACE, TRACE2, TRACE3, TRACE4, DEBUG, ...
constexpr std::string_view kSeverity = "SEVERITY_NUMBER_";
constexpr std::string_view kSeverities[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

bool parse_enum_name(std::string_view name, std::int32_t& out) {
  for (const auto& known : kEnumNames) {
    if (known.name == name) return out = known.number, true;
  }
  if (!name.starts_with(kSeverity)) return false;
  name.remove_prefix(kSeverity.size());
  std::int32_t first = 1;
  for (auto word : kSeverities) {
    if (name.starts_with(word)) {
      auto digit = name.substr(word.size());
      if (digit.size() > 1 || (digit.size() == 1 && (digit < "2" || digit > "4"))) return false;
      out = first + (digit.empty() ? 0 : digit.front() - '1');
      return true;
    }
    first += 4;
  }
  return false;
}

Status enumeration(Value& value, std::int32_t& out) {
  if (value.kind() != Kind::string) return integer(value, out);
  std::string_view name;
  if (Status status = value.get(name); status != Status::ok) return status;
  return parse_enum_name(name, out) || parse(name, out) ? Status::ok : Status::wrong_kind;
}

// ---- messages

class Converter {
 public:
  std::string& buffer() { return buffer_; }
  // What could not be read; a view into the tables.
  std::string_view field() const { return field_; }

  Status message(pbf_writer& out, Value& value, const OtlpMessage& type, int depth) {
    if (depth > kMaxDepth) return Status::too_deep;
    return value.each_field([&](std::string_view name, Value& member) {
      for (const auto& field : type.fields) {
        if (field.name != name) continue;
        if (member.is_null()) return Status::ok;  // as if it were not there
        Status status = field.repeated ? each(out, member, field, depth) : single(out, member, field, depth);
        if (status != Status::ok && field_.empty()) field_ = field.name;
        return status;
      }
      return Status::ok;
    });
  }

 private:
  Status each(pbf_writer& out, Value& value, const OtlpField& field, int depth) {
    if (field.form == Form::message || field.form == Form::string) {
      return value.each_element([&](Value& element) { return single(out, element, field, depth); });
    }
    packed_.clear();
    Status status = value.each_element([&](Value& element) { return append_packed(element, field.form); });
    if (status == Status::ok && !packed_.empty()) out.add_bytes(field.tag, packed_);
    return status;
  }

  // The numbers that are repeated in OTLP.
  Status append_packed(Value& value, Form form) {
    std::uint64_t bits = 0;
    if (form == Form::real) {
      double number = 0;
      if (Status status = real(value, number); status != Status::ok) return status;
      bits = std::bit_cast<std::uint64_t>(number);
    } else if (Status status = integer(value, bits); status != Status::ok) {
      return status;
    }
    if (form == Form::uint64) {
      protozero::add_varint_to_buffer(&packed_, bits);
    } else {
      for (int i = 0; i < 64; i += 8) packed_ += static_cast<char>(bits >> i & 0xff);
    }
    return Status::ok;
  }

  Status single(pbf_writer& out, Value& value, const OtlpField& field, int depth) {
    switch (field.form) {
      case Form::message: return nested(out, value, field, depth);
      case Form::string: {
        std::string_view text;
        Status status = value.get(text);
        if (status == Status::ok) out.add_string(field.tag, view(text));
        return status;
      }
      case Form::base64:
      case Form::hex: return bytes(out, value, field);
      case Form::boolean: {
        bool b = false;
        Status status = value.get(b);
        if (status == Status::ok) out.add_bool(field.tag, b);
        return status;
      }
      case Form::real: {
        double number = 0;
        Status status = real(value, number);
        if (status == Status::ok) out.add_double(field.tag, number);
        return status;
      }
      case Form::enumeration: {
        std::int32_t number = 0;
        Status status = enumeration(value, number);
        if (status == Status::ok) out.add_enum(field.tag, number);
        return status;
      }
      case Form::int64: return number<std::int64_t>(out, value, field, &pbf_writer::add_int64);
      case Form::uint64: return number<std::uint64_t>(out, value, field, &pbf_writer::add_uint64);
      case Form::uint32: return number<std::uint32_t>(out, value, field, &pbf_writer::add_uint32);
      case Form::sint32: return number<std::int32_t>(out, value, field, &pbf_writer::add_sint32);
      case Form::fixed32: return number<std::uint32_t>(out, value, field, &pbf_writer::add_fixed32);
      case Form::fixed64: return number<std::uint64_t>(out, value, field, &pbf_writer::add_fixed64);
      case Form::sfixed64: return number<std::int64_t>(out, value, field, &pbf_writer::add_sfixed64);
    }
    return Status::wrong_kind;
  }

  template <class T>
  Status number(pbf_writer& out, Value& value, const OtlpField& field,
                void (pbf_writer::*add)(protozero::pbf_tag_type, T)) {
    T number = 0;
    Status status = integer(value, number);
    if (status == Status::ok) (out.*add)(field.tag, number);
    return status;
  }

  Status bytes(pbf_writer& out, Value& value, const OtlpField& field) {
    std::string_view text;
    if (Status status = value.get(text); status != Status::ok) return status;
    std::string decoded;
    bool good = field.form == Form::hex ? append_hex_decoded(decoded, text) : append_base64_decoded(decoded, text);
    if (!good) return Status::wrong_kind;
    if (!decoded.empty() || field.form == Form::base64) out.add_bytes(field.tag, decoded);
    return Status::ok;
  }

  Status nested(pbf_writer& out, Value& value, const OtlpField& field, int depth) {
    std::size_t before = buffer_.size();
    Status status;
    {
      pbf_writer inner(out, field.tag);
      status = message(inner, value, *field.message, depth + 1);
    }
    // protozero leaves a message out that nothing was written to, but an empty
    // value keeps its place in a list, and an empty `sum` is not a gauge.
    if (status == Status::ok && buffer_.size() == before) out.add_message(field.tag, "", 0);
    return status;
  }

  std::string buffer_;
  std::string packed_;  // scratch
  std::string_view field_;
};

}  // namespace

core::Outcome<std::string> protobuf_of_json(Signal signal, json::Document& document, std::string_view text,
                                            std::size_t capacity) {
  auto wrong = [](std::string what) { return core::fail(core::Errc::parse, "not an OTLP request in JSON: " + what); };
  auto root = document.parse(text, capacity);
  if (!root) return wrong(root.error().message);
  if (root->kind() != Kind::object) return wrong("not an object");
  Converter converter;
  pbf_writer writer(converter.buffer());
  Status status = converter.message(writer, *root, otlp_request(signal), 1);
  if (status == Status::ok && document.at_end()) return std::move(converter.buffer());
  if (status == Status::too_deep) return wrong("deeper than " + std::to_string(kMaxDepth) + " messages");
  if (converter.field().empty()) return wrong("malformed");
  return wrong("the value of \"" + std::string(converter.field()) + "\"");
}

}  // namespace mayfly::telemetry
