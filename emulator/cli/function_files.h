// The files that a function is made of, and what is said when they change.
//
// Thread-safety: the thread that runs the io_context.

#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/failure.h"
#include "emulator/cli/file_watch.h"
#include "emulator/settings.h"

namespace mayfly::emulator::cli {

// How `mayfly run` takes changes of the function's files.
struct Changes {
  bool reload = false;                          // --watch; else only a note at the next call
  std::vector<std::filesystem::path> settings;  // env files and mayfly.toml, absolute
  std::vector<std::filesystem::path> outputs;   // our own, absolute: they do not count
};

// Watches the program; with `reload` also the folder that it lies in, or, when
// it lies outside the function's folder as an interpreter does, that one; the
// extension folders and the files with settings. `on_change` gets what is to be said of it,
// "./bootstrap (2 s old)", once no file has changed for 200 ms.
// Errors: as FileWatch.
core::Outcome<std::unique_ptr<FileWatch>> watch_function(boost::asio::io_context& io, const Settings& settings,
                                                         const Changes& changes,
                                                         std::function<void(std::string what)> on_change);

// "./bootstrap (2 s old)", "./app.py and 2 more (5 min old)": the program if it
// is among them. `folder`: what names are seen from.
std::string changed_text(const std::set<std::filesystem::path>& changed, const std::filesystem::path& program,
                         const std::filesystem::path& folder);

}  // namespace mayfly::emulator::cli
