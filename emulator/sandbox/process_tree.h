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
// How often the process's first thread has been on a processor; 0 where the
// kernel does not count it.
std::uint64_t times_on_processor(pid_t pid);
// Names this boot of the machine.
std::string boot_id();

// The sum of peaks of resident memory, in KiB.
std::int64_t peak_of_tree(pid_t pid);

// Stopped from the top, so that a parent neither starts further ones meanwhile
// nor sees its children stop; continued from the bottom.
void stop_trees(const std::vector<pid_t>& roots);
void continue_trees(const std::vector<pid_t>& roots);
void kill_tree(pid_t pid);

// Every process of this machine with such a variable; returns how many there were,
// when they have ended or a second has passed.
int kill_all_with(std::string_view beginning);

}  // namespace mayfly::emulator
