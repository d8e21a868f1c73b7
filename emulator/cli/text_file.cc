#include "emulator/cli/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace mayfly::emulator::cli {
namespace {

constexpr std::size_t kMostBytes = 16u << 20;

Decided<std::string> read_all(int fd, const std::string& name) {
  std::string text;
  char block[64 * 1024];
  for (;;) {
    ssize_t n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refuse(kUsage, "cannot read " + name, std::strerror(errno));
    if (n == 0) return text;
    text.append(block, static_cast<std::size_t>(n));
    if (text.size() > kMostBytes) return refuse(kUsage, name + " is too large", "more than 16 MiB");
  }
}

}  // namespace

Decided<std::string> read_text_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return refuse(kUsage, "cannot read " + path, std::strerror(errno));
  auto text = read_all(fd, path);
  close(fd);
  return text;
}

Decided<std::string> read_standard_input() { return read_all(STDIN_FILENO, "standard input"); }

Decided<void> replace_file(const std::string& path, const std::string& text) {
  std::string beside = path + "." + std::to_string(getpid());
  int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool written = fd >= 0 && write_out(fd, text);
  int cause = errno;
  if (fd >= 0) close(fd);
  if (written && rename(beside.c_str(), path.c_str()) == 0) return {};
  if (written) cause = errno;
  unlink(beside.c_str());
  return refuse(kUsage, "cannot write " + path, std::strerror(cause));
}

}  // namespace mayfly::emulator::cli
