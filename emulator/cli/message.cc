#include "emulator/cli/message.h"

#include <algorithm>

namespace mayfly::emulator::cli {
namespace {

std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = '?';
  }
  return out;
}

std::string labelled(const Style& style, Ink ink, std::string_view label, std::string_view text) {
  return paint(style, ink, label) + " " + one_line(text) + "\n";
}

}  // namespace

std::string error_text(const Style& style, const Message& message) {
  std::string out = labelled(style, Ink::alarm, "error:", message.what);
  if (!message.why.empty()) {
    auto end = std::min(message.why.find('\n'), message.why.size());
    out += "  " + labelled(style, Ink::dim, "why", message.why.substr(0, end));
    if (end < message.why.size()) out += "      " + one_line(message.why.substr(end + 1)) + "\n";
  }
  if (!message.try_this.empty()) out += "  " + labelled(style, Ink::dim, "try", message.try_this);
  return out;
}

std::string note_text(const Style& style, std::string_view text) { return labelled(style, Ink::yellow, "note:", text); }

std::string warning_text(const Style& style, std::string_view text) {
  return labelled(style, Ink::yellow, "warning:", text);
}

}  // namespace mayfly::emulator::cli
