// What of the events' headers need not be compiled in every function.

#include <mayfly/events/dynamodb.h>
#include <mayfly/events/s3.h>

#include <algorithm>
#include <iterator>

#include "core/uri.h"

namespace mayfly {

std::string s3::decode_key(std::string_view key) { return core::form_decode(key); }

namespace {

using dynamodb::AttributeValue;
using dynamodb::Type;

constexpr std::string_view kTypes[] = {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"};

json::Status read_typed(json::Value& value, AttributeValue& out, json::Fault& where) {
  switch (out.type) {
    case Type::S:
    case Type::N:
    case Type::B: return json::read_as(value, out.text, where);
    case Type::NUL:  // {"NULL":true}
    case Type::BOOL: return json::read_as(value, out.boolean, where);
    case Type::M: return json::read_as(value, out.map, where);
    case Type::L: return json::read_as(value, out.list, where);
    case Type::SS:
    case Type::NS:
    case Type::BS: return json::read_as(value, out.set, where);
  }
  return json::Status::wrong_kind;
}

}  // namespace

json::Status json::form<AttributeValue>::read(Value& value, AttributeValue& out, Fault& where) {
  if (value.kind() != Kind::object) return detail::wrong_kind(where, value, "an object");
  bool found = false;
  Status status = value.each_field([&](std::string_view name, Value& field) {
    auto type = std::find(std::begin(kTypes), std::end(kTypes), name);
    if (type == std::end(kTypes)) return Status::ok;
    out = AttributeValue{};
    out.type = static_cast<Type>(type - std::begin(kTypes));
    found = true;
    return detail::inside_member(where, read_typed(field, out, where), name);
  });
  if (status != Status::ok || found) return status;
  return detail::fault(where, Status::wrong_kind, "expected one of S, N, B, BOOL, NULL, M, L, SS, NS, BS");
}

bool json::form<AttributeValue>::write(Writer& writer, const AttributeValue& value, Fault& where) {
  writer.begin_object().key(kTypes[static_cast<std::size_t>(value.type)]);
  bool good = true;
  switch (value.type) {
    case Type::S:
    case Type::N:
    case Type::B: good = write_as(writer, value.text, where); break;
    case Type::BOOL: writer.value(value.boolean); break;
    case Type::NUL: writer.value(true); break;
    case Type::M: good = write_as(writer, value.map, where); break;
    case Type::L: good = write_as(writer, value.list, where); break;
    case Type::SS:
    case Type::NS:
    case Type::BS: good = write_as(writer, value.set, where); break;
  }
  writer.end_object();
  return good;
}

}  // namespace mayfly
