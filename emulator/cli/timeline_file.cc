#include "emulator/cli/timeline_file.h"

#include <fcntl.h>
#include <mayfly/json/writer.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "emulator/cli/figures.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

constexpr std::string_view kClosing = "\n]\n";
// Tracks of calls that overlap lie behind those of processes.
constexpr std::size_t kFurtherLanes = 1'000;
constexpr std::size_t kMostPending = 64 * 1024;

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::init: return "init";
    case Phase::handler: return "handler";
    case Phase::streaming: return "handler, streaming";
    case Phase::after: return "after the answer";
    case Phase::stopping: return "stopping";
    case Phase::frozen: return "frozen";
    case Phase::absent:
    case Phase::waiting:  // an empty track says it
    case Phase::killed: return {};
  }
  return {};
}

// Nanoseconds as the format wants them: microseconds, here with three decimals.
std::string microseconds(std::int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%03d", static_cast<long long>(ns / 1'000), static_cast<int>(ns % 1'000));
  return text;
}

class Event {
 public:
  Event(std::string_view name, char phase, std::uint32_t environment, std::size_t track) : json_(text_) {
    json_.begin_object().member("name", name).member("ph", std::string_view(&phase, 1));
    json_.member("pid", environment).member("tid", track);
  }
  Event& time(std::string_view key, std::int64_t ns) {
    json_.key(key).raw(microseconds(ns));
    return *this;
  }
  json::Writer& json() { return json_; }
  std::string end() {
    json_.end_object();
    return std::move(text_);
  }

 private:
  std::string text_;
  json::Writer json_;
};

// Names a track, or with "process_name" and the like what the tracks belong to.
std::string metadata(std::string_view what, std::uint32_t environment, std::size_t track, std::string_view name) {
  Event event(what, 'M', environment, track);
  event.json().key("args").begin_object().member("name", name).end_object();
  return event.end();
}

std::string span(std::string_view name, std::uint32_t environment, std::size_t track, std::int64_t begin,
                 std::int64_t end) {
  return Event(name, 'X', environment, track).time("ts", begin).time("dur", end - begin).end();
}

// `scope`: t, p or g: drawn over its track, its environment or all of them.
std::string instant(std::string_view name, std::uint32_t environment, std::size_t track, char scope, std::int64_t at) {
  Event event(name, 'i', environment, track);
  event.time("ts", at).json().member("s", std::string_view(&scope, 1));
  return event.end();
}

}  // namespace

Decided<std::unique_ptr<TimelineFile>> TimelineFile::create(const std::string& path, bool concurrent) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return refuse(kUsage, "cannot write " + path, std::strerror(errno), "--timeline FILE.json");
  std::unique_ptr<TimelineFile> file(new TimelineFile(path, fd, concurrent));
  file->pending_ = "[";
  file->write();
  if (auto problem = file->problem(); !problem.empty())
    return refuse(kUsage, "cannot write " + path, "it is no plain file", "--timeline FILE.json");
  return file;
}

TimelineFile::~TimelineFile() {
  if (fd_ >= 0) close(fd_);
}

void TimelineFile::observe(const Observation& o) {
  if (fd_ < 0) return;
  if (o.kind == Kind::throttled) {
    if (!std::exchange(any_throttled_, true)) {
      add(metadata("process_name", 0, 0, "no environment"));
      add(metadata("thread_name", 0, 0, "refused calls"));
    }
    add(instant("#" + std::to_string(o.number) + " throttled", 0, 0, 'g', o.elapsed_ns));
    return write();
  }
  if (o.environment == 0) return;
  auto [found, is_new] = environments_.try_emplace(o.environment, concurrent_);
  Environment& environment = found->second;
  if (is_new) {
    add(metadata("process_name", o.environment, 0, "environment " + std::to_string(o.environment)));
    add(metadata("thread_name", o.environment, 0, "calls"));
  }
  environment.phases.take(o);
  add_rows(o.environment, environment);
  switch (o.kind) {
    case Kind::init_started:
    case Kind::invocation_started:
      if (o.number > 0) begin_call(o, environment);
      break;
    case Kind::reset_started: add(instant("reset: " + o.detail, o.environment, 0, 'p', o.elapsed_ns)); break;
    case Kind::invocation_ended: add_call(o, environment); break;
    case Kind::shutdown_ended: environments_.erase(found); break;
    default: break;
  }
  bool complete = o.kind == Kind::invocation_ended || o.kind == Kind::shutdown_ended || o.kind == Kind::process_exited;
  if (complete || pending_.size() > kMostPending) write();
}

