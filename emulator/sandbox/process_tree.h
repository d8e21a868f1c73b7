// What /proc tells of processes and their descendants, and signals to whole
// trees of them. A tree is read while it grows and dies: every answer may be a
// moment old.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::emulator {

// All of a file; empty when it cannot be read.
std::string read_all(const std::string& path);

std::vector<pid_t> children_of(pid_t pid);
// In the environment that the process was started with, a "NAME=value" begins so.
bool has_variable(pid_t pid, std::string_view beginning);
// In ticks since boot: with the boot's id and the pid it names one process for
// ever. 0: there is no such process.
std::uint64_t start_time_of(pid_t pid);
// Names this boot of the machine.
std::string boot_id();

// The sum of peaks of resident memory, in KiB.
std::int64_t peak_of_tree(pid_t pid);

// Stopped from the top, so that a parent neither starts further ones meanwhile
// nor sees its children stop; continued from the bottom.
void stop_trees(const std::vector<pid_t>& roots);
void continue_trees(const std::vector<pid_t>& roots);
void kill_tree(pid_t pid);

// As kill(2) to the process group of our child, but to the first thread of the
// child, unless that blocks it. To a process the kernel gives a signal by any
// thread, and of one that was just thawed rarely by the first; and there are
// runtimes (Python) that only notice what interrupts the first.
void signal_group(pid_t child, int signal);

// Every process of this machine with such a variable; returns how many there were,
// when they have ended or a second has passed.
int kill_all_with(std::string_view beginning);

}  // namespace mayfly::emulator
