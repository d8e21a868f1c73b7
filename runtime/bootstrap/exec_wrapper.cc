#include "runtime/bootstrap/exec_wrapper.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/environment.h"
#include "runtime/src/error_json.h"

namespace mayfly::runtime {

void start_wrapper(char** arguments) {
  constexpr const char* kVariable = "AWS_LAMBDA_EXEC_WRAPPER";
  auto set = core::env(kVariable);
  if (!set) return;
  std::string wrapper(*set);

  // Behind a link, or found in PATH: the file itself.
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) std::strncpy(self, arguments[0], sizeof self - 1);
  std::vector<char*> words{wrapper.data(), self};
  for (char** word = arguments + 1; *word; ++word) words.push_back(*word);
  words.push_back(nullptr);

  unsetenv(kVariable);
  execv(wrapper.c_str(), words.data());
  fail_init("Runtime.InvalidEntrypoint",
            "the wrapper " + wrapper + " (" + kVariable + ") cannot be started: " + std::strerror(errno));
}

}  // namespace mayfly::runtime
