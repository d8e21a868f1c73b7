// Texts that people read are compared whole, with files that people can read.
// MAYFLY_WRITE_GOLDEN=1 writes them anew, for `git diff` to show what changed.

#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace mayfly::emulator::test {

inline std::string golden(const std::string& name, const std::string& now) {
  std::string path = std::string(GOLDEN_FOLDER) + "/" + name + ".txt";
  if (std::getenv("MAYFLY_WRITE_GOLDEN")) std::ofstream(path) << now;
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace mayfly::emulator::test
