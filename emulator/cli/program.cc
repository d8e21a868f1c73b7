#include "emulator/cli/program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "emulator/cli/elf_file.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;

// The file that would be started: as the path says, else by PATH. Empty: none.
fs::path locate(const Settings& settings, std::string_view path) {
  const std::string& word = settings.command.front();
  std::error_code ignored;
  if (word.find('/') != word.npos) {
    fs::path file = settings.task_root / word;
    return fs::exists(file, ignored) ? file : fs::path();
  }
  while (!path.empty()) {
    auto end = std::min(path.find(':'), path.size());
    fs::path file = fs::path(path.substr(0, end)) / word;
    if (access(file.c_str(), X_OK) == 0 && fs::is_regular_file(file, ignored)) return file;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return {};
}

std::string first_bytes(const fs::path& file) {
  std::array<char, 256> bytes;
  int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  ssize_t n = read(fd, bytes.data(), bytes.size());
  close(fd);
  return n > 0 ? std::string(bytes.data(), static_cast<std::size_t>(n)) : std::string();
}

// A foreign program runs when the kernel was told of an emulator for it.
bool has_binary_format(const std::string& machine) {
  std::string name = machine == "arm64" ? "qemu-aarch64" : "qemu-" + machine;
  return access(("/proc/sys/fs/binfmt_misc/" + name).c_str(), F_OK) == 0;
}

Decided<void> missing(const Settings& settings, bool is_default) {
  const std::string& word = settings.command.front();
  if (is_default) {
    return refuse(kCannotStart, "no function to run in this folder",
                  "looked for ./bootstrap and for a command in ./mayfly.toml", "mayfly run -- ./my-program");
  }
  if (word.find('/') != word.npos) {
    return refuse(kCannotStart, "there is no program " + word,
                  "Lambda would answer Runtime.InvalidEntrypoint; looked in " + settings.task_root.string(),
                  "mayfly run -- ./my-program");
  }
  std::error_code ignored;
  bool is_here = fs::exists(settings.task_root / word, ignored);
  return refuse(
      kCannotStart, "there is no program " + word + " in PATH",
      is_here ? "the one in this folder is called by its path" : "Lambda would answer Runtime.InvalidEntrypoint",
      is_here ? "mayfly run -- ./" + word : "mayfly run -- ./my-program");
}

Decided<void> check_script(const std::string& word, std::string_view bytes) {
  auto line = bytes.substr(0, bytes.find('\n'));
  if (!line.starts_with("#!")) {
    return refuse(kCannotStart, word + " is neither a Linux program nor a script",
                  "it begins neither as an ELF file nor with #!", "#!/bin/sh as its first line");
  }
  if (line.ends_with('\r')) {
    return refuse(kCannotStart, word + " has Windows line ends",
                  "the kernel would look for an interpreter ending in \\r", "sed -i 's/\\r$//' " + word);
  }
  auto begin = std::min(line.find_first_not_of(" \t", 2), line.size());
  std::string interpreter(line.substr(begin, line.find_first_of(" \t", begin) - begin));
  if (access(interpreter.c_str(), X_OK) != 0) {
    return refuse(kCannotStart, word + " asks for " + interpreter + ", which is not there",
                  "its first line names the program that runs it", "");
  }
  return {};
}

}  // namespace

std::string this_machine() {
  utsname names{};
  uname(&names);
  std::string machine = names.machine;
  return machine == "aarch64" ? "arm64" : machine;
}

Decided<void> check_program(const Settings& settings, bool is_default, std::string_view path) {
  const std::string& word = settings.command.front();
  fs::path file = locate(settings, path);
  if (file.empty()) return missing(settings, is_default);

  struct stat status {};
  if (stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return refuse(kCannotStart, word + " is not a program", "it is a folder or a device", "mayfly run -- ./my-program");
  }
  if (access(file.c_str(), X_OK) != 0) {
    char mode[16];
    std::snprintf(mode, sizeof mode, "%03o", status.st_mode & 07777u);
    return refuse(kCannotStart, word + " is not executable (mode " + mode + ")",
                  "Lambda would answer Runtime.InvalidEntrypoint", "chmod +x " + word);
  }
  std::string bytes = first_bytes(file);
  if (bytes.empty() && status.st_size > 0) return {};  // executable but unreadable: the kernel will tell
  std::string machine = elf_machine(bytes), here = this_machine();
  if (machine.empty()) return check_script(word, bytes);
  bool runs_32_bit = here == "x86_64" && machine == "x86 (32 bit)";
  if (machine == here || runs_32_bit || has_binary_format(machine)) return {};
  const char* article = machine.starts_with("arm") || machine.starts_with("x86") ? " is an " : " is a ";
  return refuse(kCannotStart, word + article + machine + " program, this machine is " + here,
                "the kernel would answer: exec format error",
                "build for " + here + ", or install qemu-user-static (slower)");
}

std::vector<std::string> program_warnings(const Settings& settings, std::string_view path) {
  std::vector<std::string> warnings;
  auto check = [&](const std::string& shown, const fs::path& file) {
    int needed = needed_glibc(file);
    if (needed <= kGlibcOfAl2023) return;
    warnings.push_back(shown + " needs GLIBC_2." + std::to_string(needed) + ", Lambda's al2023 has 2." +
                       std::to_string(kGlibcOfAl2023) + ": it will not start there");
  };
  if (fs::path file = locate(settings, path); !file.empty()) check(settings.command.front(), file);
  for (const fs::path& folder : settings.extension_folders) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      std::error_code gone;
      if (at->is_regular_file(gone)) files.push_back(at->path());
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) check("the extension " + file.filename().string(), file);
  }
  return warnings;
}

std::string program_text(const Settings& settings) {
  std::string out = settings.command.front();
  std::string machine = elf_machine(first_bytes(settings.task_root / out));
  return machine.empty() ? out : out + " (" + machine + ")";
}

}  // namespace mayfly::emulator::cli
