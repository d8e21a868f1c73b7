#include "extensions/src/extension_event.h"

#include <algorithm>

namespace mayfly::extension {
namespace {

using json::Status;
using json::Value;

constexpr std::int64_t kYear2100Ms = 4'102'444'800'000;

// The documentation writes the reasons in upper case, emulators send "Timeout",
// "spindown" and words of their own.
Shutdown::Reason reason_of(std::string_view word) {
  auto is = [word](std::string_view lower) {
    return std::ranges::equal(word, lower,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
  };
  if (is("spindown")) return Shutdown::Reason::spindown;
  if (is("timeout")) return Shutdown::Reason::timeout;
  if (is("failure")) return Shutdown::Reason::failure;
  return Shutdown::Reason::other;
}

Status read_text(Value& value, std::string& out) {
  std::string_view text;
  Status status = value.get(text);
  if (status == Status::ok) out = text;
  return status;
}

}  // namespace

core::Outcome<Event> parse_event(json::Document& document, std::string_view body, std::size_t capacity) {
  auto root = document.parse(body, capacity);
  std::string type;
  std::int64_t deadline_ms = 0;
  Event event;
  Invoke& invoke = event.invoke;
  Shutdown& shutdown = event.shutdown;
  Status status = Status::malformed;
  if (root) {
    status = root->each_field([&](std::string_view name, Value& field) {
      if (field.is_null()) return Status::ok;
      if (name == "eventType") return read_text(field, type);
      if (name == "deadlineMs") return field.get(deadline_ms);
      if (name == "requestId") return read_text(field, invoke.request_id);
      if (name == "invokedFunctionArn") return read_text(field, invoke.invoked_function_arn);
      if (name == "shutdownReason") return read_text(field, shutdown.reason_text);
      if (name != "tracing") return Status::ok;
      return field.each_field([&](std::string_view member, Value& value) {
        return member == "value" && !value.is_null() ? read_text(value, invoke.trace_id) : Status::ok;
      });
    });
  }
  if (status != Status::ok)
    return core::fail(core::Errc::parse, "an event that is not the JSON object of the Extensions API");

  // A deadline far off is as good as none, and arithmetic with it must not overflow.
  TimePoint deadline{std::chrono::milliseconds(std::clamp<std::int64_t>(deadline_ms, 0, kYear2100Ms))};
  if (type == "INVOKE") {
    event.kind = Event::Kind::invoke;
    invoke.deadline = deadline;
    return event;
  }
  if (type == "SHUTDOWN") {
    event.kind = Event::Kind::shutdown;
    shutdown.deadline = deadline;
    shutdown.reason = reason_of(shutdown.reason_text);
    return event;
  }
  return core::fail(core::Errc::parse, "an event of the unknown type \"" + type + "\"");
}

}  // namespace mayfly::extension
