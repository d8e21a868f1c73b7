// A folder that goes away with the test, and the files in it.

#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace mayfly::emulator::test {

struct Folder {
  std::filesystem::path path;

  Folder() {
    char name[] = "/tmp/mayfly-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& text, unsigned mode = 0644) const {
    std::ofstream(path / name) << text;
    chmod((path / name).c_str(), mode);
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path / name).rdbuf();
    return text.str();
  }
};

}  // namespace mayfly::emulator::test
