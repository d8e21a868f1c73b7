#include "emulator/telemetry/telemetry.h"

#include <mayfly/json/writer.h>

namespace mayfly::emulator {

namespace {

std::string event_json(std::string_view time, std::string_view type, std::string_view record) {
  std::string out;
  out.reserve(time.size() + type.size() + record.size() + 40);
  json::Writer(out).begin_object().member("time", time).member("type", type).key("record").raw(record).end_object();
  return out;
}

}  // namespace

Telemetry::~Telemetry() { close(); }

void Telemetry::end_init() {
  open_ = false;
  backlog_.clear();
  backlog_.shrink_to_fit();
}

void Telemetry::add(TelemetryStream& stream, const Event& event) {
  if (!stream.subscription().wants(event.category)) return;
  bool objects = stream.subscription().json_records() && !event.with_json.empty();
  stream.add(objects ? event.with_json : event.text);
}

void Telemetry::subscribe(const std::string& extension, Subscription subscription) {
  auto& stream = streams_[extension];
  bool first = !stream;
  if (stream) stream->close();
  stream = std::make_shared<TelemetryStream>(io_, std::move(subscription));
  if (!first) return;
  for (const auto& event : backlog_) add(*stream, event);
}

void Telemetry::publish(std::string_view category, std::string_view time, std::string_view type,
                        std::string_view record, std::string_view text_record) {
  if (!has_takers()) return;
  Event event{std::string(category), event_json(time, type, text_record.empty() ? record : text_record), {}};
  if (!text_record.empty()) event.with_json = event_json(time, type, record);
  for (auto& [extension, stream] : streams_) add(*stream, event);
  if (!open_ || backlog_bytes_ + event.text.size() > kMaxBacklogBytes) return;
  backlog_bytes_ += event.text.size();
  backlog_.push_back(std::move(event));
}

void Telemetry::flush() {
  for (auto& [extension, stream] : streams_) stream->flush();
}

void Telemetry::pause() {
  for (auto& [extension, stream] : streams_) stream->pause();
}

void Telemetry::resume() {
  for (auto& [extension, stream] : streams_) stream->resume();
}

void Telemetry::close() {
  for (auto& [extension, stream] : streams_) stream->close();
}

}  // namespace mayfly::emulator
