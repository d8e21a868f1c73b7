// What an error's body says, of a function or of the API: the keys that AWS's
// runtimes use, each in its own way, read for the eye.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mayfly::emulator::cli {

struct FunctionError {
  std::string type, message;  // empty: it does not say
  // A line for each frame, the innermost as the runtime has it: first, but last in
  // Python. Without "at" and without line breaks.
  std::vector<std::string> frames;
};

// Whatever the payload is.
FunctionError read_error(std::string_view payload);

}  // namespace mayfly::emulator::cli
