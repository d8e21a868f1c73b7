// What is written to standard error while an object of this lives.

#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace mayfly::test {

class CapturedStandardError {
 public:
  CapturedStandardError() : file_(memfd_create("stderr", MFD_CLOEXEC)), original_(dup(STDERR_FILENO)) {
    fcntl(file_, F_SETFL, O_APPEND);  // lines of threads must not meet at one offset
    dup2(file_, STDERR_FILENO);
  }
  ~CapturedStandardError() {
    dup2(original_, STDERR_FILENO);
    close(original_);
    close(file_);
  }
  CapturedStandardError(const CapturedStandardError&) = delete;
  CapturedStandardError& operator=(const CapturedStandardError&) = delete;

  std::string text() const {
    std::string all;
    char bytes[4096];
    for (ssize_t n; (n = pread(file_, bytes, sizeof bytes, static_cast<off_t>(all.size()))) > 0;) {
      all.append(bytes, static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  int file_;
  int original_;
};

}  // namespace mayfly::test
