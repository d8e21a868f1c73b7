// Where control groups can be made, from what kernels say on different machines.

#include <doctest/doctest.h>

#include "emulator/sandbox/control_groups.h"

using mayfly::emulator::control_hierarchies;

namespace {

// "2 /own" for version 2, "1 memory /own" for version 1; one line each.
std::string found(std::string_view mountinfo, std::string_view own_groups) {
  std::string text;
  for (const auto& hierarchy : control_hierarchies(mountinfo, own_groups)) {
    text += hierarchy.unified ? "2" : "1";
    for (const auto& controller : hierarchy.controllers) text += " " + controller;
    text += " " + hierarchy.own.string() + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("a machine with version 2 only has one hierarchy, and we are somewhere in it") {
  CHECK(found("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
              "0::/user.slice/user-1000.slice/session-3.scope\n") ==
        "2 /sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope\n");
}

TEST_CASE("a machine with both versions has a hierarchy for each mount that has our group") {
  CHECK(found("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
              "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
              "37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"
              "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
              "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
              "9:name=systemd:/\n8:pids:/\n6:freezer:/\n2:cpu,cpuacct:/a\n0::/\n") ==
        "1 name=systemd /sys/fs/cgroup/systemd\n1 freezer /sys/fs/cgroup/freezer\n"
        "1 cpu cpuacct /sys/fs/cgroup/cpu,cpuacct/a\n2 /sys/fs/cgroup/unified\n");
}

TEST_CASE("in a container the mount begins at the container's group") {
  std::string_view mounts = "900 890 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  CHECK(found(mounts, "4:memory:/docker/abc\n") == "1 memory /sys/fs/cgroup/memory\n");
  CHECK(found(mounts, "4:memory:/docker/abc/inner\n") == "1 memory /sys/fs/cgroup/memory/inner\n");
  SUBCASE("which may not show ours") {
    CHECK(found(mounts, "4:memory:/docker/abcd\n").empty());
    CHECK(found(mounts, "4:memory:/\n").empty());
    CHECK(found("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/../outside\n").empty());
  }
}

TEST_CASE("white space in a mount's path is escaped there") {
  CHECK(found("30 23 0:26 / /my\\040groups\\134x rw - cgroup2 cgroup2 rw\n", "0::/a\n") == "2 /my groups\\x/a\n");
}

TEST_CASE("where there are no control groups none are found, whatever the text") {
  CHECK(found("", "").empty());
  CHECK(found("", "0::/\n").empty());
  CHECK(found("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "0::/\n").empty());
  CHECK(found("30 23 - cgroup2\nx\n30 23 0:26 / /c rw - cgroup2 cgroup2", "0:\n:\n\n0::").empty());
}
