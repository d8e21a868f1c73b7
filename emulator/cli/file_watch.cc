#include "emulator/cli/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace mayfly::emulator::cli {

namespace fs = std::filesystem;
using core::Errc;
using core::fail;

namespace {

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR;

bool is_none_of_ours(std::string_view name) {
  return name.starts_with('.') || name.ends_with('~') || name == "__pycache__" || name == "node_modules";
}

}  // namespace

FileWatch::FileWatch(boost::asio::io_context& io, std::chrono::milliseconds quiet, OnChange on_change)
    : quiet_(quiet), on_change_(std::move(on_change)), inotify_(io), timer_(io) {
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return;  // each add_… says so
  inotify_.assign(fd);
  wait();
}

core::Outcome<int> FileWatch::watch(const fs::path& folder) {
  if (!inotify_.is_open())
    return fail(Errc::refused, "files cannot be watched: fs.inotify.max_user_instances is reached");
  if (folders_.size() >= kMaxFolders) {
    return fail(Errc::refused, folder.string() + ": more than " + std::to_string(kMaxFolders) + " folders to watch");
  }
  int watched = inotify_add_watch(inotify_.native_handle(), folder.c_str(), kEvents);
  if (watched >= 0) return watched;
  if (errno == ENOSPC)
    return fail(Errc::refused, folder.string() + " cannot be watched: fs.inotify.max_user_watches is reached");
  return fail(Errc::not_found, folder.string() + " cannot be watched: " + std::strerror(errno));
}

core::Outcome<void> FileWatch::add_file(const fs::path& file) {
  auto path = file.lexically_normal();
  auto watched = watch(path.parent_path());
  if (!watched) return unexpected(watched.error());
  Folder& folder = folders_[*watched];
  folder.path = path.parent_path();
  folder.names.insert(path.filename().string());
  return {};
}

core::Outcome<void> FileWatch::add_tree(const fs::path& folder) {
  auto path = folder.lexically_normal();
  if (is_ignored(path)) return {};
  auto watched = watch(path);
  if (!watched) return unexpected(watched.error());
  Folder& entry = folders_[*watched];
  entry.path = path;
  entry.all = true;
  std::error_code error;
  for (const auto& inside : fs::directory_iterator(path, error)) {
    if (is_none_of_ours(inside.path().filename().string())) continue;
    std::error_code unreadable;
    if (!inside.is_directory(unreadable) || inside.is_symlink(unreadable)) continue;
    if (auto added = add_tree(inside.path()); !added) return added;
  }
  return {};
}

void FileWatch::wait() {
  inotify_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    read_events();
    wait();
  });
}

void FileWatch::read_events() {
  alignas(inotify_event) std::array<char, 16 * 1024> bytes;
  ssize_t size;
  while ((size = read(inotify_.native_handle(), bytes.data(), bytes.size())) > 0) {
    for (const char* at = bytes.data(); at < bytes.data() + size;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof event);
      std::string name(event.len > 0 ? at + sizeof event : "");
      at += sizeof event + event.len;
      auto folder = folders_.find(event.wd);
      if (folder == folders_.end()) continue;
      if (event.mask & IN_IGNORED) {  // the folder is gone
        folders_.erase(folder);
      } else if (!name.empty()) {
        happened(Folder(folder->second), event.mask, name);
      }
    }
  }
}

void FileWatch::happened(const Folder& folder, std::uint32_t mask, const std::string& name) {
  fs::path path = folder.path / name;
  if (folder.names.contains(name)) {
    // A file that is only being written is not complete, a link is.
    std::error_code error;
    if (!(mask & IN_CREATE) || fs::is_symlink(path, error)) changed(path);
    return;
  }
  if (!folder.all || is_none_of_ours(name) || is_ignored(path)) return;
  std::error_code error;
  if (mask & IN_ISDIR) {
    // Beyond the limits nothing more is watched; the folders before still are.
    if (!add_tree(path)) return;
    // What was written before we watched.
    for (const auto& inside : fs::recursive_directory_iterator(path, error)) {
      std::error_code unreadable;
      if (inside.is_regular_file(unreadable)) return changed(inside.path());
    }
  } else if (!(mask & IN_CREATE) || fs::is_symlink(path, error)) {
    changed(path);
  }
}

bool FileWatch::is_ignored(const fs::path& path) const { return ignored_.contains(path); }

void FileWatch::changed(const fs::path& file) {
  if (changed_.size() < kMaxChanged) changed_.insert(file);
  timer_.expires_after(quiet_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    auto changed = std::exchange(changed_, {});
    // Of files that came and went nothing is left to see.
    std::erase_if(changed, [](const fs::path& path) {
      std::error_code missing;
      return !fs::exists(path, missing);
    });
    if (!changed.empty()) on_change_(changed);
  });
}

}  // namespace mayfly::emulator::cli
