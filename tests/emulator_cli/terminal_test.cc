#include "emulator/cli/terminal.h"

#include <doctest/doctest.h>

namespace mayfly::emulator::cli {

TEST_CASE("colour: option, NO_COLOR, force, CLICOLOR=0 and dumb, terminal, in this order") {
  Variables no{{"NO_COLOR", "1"}, {"FORCE_COLOR", "1"}}, force{{"CLICOLOR_FORCE", "1"}, {"TERM", "dumb"}};
  CHECK(wants_colour("always", no, false));
  CHECK_FALSE(wants_colour("never", force, true));
  CHECK_FALSE(wants_colour("auto", no, true));
  CHECK(wants_colour("auto", force, false));
  CHECK_FALSE(wants_colour("auto", {{"CLICOLOR", "0"}}, true));
  CHECK_FALSE(wants_colour("auto", {{"TERM", "dumb"}}, true));
  CHECK(wants_colour("auto", {}, true));
  CHECK_FALSE(wants_colour("auto", {}, false));
  CHECK(wants_colour("auto", {{"NO_COLOR", ""}}, true));
}

TEST_CASE("blocks need UTF-8 and a locale that draws them one column wide") {
  CHECK(can_show_blocks({{"LANG", "en_US.UTF-8"}}));
  CHECK(can_show_blocks({{"LANG", "C.utf8"}}));
  CHECK_FALSE(can_show_blocks({}));
  CHECK_FALSE(can_show_blocks({{"LANG", "en_US.UTF-8"}, {"LC_ALL", "C"}}));
  CHECK_FALSE(can_show_blocks({{"LC_CTYPE", "ja_JP.UTF-8"}}));
  CHECK_FALSE(can_show_blocks({{"LANG", "en_US.UTF-8"}, {"TERM", "dumb"}}));
}

}  // namespace mayfly::emulator::cli
