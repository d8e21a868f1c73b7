#include "emulator/cli/version.h"

#include <sched.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/cli/program.h"
#include "emulator/sandbox/control_groups.h"
#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator::cli {
namespace {

// By what a run would freeze, and limit memory, unless somebody else is in its group.
std::string groups_text() {
  std::string unified, controllers;
  for (const auto& hierarchy : control_hierarchies(read_all("/proc/self/mountinfo"), read_all("/proc/self/cgroup"))) {
    if (access(hierarchy.own.c_str(), W_OK) != 0) continue;
    if (hierarchy.unified) unified = "version 2";
    for (const auto& name : hierarchy.controllers) {
      if (name == "freezer" || name == "memory" || name == "pids") controllers += " " + name;
    }
  }
  if (unified.empty() && controllers.empty()) return "none of ours: SIGSTOP freezes";
  if (controllers.empty()) return unified;
  return unified + (unified.empty() ? "" : ", ") + "version 1:" + controllers;
}

// Tried in a process of its own.
bool can_mount() {
  pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 1);
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

std::string version_text() {
  utsname names{};
  uname(&names);
  return "mayfly " + std::string(kVersion) + " (" MAYFLY_COMMIT ")\n" + names.sysname + " " + names.release + " " +
         this_machine() + "\ncontrol groups   " + groups_text() + "\nmount namespace  " +
         (can_mount() ? "yes" : "no: sandbox.localdomain will not resolve") + "\n";
}

}  // namespace mayfly::emulator::cli
