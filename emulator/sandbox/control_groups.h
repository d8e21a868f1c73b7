// The kernel's control groups, versions 1 and 2 [A]: where a process may make
// groups of its own, and what can be done with one. A group is named by its
// folder.
//
// Groups are made below the one we are in ourselves, so that whatever limits us
// (a container, a session, a build job) limits what we start, too.
//
// [A] Linux, Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::emulator {

struct ControlHierarchy {
  bool unified = false;                  // version 2
  std::vector<std::string> controllers;  // version 1 only: version 2 says in each group what it has
  std::filesystem::path own;             // the folder of the group that the process is in
};

// From the texts of /proc/self/mountinfo and /proc/self/cgroup. Hierarchies
// that are not mounted, or whose mount does not show our group, are left out.
std::vector<ControlHierarchy> control_hierarchies(std::string_view mountinfo, std::string_view own_groups);

// Writes a file of the kernel's in one piece; the error number, 0 when it was taken.
int write_value(const std::filesystem::path& file, std::string_view value);

// Those in the group and in the groups below it.
std::vector<pid_t> processes_in(const std::filesystem::path& group);

// SIGKILL to every process in the group (version 1: of the freezer's hierarchy)
// and below it, none of which can start another one meanwhile; frozen ones are
// thawed. Returns how many there were; they end soon, not at once.
// Not by version 2's cgroup.kill: Linux 6.18 then also kills whatever is started
// into that group later by CLONE_INTO_CGROUP.
int kill_group(const std::filesystem::path& group, bool unified);

// Removes the groups below it, then itself. False while a process is in one.
bool remove_group(const std::filesystem::path& group);

}  // namespace mayfly::emulator
