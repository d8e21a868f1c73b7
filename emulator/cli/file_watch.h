// Tells when files have changed and their change is over: editors and linkers
// write in several steps, builds write several files. By inotify(7).
//
// A file counts as changed when it was closed after writing, or moved or linked
// into its place; not when it is removed, because what follows decides. Names
// that begin with a dot or end with ~ are editors' own; __pycache__ and
// node_modules are not looked into.
//
// Thread-safety: the thread that runs the io_context.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/failure.h"

namespace mayfly::emulator::cli {

class FileWatch {
 public:
  static constexpr std::size_t kMaxFolders = 2'000;
  static constexpr std::size_t kMaxChanged = 1'000;  // told at once; of further ones nothing is said

  // `on_change` gets the changed files that are still there, at least one, once
  // none has changed for `quiet`.
  using OnChange = std::function<void(const std::set<std::filesystem::path>& changed)>;
  FileWatch(boost::asio::io_context& io, std::chrono::milliseconds quiet, OnChange on_change);

  // Errors: Errc::refused (the system's limits of inotify, or ours of folders)
  // and Errc::not_found for a folder that is not there.
  // This file, whatever takes its place; it need not exist, its folder must.
  core::Outcome<void> add_file(const std::filesystem::path& file);
  // Everything in the folder and the folders in it, also those that will be.
  core::Outcome<void> add_tree(const std::filesystem::path& folder);
  // Nothing of this file or folder counts: it is our own output.
  void ignore(const std::filesystem::path& path) { ignored_.insert(path.lexically_normal()); }

 private:
  struct Folder {
    std::filesystem::path path;
    bool all = false;             // with the folders in it
    std::set<std::string> names;  // else these files only
  };

  core::Outcome<int> watch(const std::filesystem::path& folder);
  void wait();
  void read_events();
  void happened(const Folder& folder, std::uint32_t mask, const std::string& name);
  void changed(const std::filesystem::path& file);
  bool is_ignored(const std::filesystem::path& path) const;

  const std::chrono::milliseconds quiet_;
  const OnChange on_change_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer timer_;
  std::map<int, Folder> folders_;  // by watch descriptor
  std::set<std::filesystem::path> ignored_;
  std::set<std::filesystem::path> changed_;
};

}  // namespace mayfly::emulator::cli
