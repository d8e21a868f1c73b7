#include "extensions/telemetry/otlp_value.h"

#include <cstring>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "extensions/telemetry/wire.h"

namespace mayfly::telemetry {
namespace {

using json::Kind;
using json::Status;
using json::Value;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

constexpr int kMaxDepth = 32;
constexpr std::uint32_t kValues = 1;  // of ArrayValue and of KeyValueList

// A number or a boolean as the fields of an AnyValue, or none for null.
class Scalar {
 public:
  Status read(Value& value, Kind kind) {
    switch (kind) {
      case Kind::null: return value.is_null() ? Status::ok : Status::malformed;
      case Kind::boolean: {
        bool b = false;
        Status status = value.get(b);
        set(b);
        return status;
      }
      default: break;
    }
    std::int64_t integer = 0;
    if (value.get(integer) == Status::ok) {
      set(integer);
      return Status::ok;
    }
    // Fractions, exponents and integers beyond 64 bits.
    double number = 0;
    Status status = value.get(number);
    tag(any_value::kDouble, pbf_wire_type::fixed64);
    std::memcpy(bytes_ + size_, &number, sizeof number);
    size_ += sizeof number;
    return status;
  }
  void set(bool value) {
    tag(any_value::kBool, pbf_wire_type::varint);
    bytes_[size_++] = value ? 1 : 0;
  }
  void set(std::int64_t value) {
    tag(any_value::kInt, pbf_wire_type::varint);
    size_ += static_cast<std::size_t>(protozero::write_varint(bytes_ + size_, static_cast<std::uint64_t>(value)));
  }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  void tag(std::uint32_t field, pbf_wire_type type) {
    bytes_[size_++] = static_cast<char>(field << 3 | static_cast<std::uint32_t>(type));
  }

  char bytes_[1 + protozero::max_varint_length];
  std::size_t size_ = 0;
};

// Makes room for `size` bytes.
wire::Writer append(std::string& message, std::size_t size) {
  auto at = message.size();
  message.resize(at + size);
  return wire::Writer(message.data() + at);
}

void add_pair(std::string& message, std::uint32_t tag, std::string_view key, std::string_view any_value) {
  auto size = wire::bytes_size(key) + wire::bytes_size(any_value);
  auto out = append(message, wire::message_size(size));
  out.head(tag, size);
  out.bytes(key_value::kKey, key);
  out.bytes(key_value::kValue, any_value);
}

// protozero leaves a message out that nothing was written to, but an empty list
// is not the same as no value, and a null keeps its place in a list.
void add_empty(std::string& message, std::uint32_t tag) { append(message, 2).head(tag, 0); }

Status write_array(std::string& message, Value& value, int depth) {
  auto begin = message.size();
  Status status;
  {
    pbf_writer parent(message);
    pbf_writer list(parent, any_value::kArray);
    status = value.each_element([&](Value& element) {
      if (element.is_null()) {
        add_empty(message, kValues);
        return Status::ok;
      }
      pbf_writer any(list, kValues);
      return write_any_value(message, element, depth + 1);
    });
  }
  if (message.size() == begin && status == Status::ok) add_empty(message, any_value::kArray);
  return status;
}

Status write_object(std::string& message, Value& value, int depth) {
  auto begin = message.size();
  Status status;
  {
    pbf_writer parent(message);
    pbf_writer list(parent, any_value::kKvlist);
    status = value.each_field(
        [&](std::string_view name, Value& member) { return add_attribute(message, kValues, name, member, depth + 1); });
  }
  if (message.size() == begin && status == Status::ok) add_empty(message, any_value::kKvlist);
  return status;
}

}  // namespace

Status write_any_value(std::string& message, Value& value, int depth) {
  auto kind = value.kind();
  if (kind == Kind::array || kind == Kind::object) {
    if (depth < kMaxDepth)
      return kind == Kind::array ? write_array(message, value, depth) : write_object(message, value, depth);
  } else if (kind != Kind::string) {
    Scalar scalar;
    Status status = scalar.read(value, kind);
    if (status == Status::ok) message += scalar.view();
    return status;
  }
  std::string_view text;
  Status status = kind == Kind::string ? value.get(text) : value.raw(text);
  if (status == Status::ok) append(message, wire::bytes_size(text)).bytes(any_value::kString, text);
  return status;
}

Status add_attribute(std::string& message, std::uint32_t tag, std::string_view key, Value& value, int depth) {
  auto kind = value.kind();
  if (kind == Kind::array || kind == Kind::object) {
    pbf_writer parent(message);
    pbf_writer pair(parent, tag);
    append(message, wire::bytes_size(key)).bytes(key_value::kKey, key);
    pbf_writer any(pair, key_value::kValue);
    return write_any_value(message, value, depth);
  }
  if (kind == Kind::string) {
    std::string_view text;
    Status status = value.get(text);
    if (status == Status::ok) add_attribute(message, tag, key, text);
    return status;
  }
  Scalar scalar;
  Status status = scalar.read(value, kind);
  if (status == Status::ok) add_pair(message, tag, key, scalar.view());
  return status;
}

void add_attribute(std::string& message, std::uint32_t tag, std::string_view key, std::string_view value) {
  auto size = wire::pair_size(key, value);
  auto out = append(message, wire::message_size(size));
  out.head(tag, size);
  out.pair(key, value);
}

void add_attribute(std::string& message, std::uint32_t tag, std::string_view key, std::int64_t value) {
  Scalar scalar;
  scalar.set(value);
  add_pair(message, tag, key, scalar.view());
}

void add_attribute(std::string& message, std::uint32_t tag, std::string_view key, bool value) {
  Scalar scalar;
  scalar.set(value);
  add_pair(message, tag, key, scalar.view());
}

}  // namespace mayfly::telemetry
