#include "emulator/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mayfly::emulator::cli {
namespace {

constexpr int kNarrowest = 60, kWidest = 120, kUnknownWidth = 80;

int columns_of(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUnknownWidth;
  return std::clamp<int>(size.ws_col, kNarrowest, kWidest);
}

std::string_view escape(Ink ink) {
  switch (ink) {
    case Ink::plain: return "";
    case Ink::dim: return "\033[2m";
    case Ink::bold: return "\033[1m";
    case Ink::green: return "\033[32m";
    case Ink::yellow: return "\033[33m";
    case Ink::magenta: return "\033[35m";
    case Ink::blue: return "\033[34m";
    case Ink::cyan: return "\033[36m";
    case Ink::alarm: return "\033[1;31m";
    case Ink::link: return "\033[4;36m";
  }
  return "";
}

}  // namespace

bool wants_colour(std::string_view color, const Variables& variables, bool is_terminal) {
  if (color == "always") return true;
  if (color == "never") return false;
  if (variables.get("NO_COLOR")) return false;
  for (const char* force : {"CLICOLOR_FORCE", "FORCE_COLOR"}) {
    auto value = variables.get(force);
    if (value && *value != "0") return true;
  }
  if (variables.get("CLICOLOR") == "0" || variables.get("TERM") == "dumb") return false;
  return is_terminal;
}

bool can_show_blocks(const Variables& variables) {
  if (variables.get("TERM") == "dumb") return false;
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (auto value = variables.get(name)) {
      locale = *value;
      break;
    }
  }
  for (const char* wide : {"zh", "ja", "ko"}) {
    if (locale.starts_with(wide)) return false;
  }
  std::ranges::transform(locale, locale.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return locale.find("utf-8") != locale.npos || locale.find("utf8") != locale.npos;
}

Style style_of(int fd, const Variables& variables, std::string_view color, bool ascii) {
  Style style;
  style.terminal = isatty(fd) == 1;
  style.colour = wants_colour(color, variables, style.terminal);
  style.ascii = ascii || !can_show_blocks(variables);
  style.width = columns_of(fd);
  return style;
}

std::string paint(const Style& style, Ink ink, std::string_view text) {
  if (!style.colour || ink == Ink::plain || text.empty()) return std::string(text);
  std::string out(escape(ink));
  out += text;
  out += "\033[0m";
  return out;
}

std::string wrapped(std::string_view text, int indent, int width) {
  std::string out;
  int column = indent;
  while (!text.empty()) {
    auto end = std::min(text.find(' ', text.find_first_not_of(' ')), text.size());
    auto word = text.substr(0, end);
    if (column > indent && column + static_cast<int>(word.size()) > width) {
      out += '\n';
      out.append(static_cast<std::size_t>(indent), ' ');
      column = indent;
      word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    }
    out += word;
    column += static_cast<int>(word.size());
    text.remove_prefix(end);
  }
  return out;
}

bool write_out(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace mayfly::emulator::cli
