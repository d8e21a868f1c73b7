// What Beast would let through in the head of a request, and we do not: readers
// that disagree about where a request ends let one peer speak for another
// (RFC 9112, sections 2.2, 5 and 6). Knows no Boost, to be fuzzed by itself.

#pragma once

#include <string_view>

namespace mayfly::core {

// Why this head (up to and including its empty line) must not be read further,
// or an empty text: bare CR or LF, NUL, folded lines, a space before a colon,
// more than 64 fields, a line over 65,000 bytes, two Host fields, a
// Transfer-Encoding that is not just "chunked" (Beast takes others for no body
// at all, and the body for the next request) or that HTTP/1.0 does not know. What is wrong in Content-Length
// is Beast's to find.
std::string_view head_problem(std::string_view head);

// The same of one field's line, without its CR LF; of trailers too.
std::string_view field_problem(std::string_view line);

// The first line of a field of that name, its CR LF included, that is too long for
// head_problem(); empty when there is none.
std::string_view too_long_line(std::string_view head, std::string_view name);

// A field's value without the blanks around it.
std::string_view trim_field(std::string_view text);

}  // namespace mayfly::core
