#include "extensions/telemetry/invocations.h"

#include <utility>

#include "extensions/telemetry/ending.h"
#include "extensions/telemetry/random.h"
#include "extensions/telemetry/trace_context.h"

namespace mayfly::telemetry {
namespace {

namespace ext = mayfly::extension;

constexpr std::size_t kKept = 16;     // that have ended: records may still speak of them
constexpr std::size_t kOpen = 2'048;  // Managed Instances run at most 1,600 at once

}  // namespace

void Invocations::invoked(const ext::Invoke& invoke) {
  auto& invocation = at(invoke.request_id);
  invocation.invoked_arn = invoke.invoked_function_arn;
  read_trace(invocation, invoke.trace_id, {});
}

void Invocations::note(const ext::TelemetryRecord& record) {
  if (auto* start = std::get_if<ext::Start>(&record.event)) {
    auto& invocation = at(start->request_id);
    read_trace(invocation, start->tracing.value, start->tracing.span_id);
    if (!invocation.started) {
      invocation.started = record.time;
      invocation.cold_start = cold_;
      cold_ = false;
    }
    current_ = start->request_id;
  } else if (auto* done = std::get_if<ext::RuntimeDone>(&record.event)) {
    auto& invocation = at(done->request_id);
    read_trace(invocation, done->tracing.value, done->tracing.span_id);
    invocation.done = true;
  } else if (auto* report = std::get_if<ext::Report>(&record.event)) {
    auto& invocation = at(report->request_id);
    read_trace(invocation, report->tracing.value, report->tracing.span_id);
    invocation.reported = true;
  } else if (auto* init = std::get_if<ext::InitStart>(&record.event)) {
    // Nobody waited for an environment that was made in advance.
    cold_ = init->initialization_type != "provisioned-concurrency" &&
            init->initialization_type != "lambda-managed-instances";
  } else if (std::holds_alternative<ext::RestoreStart>(record.event)) {
    cold_ = true;
  } else if (auto* line = std::get_if<ext::FunctionLog>(&record.event)) {
    auto request_id = out_of_memory_line(line->text);
    if (auto it = request_id.empty() ? known_.end() : known_.find(request_id); it != known_.end()) {
      it->second.out_of_memory = true;
    }
  }
}

void Invocations::end(std::string_view reason) {
  if (reason != "timeout" && reason != "failure") return;
  for (auto& [id, invocation] : known_) {
    invocation.given_up = invocation.started && !invocation.done && !invocation.reported;
  }
}

const Invocation* Invocations::find(std::string_view request_id) const {
  if (request_id.empty()) return nullptr;
  if (last_found_ && last_found_->first == request_id) return &last_found_->second;
  auto it = known_.find(request_id);
  if (it == known_.end()) return nullptr;
  last_found_ = &*it;
  return &it->second;
}

Invocation& Invocations::at(std::string_view request_id) {
  if (auto it = known_.find(request_id); it != known_.end()) return it->second;
  forget();
  order_.emplace_back(request_id);
  return known_[order_.back()];
}

// The oldest that has ended goes; when there is none, the oldest of all.
void Invocations::forget() {
  if (order_.size() < kKept) return;
  auto gone = order_.begin();
  for (; gone != order_.end(); ++gone) {
    if (known_.find(*gone)->second.reported) break;
  }
  if (gone == order_.end()) {
    if (order_.size() < kOpen) return;
    gone = order_.begin();
  }
  last_found_ = nullptr;
  known_.erase(*gone);
  order_.erase(gone);
}

void Invocations::read_trace(Invocation& invocation, std::string_view header, std::string_view segment_id) {
  auto xray = xray_ == XRay::off ? std::nullopt : parse_xray_header(header);
  if (xray) {
    auto segment = decode_id(segment_id, 8);
    invocation.from_xray = true;
    invocation.sampled = xray->sampled;
    invocation.trace_id = std::move(xray->trace_id);
    if (xray_ == XRay::parent) {
      invocation.parent_id = segment.empty() ? std::move(xray->span_id) : std::move(segment);
      if (!spans_) invocation.span_id = invocation.parent_id;
    } else {
      if (!segment.empty()) invocation.span_id = std::move(segment);
      if (!spans_ && invocation.span_id.empty()) invocation.span_id = xray->span_id;
      invocation.link_id = xray->span_id == invocation.span_id ? std::string() : std::move(xray->span_id);
    }
  }
  if (!spans_) return;
  if (invocation.trace_id.empty()) invocation.trace_id = random_id(16);
  if (invocation.span_id.empty()) invocation.span_id = random_id(8);
}

}  // namespace mayfly::telemetry
