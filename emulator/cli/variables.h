// The environment variables of this process, taken once at the start and handed
// down, so that what they decide can be tested without touching the process.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

class Variables {
 public:
  Variables() = default;
  Variables(std::initializer_list<std::pair<const std::string, std::string>> values) : values_(values) {}

  // `environment` as in main's third argument: "NAME=value" strings and a null.
  explicit Variables(char** environment) {
    for (; environment && *environment; ++environment) {
      std::string_view line(*environment);
      auto equals = line.find('=');
      if (equals != line.npos) values_.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
  }

  // Not set and set to nothing are the same: both mean "not given".
  std::optional<std::string_view> get(std::string_view name) const {
    auto found = values_.find(name);
    if (found == values_.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }

  const std::map<std::string, std::string, std::less<>>& all() const { return values_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace mayfly::emulator::cli
