// JSON as people write it in a shell: says where it stops being JSON, and lays
// out an answer for reading. (Documents are read with <mayfly/json/value.h>,
// which is quick but tells no position.)

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

struct JsonFault {
  std::size_t offset = 0;  // bytes
  int line = 1;
  int column = 1;       // characters, from 1
  std::string message;  // "expected ':'"
};

// Nothing when `text` is one JSON value (RFC 8259), at most 512 deep.
std::optional<JsonFault> find_json_fault(std::string_view text);

// The line of `text` with the fault, and under it a caret; cut to `width` columns.
std::string caret_text(std::string_view text, const JsonFault& fault, int width);

// Two spaces a level. Numbers and strings stay byte for byte as they are.
// `text` must have no fault.
std::string laid_out(std::string_view text);

}  // namespace mayfly::emulator::cli
