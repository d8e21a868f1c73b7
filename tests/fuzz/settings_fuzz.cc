// Settings, as lines of NAME=VALUE. Whatever stands there, what comes out can be
// written into a request, and no log line repeats a secret or a control byte.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "core/http_field.h"
#include "extensions/telemetry/secret_text.h"
#include "extensions/telemetry/settings.h"
#include "tests/fuzz/check.h"

using namespace mayfly;
using namespace mayfly::telemetry;

namespace {

constexpr const char* kSecret = "~Qz9~";

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void check(const DestinationSettings& d, std::uint16_t own_receiver_port) {
  if (d.kind == DestinationSettings::Kind::file) FUZZ_CHECK(d.path.starts_with('/'));
  if (d.kind != DestinationSettings::Kind::http) return;
  FUZZ_CHECK(d.origin.port != 0 && core::is_field_value(d.origin.host_port()));
  FUZZ_CHECK(!is_own_receiver(d.origin, own_receiver_port));
  FUZZ_CHECK(d.takes(Signal::logs) || d.takes(Signal::metrics) || d.takes(Signal::traces));
  for (const auto& target : d.targets) {
    if (target.empty()) continue;
    FUZZ_CHECK(target.starts_with('/') && core::is_field_value(target) && target.find(' ') == target.npos);
  }
  for (const auto& header : d.headers) FUZZ_CHECK(core::is_token(header.name) && core::is_field_value(header.value));
  FUZZ_CHECK(d.timeout.count() >= 1 && d.timeout.count() <= 300'000);
}

// References in what is kept are whole, and a proxy is somewhere.
void check_proxy(const ProxySettings& proxies, const DestinationSettings& d) {
  for (const auto& header : d.headers) FUZZ_CHECK(parse_secret_text(header.value).has_value());
  for (const auto& target : d.targets) FUZZ_CHECK(parse_secret_text(target).has_value());
  auto proxy = proxy_for(proxies, d.origin, d.tls);
  if (proxy && *proxy) FUZZ_CHECK((*proxy)->origin.port != 0 && !is_listed(proxies.none_for, d.origin));
  if (!proxy) FUZZ_CHECK(is_printable(proxy.error().message));
}

void check_secret(const std::string& url) {
  auto d = parse_destination(url, {});
  FUZZ_CHECK((d ? d->name : d.error().message).find(kSecret) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  std::map<std::string, std::string> variables;
  for (std::size_t begin = 0; begin < text.size();) {
    auto end = std::min(text.find('\n', begin), text.size());
    auto line = text.substr(begin, end - begin);
    if (auto equals = line.find('='); equals != line.npos) variables[line.substr(0, equals)] = line.substr(equals + 1);
    begin = end + 1;
  }
  auto settings = read_settings([&](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  for (const auto& d : settings.destinations) check_proxy(settings.proxies, d);
  for (const auto& d : settings.destinations) check(d, settings.receiver ? settings.receiver->port : 0);
  for (const auto& complaint : settings.complaints) FUZZ_CHECK(is_printable(complaint) && complaint.size() < 1'000);
  FUZZ_CHECK(settings.queue_bytes >= 65'536);

  for (auto url : split_destinations(text)) {
    auto d = parse_destination(url, {});
    if (d) check(*d, DestinationDefaults{}.own_receiver_port);
  }
  check_secret(std::string("otlp+http://user:") + kSecret + text + "@host");
  check_secret(std::string("ndjson+https://host?key=") + kSecret + text);
  check_secret(std::string("otlp+http://host#headers=key=") + kSecret + text);
  return 0;
}
