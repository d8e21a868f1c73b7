// How an extension is tested: in this process, with any test framework or none.

#include "metrics.h"

#include <mayfly/extension_test.h>

#include <cstdlib>
#include <string>

namespace test = mayfly::extension::test;

namespace {

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::exit(1);
}

}  // namespace

int main() {
  char* written = nullptr;
  std::size_t size = 0;
  std::FILE* out = open_memstream(&written, &size);
  {
    test::Environment env(metrics_to(out), {.registration = {.function_name = "orders"}});
    env.deliver({test::start("id-1"), test::function_line("hello"), test::runtime_done("id-1")});
    check(size == 0, "only reports become metrics");
    env.freeze();
    env.deliver({test::report("id-1", {.duration_ms = 12.5, .max_memory_used_mb = 42}), "{\"broken\":"});
    env.shut_down();
    check(env.exit_code() == 0, "it ends well");
  }
  std::string line(written, size);
  check(line.find(R"("FunctionName":"orders","RequestId":"id-1","Duration":12.5)") != line.npos, line.c_str());
  check(line.find(R"({"Name":"MaxMemoryUsed","Unit":"Megabytes"})") != line.npos, line.c_str());
  check(line.find("InitDuration") == line.npos, "what was not measured is left out");
  std::fclose(out);
  std::free(written);
}
