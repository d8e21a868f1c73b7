// What a stream can show: colour, block characters, how many columns. Decided
// once for stdout and once for stderr, because either may be redirected.
//
// Colour never carries meaning alone: with and without it the text is the same.

#pragma once

#include <string>
#include <string_view>

#include "emulator/cli/variables.h"

namespace mayfly::emulator::cli {

struct Style {
  bool terminal = false;  // someone may be watching
  bool colour = false;
  bool ascii = true;  // no block characters
  int width = 80;     // columns, 60 .. 120
};

// `color` is auto, always or never; `ascii` forces the ASCII glyphs.
Style style_of(int fd, const Variables& variables, std::string_view color, bool ascii);

// --color, then NO_COLOR, then CLICOLOR_FORCE and FORCE_COLOR, then CLICOLOR=0
// and TERM=dumb, then whether the stream is a terminal. Empty values count as
// unset.
bool wants_colour(std::string_view color, const Variables& variables, bool is_terminal);

// Whether block characters are one column wide and can be written at all: a
// UTF-8 locale, not Chinese, Japanese or Korean, where their width is ambiguous.
bool can_show_blocks(const Variables& variables);

// From the 16-colour palette, so that they follow the terminal's theme.
enum class Ink { plain, dim, bold, green, yellow, magenta, blue, cyan, alarm, link };

// `text` between the escape sequences of `ink`; as it is without colour.
std::string paint(const Style& style, Ink ink, std::string_view text);

// `text`, which begins in column `indent`, with further lines from there on where
// it would reach over `width`; broken at spaces. No newline at its end.
std::string wrapped(std::string_view text, int indent, int width);

// Writes all of `text` with as few write(2) calls as it takes, so that lines of
// concurrent writers stay whole. False when the reader has gone or the disk is full.
bool write_out(int fd, std::string_view text);

}  // namespace mayfly::emulator::cli
