#include "extensions/telemetry/otlp_value.h"

#include <protozero/varint.hpp>

namespace mayfly::telemetry {
namespace {

using json::Kind;
using json::Status;
using json::Value;
using protozero::pbf_writer;

constexpr int kMaxDepth = 32;
constexpr protozero::pbf_tag_type kValues = 1;  // of ArrayValue and of KeyValueList

protozero::data_view view(std::string_view text) { return {text.data(), text.size()}; }

// Tag and length of a field; tags below 16 only.
class FieldHead {
 public:
  void add(protozero::pbf_tag_type tag, std::size_t length) {
    bytes_[0] = static_cast<char>(tag << 3 | static_cast<std::uint32_t>(protozero::pbf_wire_type::length_delimited));
    size_ = 1 + static_cast<std::size_t>(protozero::write_varint(bytes_ + 1, length));
  }
  protozero::data_view view() const { return {bytes_, size_}; }

 private:
  char bytes_[1 + protozero::max_varint_length];
  std::size_t size_ = 0;
};

Status write_number(pbf_writer& writer, Value& value) {
  std::int64_t integer = 0;
  if (value.get(integer) == Status::ok) {
    writer.add_int64(any_value::kInt, integer);
    return Status::ok;
  }
  // Fractions, exponents and integers beyond 64 bits.
  double number = 0;
  Status status = value.get(number);
  if (status == Status::ok) writer.add_double(any_value::kDouble, number);
  return status;
}

// protozero leaves a message out that nothing was written to, but an empty list
// is not the same as no value, and a null keeps its place in a list.
void add_empty(pbf_writer& parent, protozero::pbf_tag_type tag) { parent.add_message(tag, "", 0); }

Status write_array(pbf_writer& writer, Value& value, int depth) {
  bool empty = true;
  Status status;
  {
    pbf_writer list(writer, any_value::kArray);
    status = value.each_element([&](Value& element) {
      empty = false;
      if (!element.is_null()) return write_any_value(pbf_writer(list, kValues), element, depth + 1);
      add_empty(list, kValues);
      return Status::ok;
    });
  }
  if (empty && status == Status::ok) add_empty(writer, any_value::kArray);
  return status;
}

Status write_object(pbf_writer& writer, Value& value, int depth) {
  bool empty = true;
  Status status;
  {
    pbf_writer list(writer, any_value::kKvlist);
    status = value.each_field([&](std::string_view name, Value& member) {
      empty = false;
      return add_attribute(list, kValues, name, member, depth + 1);
    });
  }
  if (empty && status == Status::ok) add_empty(writer, any_value::kKvlist);
  return status;
}

}  // namespace

Status write_any_value(pbf_writer writer, Value& value, int depth) {
  auto kind = value.kind();
  if (depth >= kMaxDepth && (kind == Kind::object || kind == Kind::array)) {
    std::string_view raw;
    Status status = value.raw(raw);
    if (status == Status::ok) writer.add_string(any_value::kString, view(raw));
    return status;
  }
  switch (kind) {
    case Kind::null: return value.is_null() ? Status::ok : Status::malformed;  // an AnyValue without a value
    case Kind::number: return write_number(writer, value);
    case Kind::boolean: {
      bool b = false;
      Status status = value.get(b);
      if (status == Status::ok) writer.add_bool(any_value::kBool, b);
      return status;
    }
    case Kind::string: {
      std::string_view text;
      Status status = value.get(text);
      if (status == Status::ok) writer.add_string(any_value::kString, view(text));
      return status;
    }
    case Kind::array: return write_array(writer, value, depth);
    case Kind::object: return write_object(writer, value, depth);
  }
  return Status::malformed;
}

Status add_attribute(pbf_writer& parent, protozero::pbf_tag_type tag, std::string_view key, Value& value, int depth) {
  pbf_writer pair(parent, tag);
  pair.add_string(key_value::kKey, view(key));
  return write_any_value(pbf_writer(pair, key_value::kValue), value, depth);
}

void add_attribute(pbf_writer& parent, protozero::pbf_tag_type tag, std::string_view key, std::string_view value) {
  // All lengths are known, so nothing has to be moved as it is for messages that
  // are written before their length is.
  FieldHead key_head, any_head, text_head;
  key_head.add(key_value::kKey, key.size());
  text_head.add(any_value::kString, value.size());
  any_head.add(key_value::kValue, text_head.view().size() + value.size());
  parent.add_bytes_vectored(tag, key_head.view(), view(key), any_head.view(), text_head.view(), view(value));
}

void add_attribute(pbf_writer& parent, protozero::pbf_tag_type tag, std::string_view key, std::int64_t value) {
  pbf_writer pair(parent, tag);
  pair.add_string(key_value::kKey, view(key));
  pbf_writer(pair, key_value::kValue).add_int64(any_value::kInt, value);
}

void add_attribute(pbf_writer& parent, protozero::pbf_tag_type tag, std::string_view key, bool value) {
  pbf_writer pair(parent, tag);
  pair.add_string(key_value::kKey, view(key));
  pbf_writer(pair, key_value::kValue).add_bool(any_value::kBool, value);
}

}  // namespace mayfly::telemetry
