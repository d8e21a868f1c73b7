#include "extensions/telemetry/stack_trace.h"

#include <algorithm>

namespace mayfly::telemetry {
namespace {

constexpr std::string_view kTraceback = "Traceback (most recent call last)";
constexpr std::string_view kNoBreakSpace = "\xC2\xA0";  // Lambda's Python indents with it

std::string_view without_indent(std::string_view line) {
  for (;;) {
    if (line.starts_with(' ') || line.starts_with('\t')) {
      line.remove_prefix(1);
    } else if (line.starts_with(kNoBreakSpace)) {
      line.remove_prefix(kNoBreakSpace.size());
    } else {
      return line;
    }
  }
}

bool starts_with_one_of(std::string_view line, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](auto beginning) { return line.starts_with(beginning); });
}

bool is_frame(std::string_view line) {
  auto text = without_indent(line);
  if (text.size() == line.size()) return false;
  // Ruby with more than one level: "\t 2: from x.rb:3:in `f'".
  auto from = text.find(": from ");
  bool numbered = from != text.npos && from < 5 && text.find_first_not_of("0123456789") == from;
  return numbered ||
         starts_with_one_of(text, {"at ", "... ", "from ", "File \"", "--- End of", "---> ", "Suppressed: "});
}

bool is_chain(std::string_view line) {
  return line.starts_with("During handling of the above exception") ||
         line.starts_with("The above exception was the direct cause");
}

}  // namespace

StackTrace::State StackTrace::begin(std::string_view line) {
  if (line.starts_with(kTraceback)) return State::python;
  if (starts_with_one_of(line, {"panic: ", "fatal error: ", "goroutine "})) return State::go;
  return State::text;
}

bool StackTrace::continues(std::string_view line) {
  bool blank = without_indent(line).empty();
  bool indented = !blank && without_indent(line).size() != line.size();
  switch (state_) {
    case State::text:
      if (!is_frame(line)) break;
      state_ = State::frames;
      return true;
    case State::frames:
      // JavaScript prints the members of an error behind its frames, in braces.
      if (indented || starts_with_one_of(line, {"Caused by: "}) || line == "}") return true;
      break;
    case State::python:
      if (!blank && !indented) state_ = State::exception;
      return true;
    case State::exception:
    case State::chained:
      if (line.starts_with(kTraceback) && state_ == State::chained) {
        state_ = State::python;
        return true;
      }
      if (is_chain(line)) {
        state_ = State::chained;
        return true;
      }
      if (blank) return true;
      break;
    case State::go:
      if (blank || indented || line.ends_with(')') || line.ends_with("...") ||
          starts_with_one_of(line, {"goroutine ", "created by ", "[signal ", "panic: ", "exit status ", "runtime"})) {
        return true;
      }
      break;
  }
  state_ = begin(line);
  return false;
}

}  // namespace mayfly::telemetry
