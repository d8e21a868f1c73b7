// Where the function's program is.

#pragma once

#include <filesystem>
#include <string>

namespace mayfly::emulator {

// The program of a command as mayfly run takes it, made absolute: a path is
// seen from `folder`, a single word is looked up in our PATH. The path is
// returned unchecked when nothing is found.
std::filesystem::path find_program(const std::string& word, const std::filesystem::path& folder);

}  // namespace mayfly::emulator
