#include "extensions/telemetry/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace mayfly::telemetry {
namespace {

using core::Outcome;
using extension::TelemetryType;

constexpr std::size_t kMinQueueBytes = 64 * 1024;
constexpr std::size_t kMaxQueueBytes = 1024 * 1024 * 1024;
constexpr std::size_t kDefaultQueueBytes = 8 * 1024 * 1024;

bool parse_number(std::string_view text, std::size_t& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

Outcome<XRay> parse_xray(std::string_view word) {
  if (word == "join") return XRay::join;
  if (word == "parent") return XRay::parent;
  if (word == "off") return XRay::off;
  return core::fail(core::Errc::parse, quoted(word) + " is none of join, parent, off");
}

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  Settings read() {
    s_.function_name = get("AWS_LAMBDA_FUNCTION_NAME").value_or("");
    s_.function_version = get("AWS_LAMBDA_FUNCTION_VERSION").value_or("");
    s_.region = get("AWS_REGION").value_or("");
    if (!parse_number(get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").value_or(""), s_.memory_mb)) s_.memory_mb = 0;
    read_receiver();
    s_.retry_500 = read_switch("MAYFLY_TELEMETRY_RETRY_500", false);
    read("MAYFLY_TELEMETRY_XRAY", s_.xray, parse_xray);
    s_.multiline = read_switch("MAYFLY_TELEMETRY_MULTILINE", true);
    s_.platform_text = read_switch("MAYFLY_TELEMETRY_PLATFORM_TEXT", true);
    read("MAYFLY_TELEMETRY_FLUSH", s_.flush, parse_flush);
    read_types();
    read_queue_bytes();
    read_spool();
    read_tls();
    s_.proxies = read_proxy_settings(environment_);
    s_.aws = read_aws_settings(environment_);
    s_.allow_dumps = read_switch("MAYFLY_TELEMETRY_ALLOW_DUMPS", false);
    if (auto list = get("MAYFLY_TELEMETRY_DESTINATIONS")) {
      read_destinations(*list);
    } else {
      read_endpoints();
    }
    gather_types();
    read_resource();
    return std::move(s_);
  }

 private:
  std::optional<std::string_view> get(const std::string& name) const {
    const char* value = environment_(name.c_str());
    if (!value || trim(value).empty()) return std::nullopt;
    return trim(value);
  }
  void complain(const std::string& variable, const std::string& what) {
    s_.complaints.push_back(printable(variable + ": " + what));
  }

  // Keeps what was in `out` when the variable is not set or wrong.
  template <class T, class Parse>
  void read(const std::string& variable, T& out, Parse parse) {
    auto text = get(variable);
    if (!text) return;
    auto value = parse(*text);
    if (value) {
      out = std::move(*value);
    } else {
      complain(variable, value.error().message);
    }
  }

  bool read_switch(const char* variable, bool value) {
    read(variable, value, [](std::string_view word) -> Outcome<bool> {
      if (word == "on" || word == "1" || word == "true") return true;
      if (word == "off" || word == "0" || word == "false") return false;
      return core::fail(core::Errc::parse, quoted(word) + " is neither on nor off");
    });
    return value;
  }

  void read_types() {
    types_ = {TelemetryType::platform, TelemetryType::function};
    read("MAYFLY_TELEMETRY_TYPES", types_, parse_types);
  }

  void read_queue_bytes() {
    s_.queue_bytes = kDefaultQueueBytes;
    if (s_.memory_mb > 0)
      s_.queue_bytes = std::clamp(s_.memory_mb * 1024 * 1024 / 16, kMinQueueBytes, kDefaultQueueBytes);
    read("MAYFLY_TELEMETRY_QUEUE_BYTES", s_.queue_bytes, [](std::string_view text) -> Outcome<std::size_t> {
      std::size_t bytes = 0;
      if (parse_number(text, bytes) && bytes >= kMinQueueBytes && bytes <= kMaxQueueBytes) return bytes;
      return core::fail(core::Errc::out_of_range, quoted(text) + " is not a number in 65536..1073741824");
    });
  }

  void read_receiver() {
    using Address = std::optional<core::Origin>;
    read("MAYFLY_TELEMETRY_RECEIVER", s_.receiver, [](std::string_view text) -> Outcome<Address> {
      if (text == "off") return Address();
      auto origin = core::parse_host_port(text);
      if (!origin) return core::fail(origin.error().code, quoted(text) + " is neither host:port nor off");
      if (origin->host == "localhost") origin->host = "127.0.0.1";
      return Address(std::move(*origin));
    });
  }

  void read_spool() {
    read("MAYFLY_TELEMETRY_SPOOL", s_.spool_folder, [](std::string_view text) -> Outcome<std::string> {
      if (text == "off") return std::string();
      if (text.starts_with('/')) return std::string(text);
      return core::fail(core::Errc::parse, quoted(text) + " is neither an absolute path nor off");
    });
  }

  void read_tls() {
    s_.ca_file = get("MAYFLY_TELEMETRY_CA_FILE").value_or(get("SSL_CERT_FILE").value_or(""));
    s_.tls_insecure = read_switch("MAYFLY_TELEMETRY_TLS_INSECURE", false);
    if (s_.tls_insecure)
      complain("MAYFLY_TELEMETRY_TLS_INSECURE", "certificates are not verified, so anybody may read along");
  }

  // ---- destinations

  DestinationDefaults otlp_defaults(const std::string& infix, DestinationDefaults d) {
    std::string prefix = "OTEL_EXPORTER_OTLP_" + infix;
    read(prefix + "HEADERS", d.otlp_headers, parse_headers);
    read(prefix + "COMPRESSION", d.otlp_compression, parse_compression);
    read(prefix + "TIMEOUT", d.otlp_timeout, parse_timeout);
    if (!get("MAYFLY_TELEMETRY_CA_FILE")) d.otlp_certificate = get(prefix + "CERTIFICATE").value_or(d.otlp_certificate);
    for (const char* name : {"CLIENT_CERTIFICATE", "CLIENT_KEY"}) {
      if (get(prefix + name)) complain(prefix + name, "client certificates are not supported");
    }
    return d;
  }

  DestinationDefaults defaults() {
    DestinationDefaults d;
    d.types = types_;
    d.own_receiver_port = s_.receiver ? s_.receiver->port : std::uint16_t{0};
    return otlp_defaults("", std::move(d));
  }

  void read_destinations(std::string_view list) {
    auto d = defaults();
    for (auto url : split_destinations(list)) {
      auto destination = parse_destination(url, d);
      if (destination) {
        s_.destinations.push_back(std::move(*destination));
      } else {
        complain("MAYFLY_TELEMETRY_DESTINATIONS", destination.error().message);
      }
    }
    if (s_.destinations.empty() && s_.complaints.empty())
      complain("MAYFLY_TELEMETRY_DESTINATIONS", "names no destination");
  }

  // Each signal has its endpoint; those that differ in nothing but the target
  // share a connection.
  void read_endpoints() {
    const std::string kBase = "OTEL_EXPORTER_OTLP_ENDPOINT";
    auto general = defaults();
    check_protocol("");
    std::optional<DestinationSettings> base;
    if (auto url = get(kBase)) add_endpoint(kBase, *url, nullptr, general, base);

    bool any = get(kBase).has_value();
    for (auto [signal, infix] :
         {std::pair{Signal::logs, "LOGS_"}, {Signal::metrics, "METRICS_"}, {Signal::traces, "TRACES_"}}) {
      std::string variable = std::string("OTEL_EXPORTER_OTLP_") + infix + "ENDPOINT";
      auto own = otlp_defaults(infix, general);
      check_protocol(infix);
      std::optional<DestinationSettings> d;
      if (auto url = get(variable)) {
        any = true;
        add_endpoint(variable, *url, &signal, own, d);
      } else if (base) {
        d = base;
        for (Signal other : {Signal::logs, Signal::metrics, Signal::traces})
          if (other != signal) d->targets[static_cast<std::size_t>(other)].clear();
        d->compression = own.otlp_compression;
        d->timeout = own.otlp_timeout;
        d->certificate = own.otlp_certificate;
        if (own.otlp_headers != general.otlp_headers) d->headers = own.otlp_headers;
      }
      if (d) join(std::move(*d), signal);
    }
    if (!any)
      s_.complaints.emplace_back("neither MAYFLY_TELEMETRY_DESTINATIONS nor OTEL_EXPORTER_OTLP_ENDPOINT is set");
  }

  void add_endpoint(const std::string& variable, std::string_view url, const Signal* signal,
                    const DestinationDefaults& d, std::optional<DestinationSettings>& out) {
    auto destination = parse_otlp_endpoint(url, signal, d);
    if (destination) {
      out = std::move(*destination);
    } else {
      complain(variable, destination.error().message);
    }
  }

  void join(DestinationSettings d, Signal signal) {
    auto i = static_cast<std::size_t>(signal);
    for (auto& other : s_.destinations) {
      if (other.tls != d.tls || other.origin != d.origin || other.headers != d.headers ||
          other.compression != d.compression || other.timeout != d.timeout || other.certificate != d.certificate)
        continue;
      other.targets[i] = std::move(d.targets[i]);
      other.name = "otlp+" + std::string(d.tls ? "https://" : "http://") + d.origin.host_port();
      return;
    }
    s_.destinations.push_back(std::move(d));
  }

  void check_protocol(const std::string& infix) {
    std::string variable = "OTEL_EXPORTER_OTLP_" + infix + "PROTOCOL";
    if (auto word = get(variable); word && *word != "http/protobuf")
      complain(variable, quoted(*word) + " is not http/protobuf, which is what is sent");
  }

  void gather_types() {
    for (auto type : {TelemetryType::platform, TelemetryType::function, TelemetryType::extension}) {
      if (std::ranges::any_of(s_.destinations, [&](const auto& d) { return d.takes(type); })) s_.types.push_back(type);
    }
    bool asked = std::ranges::find(types_, TelemetryType::extension) != types_.end();
    bool prints = std::ranges::any_of(
        s_.destinations, [](const auto& d) { return d.kind == DestinationSettings::Kind::standard_output; });
    if (asked && prints)
      complain("MAYFLY_TELEMETRY_TYPES", "extension is left out for stdout:, because what it prints would come back");
  }

  // ---- the resource

  // "In case of any error the entire value should be discarded" [A].
  void read_resource() {
    std::vector<std::pair<std::string, std::string>> attributes;
    std::string service_name;
    bool wrong = false;
    each_part(get("OTEL_RESOURCE_ATTRIBUTES").value_or(""), [&](std::string_view pair) {
      auto equals = pair.find('=');
      auto key = core::percent_decode(trim(pair.substr(0, equals)));
      auto value = core::percent_decode(equals == pair.npos ? std::string_view() : trim(pair.substr(equals + 1)));
      if (equals == pair.npos || !key || !value || key->empty()) {
        if (!wrong)
          complain("OTEL_RESOURCE_ATTRIBUTES",
                   quoted(pair.substr(0, equals)) + " is not key=value with percent escapes; none is used");
        wrong = true;
      } else if (*key == "service.name") {
        service_name = std::move(*value);
      } else {
        attributes.emplace_back(std::move(*key), std::move(*value));
      }
    });
    if (!wrong) {
      s_.resource_attributes = std::move(attributes);
      s_.service_name = std::move(service_name);
    }
    s_.service_name = get("OTEL_SERVICE_NAME").value_or(s_.service_name);
  }

  const Environment& environment_;
  std::vector<TelemetryType> types_;  // of a destination that says nothing about it
  Settings s_;
};

}  // namespace

bool Settings::forwards(TelemetryType type) const { return std::ranges::find(types, type) != types.end(); }

Settings read_settings() {
  return read_settings([](const char* name) { return std::getenv(name); });
}

Settings read_settings(const Environment& environment) { return Reader(environment).read(); }

}  // namespace mayfly::telemetry
