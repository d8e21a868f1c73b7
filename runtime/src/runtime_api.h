// The function's side of the Runtime API 2018-06-01 [A], on one connection.
//
// What may be repeated decides how a failure is met. `next` is safe to ask again
// as long as it has not been answered. A post is sent again when it cannot have
// arrived, and when no byte of an answer came: if it had arrived after all, Lambda
// says 400 or 403, which is then as good as a yes. Answers of 400, 403, 410
// (late) and 413 (too long) cost this one invocation and never the process.
// Everything else is tried a few times on fresh connections, with pauses.
//
// There is no timeout on anything but connecting: between two instructions the
// sandbox may have been frozen for hours.
//
// [A] AWS Lambda Developer Guide, "Using the Lambda runtime API", read 2026-11.
//
// Thread-safety: one thread at a time.

#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <mayfly/entry_point.h>
#include <mayfly/error.h>

#include "core/failure.h"
#include "core/http_answer.h"
#include "core/http_connection.h"
#include "core/uri.h"
#include "runtime/src/response_stream.h"

namespace mayfly::runtime {

// What Lambda takes as a response: 6 MiB and 100 bytes.
inline constexpr std::size_t kMaxResponseBytes = 6 * 1024 * 1024 + 100;
// What is reported in the place of a longer one.
Error response_too_large(std::string_view response);

class RuntimeApi {
 public:
  // When `wake_fd` becomes readable, next() ends with Errc::interrupted; posts
  // are finished. -1: never.
  RuntimeApi(core::Origin origin, int wake_fd);

  // Waits for the next invocation. event(), fields() and all views into them
  // live until next() is called again, whatever is posted meanwhile.
  // Errors: interrupted; anything else means that the Runtime API is gone.
  core::Outcome<void> next();
  std::string_view event() const { return event_.body(); }
  std::size_t event_capacity() const { return event_.body_capacity(); }
  std::span<const mayfly_field> fields() const { return {fields_.data(), event_.field_count()}; }

  // Answers the invocation that next() gave. Success: Lambda has taken or, with
  // a line in the log, refused it. Errors: the Runtime API is gone.
  core::Outcome<void> post_response(std::string_view body);
  core::Outcome<void> post_error(std::string_view error_type, std::string_view error_json);

  // The answer in parts: to be used, and ended, before anything else is posted.
  ResponseStream stream_response(std::string_view content_type);

  core::Outcome<void> post_init_error(std::string_view error_type, std::string_view error_json);

 private:
  core::Outcome<void> read_event();
  void begin_post(std::string_view route);
  void append_error_fields(std::string_view error_type, std::string_view error_json);
  core::Outcome<void> post(std::string_view route, std::string_view body);

  core::HttpConnection connection_;
  const int wake_fd_;
  core::HttpAnswer event_;
  core::HttpAnswer verdict_;  // of posts
  std::array<mayfly_field, core::HttpAnswer::kMaxFields> fields_;
  std::string_view request_id_;
  std::string_view invocation_id_;

  const std::string common_fields_;  // Host and User-Agent
  const std::string next_head_;
  std::string post_head_;
};

}  // namespace mayfly::runtime
