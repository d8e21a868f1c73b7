// Between HTTP and what a function sees of it: the event of payload format 2.0
// that a function URL makes of a request, and the reply it makes of the
// function's answer [A]. Knows no sockets.
//
// [A] Lambda Developer Guide, "Invoking Lambda function URLs" and "Response
//     streaming", read 2026-11; and what was recorded from the service in
//     LocalStack's snapshot tests: a string is sent without its quotes, other
//     values as compact JSON, forms and other bodies that are no text as base64.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "emulator/invoke/raw_request.h"

namespace mayfly::emulator {

// What the URL knows beside the request.
struct UrlContext {
  std::string source_ip;
  std::uint16_t port = 0;  // of the URL
  std::string url_id;      // the first part of a real URL's host name
  std::string request_id;
  std::string trace_id;
  core::WallTime time;
  // Who signed the request, for AWS_IAM; empty: nobody had to.
  std::string access_key_id;
  std::string account_id;
};

// The event: JSON. Larger than the body by a third when that goes as base64.
std::string url_event(const RawRequest& request, const UrlContext& context);

struct UrlAnswer {
  unsigned status = 200;                                    // 200 .. 599
  std::vector<std::pair<std::string, std::string>> fields;  // content-type among them
  std::string body;
};

// The reply to the caller of a buffered URL. What is no JSON is the body as it
// is. Nothing when the answer cannot be a reply: a status that is none, fields that are no fields, a body that
// should be base64 and is not. Fields that concern the connection are left out.
std::optional<UrlAnswer> url_answer(std::string_view payload);

// The JSON before the body of a streamed response, which it is separated from by
// kPreludeEnd. Nothing when it is malformed. There is no body in the result.
std::optional<UrlAnswer> url_prelude(std::string_view json);

inline constexpr std::string_view kPreludeType = "application/vnd.awslambda.http-integration-response";
inline constexpr std::string_view kPreludeEnd{"\0\0\0\0\0\0\0\0", 8};

}  // namespace mayfly::emulator
