#include "emulator/entrypoint.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include "core/environment.h"

namespace fs = std::filesystem;

namespace mayfly::emulator {

fs::path find_program(const std::string& word, const fs::path& folder) {
  if (word.find('/') != word.npos) {
    std::string_view name(word);
    while (name.starts_with("./")) name.remove_prefix(std::min(name.find_first_not_of('/', 1), name.size()));
    return folder / name;
  }
  std::string_view path = core::env_or("PATH", "/usr/local/bin:/usr/bin:/bin");
  while (!path.empty()) {
    auto colon = path.find(':');
    fs::path candidate = fs::path(path.substr(0, colon)) / word;
    std::error_code error;
    if (candidate.is_absolute() && access(candidate.c_str(), X_OK) == 0 && !fs::is_directory(candidate, error))
      return candidate;
    path = colon == path.npos ? std::string_view() : path.substr(colon + 1);
  }
  return folder / word;
}

}  // namespace mayfly::emulator
