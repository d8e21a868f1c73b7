// How the service words that a value does not fit: "1 validation error detected:
// Value '901' at 'timeout' failed to satisfy constraint: Member must have value
// less than or equal to 900".

#pragma once

#include <string>
#include <string_view>

namespace mayfly::emulator {

// `constraint`: what stands behind "Member must ".
inline std::string validation_text(std::string_view value, std::string_view member, std::string_view constraint) {
  std::string out = "1 validation error detected: Value '";
  out.append(value).append("' at '").append(member);
  return out.append("' failed to satisfy constraint: Member must ").append(constraint);
}

}  // namespace mayfly::emulator
