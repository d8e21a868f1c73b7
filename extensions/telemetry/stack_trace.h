// Which lines of text belong together, because a runtime has printed a stack
// trace line by line and Lambda has made a record of each.
//
// Managed runtimes frame what their loggers write, and a trace then comes as one
// record already. What goes to standard error directly (Go, custom runtimes, Java's
// printStackTrace(), a crashing interpreter) does not.
//
// A line belongs to the one before it when it is
//   - a frame, indented: "at f (file)", "File \"x.py\", line 3", "from x.rb:3",
//     "... 3 more", and what stands between frames: "Caused by: ", "Suppressed: ";
//   - inside of Python's "Traceback (most recent call last):", up to the line that
//     names the exception, and the traces chained to it;
//   - inside of what Go prints from "panic: " or "fatal error: " on.

#pragma once

#include <cstdint>
#include <string_view>

namespace mayfly::telemetry {

class StackTrace {
 public:
  // Takes the next line; true when it belongs to the one before it.
  bool continues(std::string_view line);
  // The next line is the first.
  void reset() { state_ = State::text; }

 private:
  enum class State : std::uint8_t {
    text,
    frames,     // of Java, JavaScript, .NET, Ruby
    python,     // below "Traceback"
    exception,  // the line that ends a Python trace was there
    chained,    // "During handling of the above exception": a Traceback follows
    go,
  };
  State begin(std::string_view line);

  State state_ = State::text;
};

}  // namespace mayfly::telemetry
