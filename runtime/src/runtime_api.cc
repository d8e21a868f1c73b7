#include "runtime/src/runtime_api.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include <mayfly/log.h>

#include "core/http_field.h"
#include "runtime/src/xray_cause.h"

namespace mayfly::runtime {
namespace {

using core::Errc;
using core::fail;
using core::Failure;
using core::Outcome;

constexpr std::string_view kPrefix = "/2018-06-01/runtime/";
// The largest event is 6 MiB; what is over this is no event.
constexpr std::size_t kMaxEventBytes = 8 * 1024 * 1024;
constexpr std::size_t kMaxVerdictBytes = 64 * 1024;
constexpr std::size_t kMaxRequestIdBytes = 256;
// A function's own error type may be of any length, and a head may not. The
// error's JSON has all of it.
constexpr std::size_t kMaxErrorTypeBytes = 256;

// Pauses between attempts: 50, 100, 200, 400 ms, then it is given up.
class Backoff {
 public:
  explicit Backoff(int wake_fd) : wake_fd_(wake_fd) {}

  // False when there was the last attempt, or the wake-up came.
  bool pause() {
    if (attempts_ == kAttempts - 1) return false;
    pollfd wake{wake_fd_, POLLIN, 0};
    return poll(&wake, 1, kFirstPauseMs << attempts_++) <= 0;
  }

 private:
  static constexpr int kAttempts = 5;
  static constexpr int kFirstPauseMs = 50;
  const int wake_fd_;
  int attempts_ = 0;
};

// An id becomes part of a path: letters, digits and "-._~" pass (RFC 3986,
// "unreserved").
bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestIdBytes && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
  });
}

std::string status_text(int status) { return "HTTP status " + std::to_string(status); }

}  // namespace

Error response_too_large(std::string_view response) {
  return Error("Function.ResponseSizeTooLarge", "Response payload size (" + std::to_string(response.size()) +
                                                    " bytes) exceeded maximum allowed payload size (" +
                                                    std::to_string(kMaxResponseBytes) + " bytes).");
}

RuntimeApi::RuntimeApi(core::Origin origin, int wake_fd)
    : connection_(std::move(origin), {.max_body_bytes = kMaxEventBytes, .wake_fd = wake_fd}),
      wake_fd_(wake_fd),
      event_(kMaxEventBytes),
      verdict_(kMaxVerdictBytes),
      common_fields_("Host: " + connection_.origin().host_port() + "\r\nUser-Agent: mayfly/" MAYFLY_VERSION "\r\n"),
      next_head_("GET " + std::string(kPrefix) + "invocation/next HTTP/1.1\r\n" + common_fields_ + "\r\n") {}

Outcome<void> RuntimeApi::next() {
  connection_.wake_on(wake_fd_);
  connection_.receive_into(event_);
  Backoff backoff(wake_fd_);
  for (;;) {
    Failure failure{Errc::protocol, ""};
    if (auto answer = connection_.exchange(next_head_, {}, core::Deadline::never()); !answer) {
      failure = std::move(answer).error();
      if (failure.code == Errc::interrupted) return unexpected(std::move(failure));
      // A connection that had been idle, or frozen, and has died of it.
      if (failure.code == Errc::unanswered && connection_.reused()) continue;
    } else if (auto read = read_event(); !read) {
      failure = std::move(read).error();
    } else {
      return {};
    }
    connection_.close();
    if (!backoff.pause()) {
      failure.message.insert(0, "no next invocation from the Runtime API: ");
      return unexpected(std::move(failure));
    }
  }
}

Outcome<void> RuntimeApi::read_event() {
  if (event_.status() != 200) return fail(Errc::refused, status_text(event_.status()));
  for (std::size_t i = 0; i < event_.field_count(); ++i) {
    auto [name, value] = event_.field(i);
    fields_[i] = {{name.data(), name.size()}, {value.data(), value.size()}};
  }
  request_id_ = event_.field("Lambda-Runtime-Aws-Request-Id");
  invocation_id_ = event_.field("Lambda-Runtime-Invocation-Id");
  if (is_request_id(request_id_)) return {};
  return fail(Errc::protocol, request_id_.empty() ? "an event without a request id"
                                                  : "an event whose request id cannot be part of a path");
}

void RuntimeApi::begin_post(std::string_view route) {
  post_head_.clear();
  post_head_.append("POST ").append(kPrefix);
  if (route == "init/error") {
    post_head_.append(route);
  } else {
    post_head_.append("invocation/").append(request_id_).append("/").append(route);
  }
  post_head_.append(" HTTP/1.1\r\n").append(common_fields_);
  if (route != "init/error" && !invocation_id_.empty()) {
    core::append_field(post_head_, "Lambda-Runtime-Invocation-Id", invocation_id_);
  }
}

Outcome<void> RuntimeApi::post_response(std::string_view body) {
  begin_post("response");
  return post("response", body);
}

ResponseStream RuntimeApi::stream_response(std::string_view content_type) {
  begin_post("response");
  core::append_field(post_head_, "Content-Type", content_type);
  connection_.wake_on(-1);
  connection_.receive_into(verdict_);
  return {connection_, verdict_, post_head_};
}

Outcome<void> RuntimeApi::post_error(std::string_view error_type, std::string_view error_json) {
  begin_post("error");
  append_error_fields(error_type, error_json);
  return post("error", error_json);
}

Outcome<void> RuntimeApi::post_init_error(std::string_view error_type, std::string_view error_json) {
  begin_post("init/error");
  append_error_fields(error_type, error_json);
  return post("init/error", error_json);
}

void RuntimeApi::append_error_fields(std::string_view error_type, std::string_view error_json) {
  core::append_field(post_head_, "Lambda-Runtime-Function-Error-Type", error_type.substr(0, kMaxErrorTypeBytes));
  char directory[4096];
  auto cause = xray_cause(error_json, getcwd(directory, sizeof directory) ? directory : "");
  if (!cause.empty()) core::append_field(post_head_, "Lambda-Runtime-Function-XRay-Error-Cause", cause);
}

Outcome<void> RuntimeApi::post(std::string_view route, std::string_view body) {
  char length[24];
  auto end = std::to_chars(length, length + sizeof length, body.size()).ptr;
  post_head_.append("Content-Type: application/json\r\nContent-Length: ").append(length, end).append("\r\n\r\n");

  connection_.wake_on(-1);
  connection_.receive_into(verdict_);
  Backoff backoff(-1);
  bool sent_before = false;
  for (;;) {
    auto answer = connection_.exchange(post_head_, body, core::Deadline::never());
    Failure failure{Errc::refused, ""};
    if (answer) {
      int status = verdict_.status();
      if (status < 300) return {};
      if (status < 500) {
        bool taken_before = sent_before && (status == 400 || status == 403);
        if (!taken_before) log.warn("Lambda refused a post", {{"route", route}, {"status", status}});
        return {};
      }
      failure.message = status_text(status);
    } else {
      failure = std::move(answer).error();
      if (failure.code == Errc::cut || failure.code == Errc::protocol) {
        log.warn("no readable answer to a post", {{"route", route}, {"reason", failure.message}});
        return {};
      }
      if (failure.code == Errc::unanswered) {
        sent_before = true;
        if (connection_.reused()) continue;
      }
    }
    connection_.close();
    if (!backoff.pause()) {
      failure.message.insert(0, "the Runtime API takes no post: ");
      return unexpected(std::move(failure));
    }
  }
}

}  // namespace mayfly::runtime
