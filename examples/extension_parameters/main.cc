// Parameters for the function from a cache on localhost, so that not each
// invocation asks for them. The interface is that of AWS's own extension:
//
//   curl -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" \
//     "http://localhost:2773/systemsmanager/parameters/get?name=%2Forders%2Fkey&withDecryption=true"

#include <mayfly/extension.h>
#include <mayfly/log.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "http.h"
#include "source.h"

namespace ext = mayfly::extension;
using Clock = std::chrono::system_clock;  // goes on in a freeze

namespace {

constexpr std::size_t kMaxParameters = 1'000;

int setting(const char* name, int fallback) {
  const char* text = std::getenv(name);
  return text && *text ? std::atoi(text) : fallback;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The value of a query parameter; empty when there is none.
std::string parameter(std::string_view target, std::string_view name) {
  auto query = target.substr(std::min(target.find('?'), target.size()));
  while (!query.empty()) {
    query.remove_prefix(1);
    auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size());
    auto equals = pair.find('=');
    if (pair.substr(0, equals) == name && equals != pair.npos) return decoded(pair.substr(equals + 1));
  }
  return "";
}

class Cache {
 public:
  Answer answer(const Request& request) {
    const char* token = std::getenv("AWS_SESSION_TOKEN");
    if (token && request.token != token) return {401, "the token is not AWS_SESSION_TOKEN"};
    if (!request.target.starts_with("/systemsmanager/parameters/get?")) return {404, "no such path"};
    auto name = parameter(request.target, "name");
    bool decrypt = parameter(request.target, "withDecryption") == "true";
    try {
      return {200, get(name, decrypt)};
    } catch (const mayfly::Error& e) {
      return {e.type == "ParameterNotFound" ? 400 : 502, e.type + ": " + e.message};
    }
  }

 private:
  const std::string& get(const std::string& name, bool decrypt) {
    if (entries_.size() >= kMaxParameters) entries_.clear();
    auto& entry = entries_[{name, decrypt}];
    if (Clock::now() < entry.until) return entry.json;
    entry.json = get_parameter(name, decrypt);
    entry.until = Clock::now() + time_to_live_;
    return entry.json;
  }

  struct Entry {
    std::string json;
    Clock::time_point until = Clock::time_point::min();
  };
  std::map<std::pair<std::string, bool>, Entry> entries_;
  const std::chrono::seconds time_to_live_{setting("SSM_PARAMETER_STORE_TTL", 300)};
};

}  // namespace

int main() {
  // Before it registers: Lambda starts the function then, which must find somebody
  // listening. What it wants is fetched when it asks.
  int listener = -1;
  try {
    listener = listen_on(setting("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", 2773));
  } catch (const std::exception& e) {
    mayfly::log.fatal(e.what());
    return 1;
  }
  return ext::run({
      .on_init =
          [listener](const ext::Registration&) {
            std::thread([listener] {
              Cache cache;
              serve(listener, [&](const Request& request) { return cache.answer(request); });
            }).detach();
          },
  });
}
