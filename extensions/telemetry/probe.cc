#include "extensions/telemetry/probe.h"

#include <mayfly/telemetry_record.h>

#include <algorithm>
#include <chrono>

#include "core/clock.h"
#include "extensions/telemetry/line_destination.h"
#include "extensions/telemetry/ndjson.h"
#include "extensions/telemetry/open_transport.h"
#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/otlp_logs.h"
#include "extensions/telemetry/request_head.h"

namespace mayfly::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;
constexpr std::size_t kQuotedBytes = 200;

// As the Telemetry API would deliver it.
SharedBatch test_record(Encoding encoding, const Settings& settings) {
  std::string json = R"([{"time":")" + core::rfc3339(core::wall_now()) +
                     R"(","type":"function","record":"mayfly-telemetry --check: a test record"}])";
  extension::TelemetryBatch batch(json, json.size());
  Resource resource(settings);
  Invocations invocations;
  OtlpLogsEncoder otlp(resource);
  NdjsonEncoder ndjson;
  Encoder& encoder = encoding == Encoding::otlp ? static_cast<Encoder&>(otlp) : ndjson;
  for (const auto& record : batch) encoder.add(record, {"", invocations, core::wall_now()});
  return encoder.seal();
}

std::string quote(std::string_view text) {
  std::string line(text.substr(0, std::min(text.find_first_of("\r\n"), kQuotedBytes)));
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return line.empty() ? "" : ": " + line;
}

core::Outcome<const core::HttpAnswer*> exchange(Transport& transport, std::string_view head, std::string_view body,
                                                core::Deadline deadline) {
  auto sent = transport.send(head, body, deadline);
  if (!sent) return unexpected(sent.error());
  return transport.receive(deadline);
}

ProbeResult probe_signal(const DestinationSettings& d, Signal signal, const RequestHead& heads, Transport& transport,
                         const Settings& settings) {
  std::string body = signal == Signal::logs ? test_record(d.encoding, settings)->body : std::string();
  std::string payload;
  ProbeResult result{false, std::string(to_string(signal)) + ": "};
  if (!Compressor(d.compression).compress(body, payload)) {
    result.text += "no memory for compression";
    return result;
  }
  auto head = heads.text(signal, content_encoding(d.compression), payload.size());
  auto began = std::chrono::steady_clock::now();
  auto answer = exchange(transport, head.reveal(), payload, core::Deadline::after(d.timeout));
  if (!answer) {
    result.text += "no answer: " + answer.error().message;
    return result;
  }
  auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
  int status = (*answer)->status();
  result.text += std::to_string(status) + " in " + std::to_string(took.count()) + " ms";
  result.taken = status >= 200 && status < 300;
  if (!result.taken) {
    result.text += quote((*answer)->body());
  } else if (d.encoding == Encoding::otlp) {
    std::string why;
    if (rejected_items((*answer)->body(), why).value_or(0) > 0) {
      result.taken = false;
      result.text += ", but rejected" + quote(why);
    }
  }
  return result;
}

std::vector<ProbeResult> probe_http(const DestinationSettings& d, const Settings& settings) {
  const std::string& ca_file = d.certificate.empty() ? settings.ca_file : d.certificate;
  const Route route{d.origin, d.tls, {ca_file, settings.tls_insecure}, settings.proxies};
  auto transport = open_transport(route, kMaxAnswerBytes, -1);
  if (!transport) return {{false, "not sent: " + transport.error().message}};
  Secrets secrets(settings.aws, settings.proxies, settings.allow_dumps);
  RequestHead heads(d.encoding, route.host(), d.targets, d.headers, &secrets);
  if (auto ready = heads.prepare(false, core::Deadline::after(d.timeout)); !ready)
    return {{false, "not sent: " + ready.error().message}};
  std::vector<ProbeResult> results;
  for (Signal signal : {Signal::logs, Signal::metrics, Signal::traces})
    if (d.takes(signal)) results.push_back(probe_signal(d, signal, heads, **transport, settings));
  return results;
}

std::vector<ProbeResult> probe_lines(Destination& destination, const Settings& settings) {
  destination.enqueue(test_record(Encoding::ndjson, settings));
  bool written = destination.account().count(Place::delivered) == 1;
  return {{written, written ? "logs: written" : "logs: not written"}};
}

}  // namespace

std::vector<ProbeResult> probe(const DestinationSettings& d, const Settings& settings) {
  switch (d.kind) {
    case DestinationSettings::Kind::http: return probe_http(d, settings);
    case DestinationSettings::Kind::standard_output: return probe_lines(*LineDestination::standard_output(), settings);
    case DestinationSettings::Kind::file: break;
  }
  auto file = LineDestination::open_file(d.path);
  if (!file) return {{false, file.error().message}};
  return probe_lines(**file, settings);
}

}  // namespace mayfly::telemetry
