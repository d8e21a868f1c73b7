#include "emulator/invoke/streamed_answer.h"

#include <mayfly/json/writer.h>

#include "emulator/identifiers.h"
#include "emulator/invoke/event_stream.h"
#include "emulator/response_stream.h"

namespace mayfly::emulator {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxChunkBytes = ResponseStream::kMaxWaitingBytes;

void append_chunk(std::string& out, std::string_view bytes) {
  append_event(
      out, {{":event-type", "PayloadChunk"}, {":content-type", "application/octet-stream"}, {":message-type", "event"}},
      bytes);
}

void append_complete(std::string& out, std::string_view error_code, const Answer& answer) {
  std::string json;
  json::Writer writer(json);
  writer.begin_object();
  if (!error_code.empty()) writer.member("ErrorCode", error_code).member("ErrorDetails", answer.payload);
  if (!answer.log_tail.empty()) writer.member("LogResult", base64_encode(answer.log_tail));
  writer.end_object();
  append_event(out,
               {{":event-type", "InvokeComplete"}, {":content-type", "application/json"}, {":message-type", "event"}},
               json);
}

void append_failure(std::string& out) {
  append_event(out,
               {{":error-code", "ServiceException"},
                {":error-message", "The execution environment was shut down before the function answered."},
                {":message-type", "error"}},
               {});
}

// Of a response that came whole.
std::string events_of(const Answer& answer) {
  std::string out;
  if (!answer.error_type.empty()) {
    append_complete(out, "Unhandled", answer);
    return out;
  }
  std::string_view rest = answer.payload;
  for (; !rest.empty(); rest.remove_prefix(std::min(rest.size(), kMaxChunkBytes))) {
    append_chunk(out, rest.substr(0, kMaxChunkBytes));
  }
  append_complete(out, {}, answer);
  return out;
}

}  // namespace

asio::awaitable<void> reply_with_events(core::HttpExchange& exchange, core::HttpReply head, Answer answer) {
  head.content_type = "application/vnd.amazon.eventstream";
  head.fields.emplace_back("X-Amzn-Remapped-Content-Type",
                           answer.content_type.empty() ? "application/json" : answer.content_type);
  bool there = co_await exchange.begin_reply(std::move(head));
  auto stream = std::move(answer.stream);
  std::string events;
  if (!stream) {
    events = events_of(answer);
  } else {
    while (there) {
      auto bytes = co_await stream->read();
      if (bytes.empty()) break;
      events.clear();
      append_chunk(events, bytes);
      there = co_await exchange.write(events);
    }
    if (!there) co_return stream->abandon();
    events.clear();
    const Answer& end = stream->how_it_ended();
    if (end.aborted) {
      append_failure(events);
    } else {
      append_complete(events, end.error_type, end);
    }
  }
  if (co_await exchange.write(events)) co_await exchange.end_reply();
}

}  // namespace mayfly::emulator
