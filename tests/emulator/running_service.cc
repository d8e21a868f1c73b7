#include "tests/emulator/running_service.h"

#include <doctest/doctest.h>
#include <mayfly/json/writer.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>

#include "core/http_connection.h"
#include "core/http_field.h"

namespace mayfly::emulator::test {

namespace fs = std::filesystem;

namespace {

// Only a guard against hanging.
constexpr std::chrono::seconds kPatience{30};

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "mayfly-test-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string Reply::field(const std::string& name) const {
  auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

Reply request(const core::Origin& origin, const std::string& method, const std::string& target, const std::string& body,
              const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string head = method + " " + target + " HTTP/1.1\r\n";
  core::append_field(head, "Host", origin.host_port());
  core::append_field(head, "Content-Length", std::to_string(body.size()));
  for (const auto& [name, value] : fields) core::append_field(head, name, value);
  head += "\r\n";
  core::HttpConnection connection(origin, {});
  auto answer = connection.exchange(head, body, core::Deadline::after(kPatience));
  INFO(method << " " << target);
  REQUIRE_MESSAGE(answer.has_value(), (answer ? "" : answer.error().message));
  Reply reply;
  reply.status = (*answer)->status();
  reply.body = (*answer)->body();
  for (std::size_t i = 0; i < (*answer)->field_count(); ++i) {
    auto field = (*answer)->field(i);
    std::string name(field.name);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    reply.fields[name] = field.value;
  }
  return reply;
}

std::string member(const std::string& json, const std::string& name) {
  auto at = json.find("\"" + name + "\":");
  if (at == json.npos) return {};
  at += name.size() + 3;
  while (at < json.size() && json[at] == ' ') ++at;
  if (at < json.size() && json[at] == '"') return json.substr(at + 1, json.find('"', at + 1) - at - 1);
  return json.substr(at, json.find_first_of(",}", at) - at);
}

RunningService::RunningService() {
  settings.listen.port = 0;
  settings.command = {MAYFLY_TEST_PROGRAMS "/runtime.py"};
  settings.task_root = folder();
  fs::create_directory(folder() / "extensions");
  fs::create_directory(folder() / "records");
  settings.environment = {{"RECORDS", (folder() / "records").string()}};
}

RunningService::~RunningService() { stop(); }

void RunningService::add_extension(const std::string& name, const std::string& plan) {
  extension_plans_ += (extension_plans_.empty() ? "\"" : ",\"") + name + "\":" + plan;
  fs::copy_file(MAYFLY_TEST_PROGRAMS "/extension.py", folder() / "extensions" / name);
}

void RunningService::add_extension_file(const std::string& name, const std::string& content, fs::perms mode) {
  auto path = folder() / "extensions" / name;
  std::ofstream(path) << content;
  fs::permissions(path, mode);
}

void RunningService::set_init(const std::string& plan) { settings.environment.emplace_back("INIT", plan); }

std::string RunningService::record_text(const std::string& name) const {
  return read_file(folder() / "records" / (name + ".ndjson"));
}

std::vector<std::string> RunningService::record(const std::string& name) const {
  std::istringstream text(record_text(name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

void RunningService::start() {
  if (!fs::is_empty(folder() / "extensions")) settings.extension_folders = {folder() / "extensions"};
  settings.environment.emplace_back("EXTENSIONS", "{" + extension_plans_ + "}");
  std::promise<core::Outcome<core::Origin>> started;
  thread_ = std::thread([this, &started] {
    Service service(io_, settings, [this](const Observation& what) {
      std::lock_guard lock(mutex_);
      observations_.push_back(what);
      changed_.notify_all();
    });
    service_ = &service;
    auto result = service.start();
    if (result && settings.url) {
      auto url = service.start_url();
      if (url) url_origin_ = *url;
    }
    bool listening = result.has_value();
    started.set_value(std::move(result));
    if (listening) io_.run();
    service_ = nullptr;
  });
  auto result = started.get_future().get();
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message));
  origin_ = *result;
}

void RunningService::post(std::function<void(Service&)> action) {
  boost::asio::post(io_, [this, action = std::move(action)] { action(*service_); });
}

void RunningService::stop() {
  if (!thread_.joinable()) return;
  post([](Service& service) { service.stop([] {}); });
  thread_.join();
  // Nothing is left: no child, whatever became of its parents, and no port.
  int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(origin_.port));
  CHECK(::connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0);
  ::close(probe);
  bool childless = waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
  CHECK(childless);
}

Reply RunningService::invoke(const std::string& payload,
                             const std::vector<std::pair<std::string, std::string>>& fields) {
  return request(origin_, "POST", "/2015-03-31/functions/function/invocations", payload, fields);
}

std::string RunningService::evaluate(const std::string& expression) {
  std::string event = "{\"script\":";
  json::append_string(event, expression);
  return invoke(event + "}").body;
}

std::vector<Observation> RunningService::observations() const {
  std::lock_guard lock(mutex_);
  return observations_;
}

Observation RunningService::wait_for(const std::function<bool(const Observation&)>& wanted) const {
  std::unique_lock lock(mutex_);
  std::size_t looked_at = 0;
  Observation found;
  bool told = changed_.wait_for(lock, kPatience, [&] {
    for (; looked_at < observations_.size(); ++looked_at) {
      if (!wanted(observations_[looked_at])) continue;
      found = observations_[looked_at];
      return true;
    }
    return false;
  });
  REQUIRE(told);
  return found;
}

Observation RunningService::wait_for(Observation::Kind kind) const {
  return wait_for([kind](const Observation& what) { return what.kind == kind; });
}

std::vector<std::string> RunningService::details(Observation::Kind kind) const {
  std::vector<std::string> out;
  for (const auto& what : observations()) {
    if (what.kind == kind) out.push_back(what.detail);
  }
  return out;
}

bool RunningService::has_line(const std::string& part) const {
  return std::ranges::any_of(observations(), [&](const Observation& what) {
    bool line = what.kind == Observation::Kind::platform_line || what.kind == Observation::Kind::log_line;
    return line && what.detail.find(part) != what.detail.npos;
  });
}

}  // namespace mayfly::emulator::test
