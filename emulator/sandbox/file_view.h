// What the processes of an environment see of the file system. As on Lambda [A]:
// everything is read-only but /tmp, which is the environment's own, survives its
// resets and ends with it; and sandbox.localdomain stands in /etc/hosts, which is
// all that any language's resolver asks for.
//
// Made of mounts in a namespace of each process: nothing is mounted where anybody
// else sees it, and nothing needs to be unmounted. It takes root or a user
// namespace; where neither is allowed, processes see what we see.
//
// [A] AWS Lambda Developer Guide, "Create an AWS Lambda function", configuration of
//     ephemeral storage, read 2026-11; modes as recorded from the service.
//
// Thread-safety: one thread; enter() in a child of it.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "emulator/settings.h"

namespace mayfly::emulator {

// What holds, and where it does not, why.
struct FileLimits {
  std::string names_problem;      // empty: sandbox.localdomain resolves
  std::string read_only_problem;  // empty: read-only
  std::string tmp_problem;        // empty: each environment has its own
};

// Of one environment.
class FileView {
 public:
  ~FileView();  // removes its /tmp
  FileView(const FileView&) = delete;
  FileView& operator=(const FileView&) = delete;

  // Between fork(2) and execve(2), in a process that nobody minds: system calls
  // only. 0, or the error number: then the process may be halfway in, a stranger
  // in a user namespace, and must not go on.
  int enter() const;

 private:
  friend class FileViews;
  FileView() = default;
  std::string hosts_;  // stands in the place of /etc/hosts; empty: what is there
  std::string tmp_;    // in the place of /tmp; empty: what is there
  bool read_only_ = false;
  std::string uid_map_, gid_map_;
};

// Of one run.
class FileViews {
 public:
  // What it needs lies in run_files(run).
  explicit FileViews(const std::string& run);
  ~FileViews();
  FileViews(const FileViews&) = delete;
  FileViews& operator=(const FileViews&) = delete;

  // Tries what the machine allows, in a child.
  void open(const Settings& settings);
  const FileLimits& limits() const { return limits_; }

  // Null: processes see what we see. So before open().
  std::unique_ptr<FileView> make();

 private:
  const std::filesystem::path folder_;
  bool made_folder_ = false;
  std::string hosts_;
  FileLimits limits_{"not tried", "not tried", "not tried"};
  int made_ = 0;
};

}  // namespace mayfly::emulator