void TimelineFile::add_rows(std::uint32_t number, Environment& environment) {
  auto& rows = environment.phases.rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ProcessRow& row = rows[i];
    const std::size_t track = i + 1;
    if (environment.named == i) {
      add(metadata("thread_name", number, track, row.name));
      environment.named = track;
    }
    for (const PhaseSpan& one : row.spans) {
      if (auto name = name_of(one.phase); !name.empty()) add(span(name, number, track, one.begin, one.end));
    }
    for (std::int64_t at : row.kills) add(instant("killed", number, track, 't', at));
    row.spans.clear();
    row.kills.clear();
  }
}

void TimelineFile::begin_call(const Observation& o, Environment& environment) {
  if (environment.calls.contains(o.number)) return;
  auto& lanes = environment.lanes;
  auto lane = static_cast<std::size_t>(std::ranges::find(lanes, false) - lanes.begin());
  if (lane == lanes.size()) {
    lanes.push_back(false);
    if (lane > 0)
      add(metadata("thread_name", o.environment, kFurtherLanes + lane,
                   "calls, " + std::to_string(lane + 1) + " at a time"));
  }
  lanes[lane] = true;
  environment.calls.emplace(o.number, Call{o.elapsed_ns, lane});
}

void TimelineFile::add_call(const Observation& o, Environment& environment) {
  begin_call(o, environment);  // unless it has begun
  auto [begin, lane] = environment.calls.extract(o.number).mapped();
  environment.lanes[lane] = false;
  const Report& report = o.report;
  Event event("#" + std::to_string(o.number), 'X', o.environment, lane == 0 ? 0 : kFurtherLanes + lane);
  event.time("ts", begin).time("dur", o.elapsed_ns - begin);
  auto& json = event.json().key("args").begin_object();
  json.member("requestId", report.request_id).member("status", report.status);
  if (!report.error_type.empty()) json.member("errorType", report.error_type);
  json.member("durationMs", as_ms(report.duration)).member("billedMs", report.billed_ms);
  if (report.init.count() > 0) json.member("initMs", as_ms(report.init));
  json.member("extensionsMs", as_ms(report.extensions)).member("maxMemoryMb", report.max_memory_mb).end_object();
  add(event.end());
}

void TimelineFile::add(const std::string& event) {
  pending_.append(any_ ? ",\n" : "\n").append(event);
  any_ = true;
}

void TimelineFile::write() {
  if (fd_ < 0 || pending_.empty()) return;
  if (written_ + static_cast<std::int64_t>(pending_.size()) > kMaxBytes)
    return give_up(path_ + " is full (256 MiB): what follows is not in it");
  const std::int64_t end = written_ + static_cast<std::int64_t>(pending_.size());
  pending_ += kClosing;
  std::string_view rest = pending_;
  for (std::int64_t at = written_; !rest.empty();) {
    ssize_t n = pwrite(fd_, rest.data(), rest.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return give_up("cannot write " + path_ + ": " + std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(n));
    at += n;
  }
  written_ = end;
  pending_.clear();
}

void TimelineFile::give_up(std::string why) {
  problem_ = std::move(why);
  // Those bytes were there before, so that a full disk has room for them.
  [[maybe_unused]] auto n = pwrite(fd_, kClosing.data(), kClosing.size(), written_);
  [[maybe_unused]] auto cut = ftruncate(fd_, written_ + static_cast<std::int64_t>(kClosing.size()));
  close(fd_);
  fd_ = -1;
}

std::string TimelineFile::problem() { return std::exchange(problem_, {}); }

}  // namespace mayfly::emulator::cli
