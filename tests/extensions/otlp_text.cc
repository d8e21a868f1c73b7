#include "otlp_text.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace {

std::string hex(std::uint64_t value, int digits) {
  std::string out;
  for (int i = digits - 1; i >= 0; --i) out += "0123456789abcdef"[value >> (4 * i) & 15];
  return out;
}

bool is_text(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](unsigned char c) { return c >= ' ' && c < 0x7f; });
}

bool read(std::string_view message, std::string& out) {
  try {
    protozero::pbf_reader reader(protozero::data_view{message.data(), message.size()});
    while (reader.next()) {
      if (!out.empty()) out += ' ';
      out += std::to_string(reader.tag());
      switch (reader.wire_type()) {
        case protozero::pbf_wire_type::varint: out += "=" + std::to_string(reader.get_uint64()); break;
        case protozero::pbf_wire_type::fixed64: out += ":" + hex(reader.get_fixed64(), 16); break;
        case protozero::pbf_wire_type::fixed32: out += ";" + hex(reader.get_fixed32(), 8); break;
        case protozero::pbf_wire_type::length_delimited: {
          auto data = reader.get_view();
          std::string_view bytes(data.data(), data.size());
          std::string inner;
          if (is_text(bytes)) {
            out += "\"" + std::string(bytes) + "\"";
          } else if (read(bytes, inner)) {
            out += "{" + inner + "}";
          } else {
            out += "<";
            for (unsigned char c : bytes) out += hex(c, 2);
            out += ">";
          }
          break;
        }
        default: return false;
      }
    }
    return true;
  } catch (const protozero::exception&) {
    return false;
  }
}

}  // namespace

std::string text_of(std::string_view message) {
  std::string out;
  return read(message, out) ? out : "not protobuf";
}

std::string resource(const std::vector<std::pair<std::string, std::string>>& attributes) {
  std::string out;
  protozero::pbf_writer writer(out);
  for (const auto& [key, value] : attributes) {
    protozero::pbf_writer pair(writer, 1);
    pair.add_string(1, key);
    protozero::pbf_writer(pair, 2).add_string(1, value);
  }
  return out;
}
