#include "extensions/telemetry/line_destination.h"

#include <fcntl.h>
#include <mayfly/log.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace mayfly::telemetry {
namespace {

constexpr std::chrono::milliseconds kPatience{200};

}  // namespace

core::Outcome<std::unique_ptr<LineDestination>> LineDestination::open_file(const std::string& path) {
  auto refused = [&](const char* why) {
    return core::fail(core::Errc::refused, "file:" + path + " cannot be written: " + why);
  };
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0600);
  if (fd < 0) return refused(std::strerror(errno));
  return std::unique_ptr<LineDestination>(new LineDestination(fd, true, "file:" + path));
}

std::unique_ptr<LineDestination> LineDestination::standard_output() {
  return std::unique_ptr<LineDestination>(new LineDestination(STDOUT_FILENO, false, "stdout:"));
}

LineDestination::~LineDestination() {
  if (owned_) ::close(fd_);
}

void LineDestination::enqueue(SharedBatch batch) {
  account_.enqueue(batch->records);
  std::string_view body = batch->body;
  // What a full pipe took of a line is ended, so that the next one is whole.
  if (inside_line_ && write("\n") == 1) inside_line_ = false;
  std::size_t taken = inside_line_ ? 0 : write(body);
  auto lines = static_cast<std::size_t>(std::ranges::count(body.substr(0, taken), '\n'));
  if (taken > 0) inside_line_ = body[taken - 1] != '\n';
  if (taken == body.size()) stuck_ = false;
  account_.move(lines, Place::queued, Place::delivered);
  account_.move(batch->records - lines, Place::queued, Place::output);
}

std::size_t LineDestination::write(std::string_view bytes) {
  // Standard output is shared with others and must stay a blocking descriptor,
  // so it is written in pieces that a pipe which polls writable takes whole.
  std::size_t piece = owned_ ? bytes.size() : PIPE_BUF;
  auto deadline = core::Deadline::after(stuck_ ? std::chrono::milliseconds{0} : kPatience);
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    pollfd writable{fd_, POLLOUT, 0};
    int ready = poll(&writable, 1, deadline.poll_ms());
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 || (ready > 0 && (writable.revents & POLLOUT) == 0)) errno = EAGAIN;
    ssize_t n = ready > 0 && (writable.revents & POLLOUT) != 0
                    ? ::write(fd_, bytes.data() + taken, std::min(piece, bytes.size() - taken))
                    : -1;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      if (!stuck_)
        log.warn("records are being dropped: " + name_ + " takes no more", {{"cause", std::strerror(errno)}});
      stuck_ = true;
      return taken;
    }
    taken += static_cast<std::size_t>(n);
  }
  return taken;
}

}  // namespace mayfly::telemetry
