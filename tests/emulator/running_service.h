// A Service on a thread of its own, with real child processes, and a client.

#pragma once

#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "emulator/service.h"

namespace mayfly::emulator::test {

// A folder that goes away with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Reply {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;

  std::string field(const std::string& name) const;
};

// One request to a loopback port; fails the test when there is no answer.
Reply request(const core::Origin& origin, const std::string& method, const std::string& target,
              const std::string& body = {}, const std::vector<std::pair<std::string, std::string>>& fields = {});

// The value behind "name": in JSON text, as it stands there; empty when not there.
std::string member(const std::string& json, const std::string& name);

// runtime.py as the function; change `settings` before start().
class RunningService {
 public:
  RunningService();
  ~RunningService();  // stops

  Settings settings;
  // A copy of extension.py with this plan (JSON, see there).
  void add_extension(const std::string& name, const std::string& plan);
  // A file of this content and mode in the extension folder.
  void add_extension_file(const std::string& name, const std::string& content, std::filesystem::perms mode);
  void set_init(const std::string& plan);  // of runtime.py
  // What extension `name` has written down so far: lines of JSON.
  std::vector<std::string> record(const std::string& name) const;
  std::string record_text(const std::string& name) const;
  const std::filesystem::path& folder() const { return folder_.path(); }

  void start();
  const core::Origin& origin() const { return origin_; }
  const core::Origin& url_origin() const { return url_origin_; }  // with settings.url
  Reply invoke(const std::string& payload, const std::vector<std::pair<std::string, std::string>>& fields = {});
  // What the function gets for a Python expression, as JSON.
  std::string evaluate(const std::string& expression);
  // Returns once everything has been shut down.
  void stop();
  void post(std::function<void(Service&)> action);

  std::vector<Observation> observations() const;
  // Waits until one that satisfies `wanted` has been told; fails the test
  // after half a minute.
  Observation wait_for(const std::function<bool(const Observation&)>& wanted) const;
  Observation wait_for(Observation::Kind kind) const;
  // The `detail`s of a kind, in order.
  std::vector<std::string> details(Observation::Kind kind) const;
  bool has_line(const std::string& part) const;  // in the log

 private:
  TemporaryFolder folder_;
  std::string extension_plans_;
  boost::asio::io_context io_{1};
  Service* service_ = nullptr;
  std::thread thread_;
  core::Origin origin_, url_origin_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Observation> observations_;
};

}  // namespace mayfly::emulator::test
