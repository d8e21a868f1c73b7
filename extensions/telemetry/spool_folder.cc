#include "extensions/telemetry/spool_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using core::Failure;
using core::Outcome;

constexpr const char* kLedger = "ledger";
constexpr std::size_t kMostEntries = 256;
constexpr int kMostNames = 4'096;  // looked at

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

bool is_plain_file(const struct stat& status) {
  return S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == geteuid();
}

class RealFolder final : public SpoolFolder {
 public:
  RealFolder(std::string path, Descriptor folder) : path_(std::move(path)), folder_(std::move(folder)) {}

  Outcome<std::vector<Entry>> list() override {
    int fd = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
    if (!stream) {
      auto failure = refused("open", "");
      if (fd >= 0) ::close(fd);
      return unexpected(std::move(failure));
    }
    std::vector<Entry> entries;
    for (int looked_at = 0; looked_at < kMostNames && entries.size() < kMostEntries; ++looked_at) {
      const dirent* entry = ::readdir(stream);
      if (!entry) break;
      struct stat status;
      if (std::strcmp(entry->d_name, kLedger) == 0) continue;
      if (::fstatat(folder_.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !is_plain_file(status))
        continue;
      entries.push_back({entry->d_name, static_cast<std::uint64_t>(status.st_size)});
    }
    ::closedir(stream);
    return entries;
  }

  Outcome<std::string> read(const std::string& name, std::size_t most) override {
    Descriptor file(::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status;
    if (!file || ::fstat(file.get(), &status) != 0) return unexpected(refused("open", name));
    if (!is_plain_file(status)) return unexpected(not_ours(name));
    if (static_cast<std::uint64_t>(status.st_size) > most)
      return fail(Errc::out_of_range, path_ + "/" + name + " is larger than " + std::to_string(most) + " bytes");
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
      ssize_t n = ::read(file.get(), bytes.data() + have, bytes.size() - have);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return unexpected(refused("read", name));
      if (n == 0) break;  // cut short meanwhile
      have += static_cast<std::size_t>(n);
    }
    bytes.resize(have);
    return bytes;
  }

  Outcome<void> create(const std::string& name, std::span<const std::string_view> parts) override {
    Descriptor file(::openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return unexpected(refused("create", name));
    while (!parts.empty()) {
      auto now = parts.first(std::min<std::size_t>(parts.size(), IOV_MAX));
      parts = parts.subspan(now.size());
      std::vector<iovec> pieces;
      std::size_t size = 0;
      for (auto part : now) {
        pieces.push_back({const_cast<char*>(part.data()), part.size()});
        size += part.size();
      }
      ssize_t n = ::writev(file.get(), pieces.data(), static_cast<int>(pieces.size()));
      if (n == static_cast<ssize_t>(size)) continue;
      // A file takes less only when there is no more room.
      if (n >= 0) errno = ENOSPC;
      auto failure = refused("write", name);
      ::unlinkat(folder_.get(), name.c_str(), 0);
      return unexpected(std::move(failure));
    }
    return {};
  }

  Outcome<void> rename(const std::string& from, const std::string& to) override {
    if (::renameat(folder_.get(), from.c_str(), folder_.get(), to.c_str()) == 0) return {};
    return unexpected(refused("rename", from));
  }

  Outcome<void> remove(const std::string& name) override {
    if (::unlinkat(folder_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return unexpected(refused("remove", name));
  }

  std::uint64_t free_bytes() override {
    struct statvfs status;
    if (::fstatvfs(folder_.get(), &status) != 0) return 0;
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }

  Outcome<std::string> read_ledger() override {
    if (auto opened = open_ledger(); !opened) return unexpected(opened.error());
    char bytes[4096];
    ssize_t n = ::pread(ledger_->get(), bytes, sizeof bytes, 0);
    if (n < 0) return unexpected(refused("read", kLedger));
    return std::string(bytes, static_cast<std::size_t>(n));
  }

  Outcome<void> write_ledger(std::string_view bytes) override {
    if (auto opened = open_ledger(); !opened) return opened;
    ssize_t n = ::pwrite(ledger_->get(), bytes.data(), bytes.size(), 0);
    if (n == static_cast<ssize_t>(bytes.size())) return {};
    if (n >= 0) errno = ENOSPC;
    return unexpected(refused("write", kLedger));
  }

 private:
  Outcome<void> open_ledger() {
    if (ledger_) return {};
    Descriptor file(::openat(folder_.get(), kLedger, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
    struct stat status;
    if (!file || ::fstat(file.get(), &status) != 0) return unexpected(refused("open", kLedger));
    if (!is_plain_file(status)) return unexpected(not_ours(kLedger));
    ledger_ = std::make_unique<Descriptor>(std::move(file));
    return {};
  }

  Failure refused(const char* call, std::string_view name) const {
    return {Errc::refused,
            "cannot " + std::string(call) + " " + path_ + "/" + std::string(name) + ": " + std::strerror(errno)};
  }
  Failure not_ours(std::string_view name) const {
    return {Errc::refused, path_ + "/" + std::string(name) + " is not a file of ours with one name"};
  }

  const std::string path_;
  const Descriptor folder_;
  std::unique_ptr<Descriptor> ledger_;
};

}  // namespace

Outcome<std::unique_ptr<SpoolFolder>> open_spool_folder(const std::string& path) {
  auto refused = [&](const std::string& why) { return fail(Errc::refused, "spool folder " + path + ": " + why); };
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return refused(std::strerror(errno));
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!folder || ::fstat(folder.get(), &status) != 0) return refused(std::strerror(errno));
  if (status.st_uid != geteuid()) return refused("it belongs to another user");
  if ((status.st_mode & 077) != 0) return refused("others may read or write it");
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0)
    return refused(errno == EWOULDBLOCK ? "another process uses it" : std::strerror(errno));
  return std::make_unique<RealFolder>(path, std::move(folder));
}

}  // namespace mayfly::telemetry
