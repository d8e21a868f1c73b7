#include "extensions/telemetry/check.h"

#include "extensions/telemetry/probe.h"

namespace mayfly::telemetry {
namespace {

void row(std::string& out, std::string_view indent, std::string_view label, std::string_view value) {
  constexpr std::size_t kWidth = 13;
  out.append(indent).append(label);
  out.append(kWidth - std::min(kWidth, label.size()), ' ').append(value).append("\n");
}

template <class List, class Text>
std::string joined(const List& list, Text text) {
  std::string out;
  for (const auto& item : list) out.append(out.empty() ? "" : ", ").append(text(item));
  return out.empty() ? "none" : out;
}

std::string bytes_text(std::size_t bytes) {
  if (bytes % (1 << 20) == 0) return std::to_string(bytes >> 20) + " MiB";
  return std::to_string(bytes) + " bytes";
}

// The value is hidden; of one that is nothing but a reference to a secret, the reference is told.
std::string header_text(const HeaderSetting& header) {
  bool reference = header.value.starts_with("${") && header.value.find('}') == header.value.size() - 1;
  return header.name + "=" + (reference ? header.value : "(hidden)");
}

std::string flush_text(const FlushSettings& flush) {
  std::string time = ":" + std::to_string(flush.time.count()) + "ms";
  switch (flush.kind) {
    case FlushSettings::Kind::end: return "end" + time;
    case FlushSettings::Kind::periodic: return "periodic" + time;
    case FlushSettings::Kind::continuous: return "continuous" + time;
    case FlushSettings::Kind::adaptive: return "adaptive" + time;
  }
  return "";
}

void describe_http(std::string& out, const DestinationSettings& d, const Settings& settings) {
  constexpr std::string_view kIndent = "     ";
  std::string signals;
  for (Signal signal : {Signal::logs, Signal::metrics, Signal::traces}) {
    if (!d.takes(signal)) continue;
    const std::string& target = d.targets[static_cast<std::size_t>(signal)];
    auto query = find_outside_braces(target, "?");
    signals.append(signals.empty() ? "" : ", ").append(to_string(signal)).append(" to ");
    signals.append(target.substr(0, query)).append(query < target.size() ? "?(hidden)" : "");
  }
  row(out, kIndent, "signals", signals);
  auto coding = content_encoding(d.compression);
  row(out, kIndent, "compression", coding.empty() ? "none" : coding);
  row(out, kIndent, "headers", joined(d.headers, header_text));
  row(out, kIndent, "timeout", std::to_string(d.timeout.count()) + " ms");
  if (!d.tls) return;
  const std::string& ca_file = d.certificate.empty() ? settings.ca_file : d.certificate;
  row(out, kIndent, "trusts",
      settings.tls_insecure ? "anyone: certificates are not verified"
      : ca_file.empty()     ? "the system's certificates"
                            : ca_file);
}

}  // namespace

CheckResult check(const Settings& settings, bool send) {
  CheckResult result;
  std::string& out = result.text;
  out += settings.destinations.empty() ? "Nothing is forwarded: there is no destination.\n" : "Destinations\n";
  std::size_t number = 0;
  std::size_t backends = 0;
  for (const auto& d : settings.destinations) {
    out += "  " + std::to_string(++number) + "  " + d.name + "\n";
    row(out, "     ", "types", joined(d.types, [](auto type) { return std::string(to_string(type)); }));
    if (d.kind == DestinationSettings::Kind::http) {
      ++backends;
      describe_http(out, d, settings);
    }
    if (!send) continue;
    for (const auto& sent : probe(d, settings)) {
      row(out, "     ", sent.taken ? "test" : "test FAILED", sent.text);
      result.well = result.well && sent.taken;
    }
  }
  out += "Rules\n";
  row(out, "  ", "flush", flush_text(settings.flush));
  row(out, "  ", "queue",
      bytes_text(settings.queue_bytes) + " for " + std::to_string(backends) + " backend" + (backends == 1 ? "" : "s"));
  row(out, "  ", "spool", settings.spool_folder.empty() ? "off" : settings.spool_folder);
  row(out, "  ", "receiver", settings.receiver ? "OTLP on " + settings.receiver->host_port() : "off");
  row(out, "  ", "service", settings.service_name.empty() ? "the function's name" : settings.service_name);
  row(out, "  ", "resource", joined(settings.resource_attributes, [](const auto& attribute) {
        return attribute.first + "=" + attribute.second;
      }));
  if (!settings.complaints.empty()) out += "Complaints\n";
  for (const auto& complaint : settings.complaints) out += "  " + complaint + "\n";
  result.well = result.well && settings.complaints.empty();
  return result;
}

}  // namespace mayfly::telemetry
