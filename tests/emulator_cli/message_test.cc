#include "emulator/cli/message.h"

#include <doctest/doctest.h>

namespace mayfly::emulator::cli {

TEST_CASE("an error has what, why and try, each in a line") {
  CHECK(error_text({}, {"port 9000 is taken", "someone was first", "mayfly run --listen 9001"}) ==
        "error: port 9000 is taken\n  why someone was first\n  try mayfly run --listen 9001\n");
  CHECK(error_text({}, {"what", "", ""}) == "error: what\n");
}

TEST_CASE("bytes of others cannot steer the terminal") {
  CHECK(error_text({}, {"a\033[2Jb\nc", "", ""}) == "error: a?[2Jb?c\n");
}

TEST_CASE("colour is around the label only") {
  Style style;
  style.colour = true;
  CHECK(error_text(style, {"what", "", ""}) == "\033[1;31merror:\033[0m what\n");
}

}  // namespace mayfly::emulator::cli
