#include "emulator/trace_id.h"

#include <cctype>
#include <cstdio>

#include "core/clock.h"
#include "emulator/identifiers.h"

namespace mayfly::emulator {

namespace {

constexpr std::size_t kMaxTraceBytes = 1'024;

bool is_hex(std::string_view text) {
  for (char c : text) {
    if (!std::isxdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// "1-" 8 hex digits "-" 24 hex digits.
bool is_root(std::string_view text) {
  return text.size() == 35 && text.starts_with("1-") && text[10] == '-' && is_hex(text.substr(2, 8)) &&
         is_hex(text.substr(11));
}

std::string new_root() {
  char time[16];
  std::snprintf(time, sizeof time, "%08llx", static_cast<unsigned long long>(core::epoch_ms(core::wall_now()) / 1000));
  return "1-" + std::string(time) + "-" + random_hex(24);
}

}  // namespace

std::string complete_trace_id(std::string_view given) {
  std::string root, parent, sampled, lineage;
  if (given.size() > kMaxTraceBytes) given = {};
  while (!given.empty()) {
    auto end = given.find(';');
    auto part = given.substr(0, end);
    while (part.starts_with(' ')) part.remove_prefix(1);
    if (part.starts_with("Root=") && is_root(part.substr(5))) root = part.substr(5);
    if (part.starts_with("Parent=") && part.size() == 23 && is_hex(part.substr(7))) parent = part.substr(7);
    if (part == "Sampled=0" || part == "Sampled=1") sampled = part.substr(8);
    if (part.starts_with("Lineage=")) lineage = part;
    given = end == given.npos ? std::string_view() : given.substr(end + 1);
  }
  if (root.empty()) {
    root = new_root();
    parent.clear();
  }
  if (parent.empty()) parent = random_hex(16);
  if (sampled.empty()) sampled = "0";
  std::string out = "Root=" + root + ";Parent=" + parent + ";Sampled=" + sampled;
  if (!lineage.empty()) out += ";" + lineage;
  return out;
}

}  // namespace mayfly::emulator
