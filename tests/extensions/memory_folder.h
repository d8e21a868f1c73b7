// A spool folder in memory whose n-th operation fails or is the last one.

#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "extensions/telemetry/spool_folder.h"

// What outlives the process.
struct MemoryFiles {
  std::map<std::string, std::string> files;
  std::string ledger;
  std::uint64_t capacity = 1ull << 40;
};

// Thrown by an operation at which the process is killed.
struct Killed {};

class MemoryFolder final : public mayfly::telemetry::SpoolFolder {
 public:
  enum class Fault { none, fails_once, fails_from_then_on, kills };

  explicit MemoryFolder(MemoryFiles& files, Fault fault = Fault::none, int at = 0)
      : files_(files), fault_(fault), at_(at) {}

  int operations() const { return operations_; }
  // Bytes of a create() that a kill leaves behind.
  std::size_t torn_bytes = 70;

  mayfly::core::Outcome<std::vector<Entry>> list() override {
    if (faulty()) return error("list");
    std::vector<Entry> entries;
    for (const auto& [name, bytes] : files_.files) entries.push_back({name, bytes.size()});
    return entries;
  }
  mayfly::core::Outcome<std::string> read(const std::string& name, std::size_t most) override {
    if (faulty()) return error("read");
    auto file = files_.files.find(name);
    if (file == files_.files.end() || file->second.size() > most) return error("read");
    return file->second;
  }
  mayfly::core::Outcome<void> create(const std::string& name, std::span<const std::string_view> parts) override {
    std::string bytes;
    for (auto part : parts) bytes += part;
    if (kills_now()) {
      files_.files[name] = bytes.substr(0, torn_bytes);
      throw Killed();
    }
    if (faulty() || bytes.size() > free_bytes() || files_.files.contains(name)) return error("create");
    files_.files[name] = std::move(bytes);
    return {};
  }
  mayfly::core::Outcome<void> rename(const std::string& from, const std::string& to) override {
    if (faulty() || !files_.files.contains(from)) return error("rename");
    auto file = files_.files.extract(from);
    files_.files[to] = std::move(file.mapped());
    return {};
  }
  mayfly::core::Outcome<void> remove(const std::string& name) override {
    if (faulty()) return error("remove");
    files_.files.erase(name);
    return {};
  }
  std::uint64_t free_bytes() override {
    std::uint64_t used = 0;
    for (const auto& [name, bytes] : files_.files) used += bytes.size();
    return files_.capacity - std::min(files_.capacity, used);
  }
  mayfly::core::Outcome<std::string> read_ledger() override {
    if (faulty()) return error("read_ledger");
    return files_.ledger;
  }
  mayfly::core::Outcome<void> write_ledger(std::string_view bytes) override {
    if (faulty()) return error("write_ledger");
    files_.ledger = bytes;
    return {};
  }

 private:
  bool kills_now() const { return fault_ == Fault::kills && operations_ + 1 == at_; }
  bool faulty() {
    ++operations_;
    if (fault_ == Fault::kills && operations_ == at_) throw Killed();
    return (fault_ == Fault::fails_once && operations_ == at_) ||
           (fault_ == Fault::fails_from_then_on && operations_ >= at_);
  }
  static mayfly::unexpected<mayfly::core::Failure> error(const char* what) {
    return mayfly::core::fail(mayfly::core::Errc::refused, what);
  }

  MemoryFiles& files_;
  const Fault fault_;
  const int at_;
  int operations_ = 0;
};
