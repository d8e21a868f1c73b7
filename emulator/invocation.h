// One call of the function: what came in through the Invoke API and what goes
// back to the caller.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace mayfly::emulator {

class ResponseStream;

struct Invocation {
  std::uint32_t number = 0;    // 1, 2, ... in the order of arrival
  std::string request_id;      // a UUID
  std::string event;           // JSON
  std::string invoked_arn;     // as the caller named the function
  std::string trace_id;        // "Root=...;Parent=...;Sampled=0"
  std::string client_context;  // JSON; empty: none
  std::string tenant_id;       // empty: none
  bool asynchronous = false;   // nobody waits for the answer
  bool log_tail = false;       // the caller wants the last 4,096 bytes of its log
  bool in_parts = false;       // the caller takes a streamed response as it comes

  bool sampled() const { return trace_id.find("Sampled=1") != trace_id.npos; }
};

struct Answer {
  // The response has only begun: it comes through this, and so does how it ends.
  std::shared_ptr<ResponseStream> stream;
  std::string content_type;  // of the response; empty: application/json, or none was given, and no stream
  std::string payload;
  std::string error_type;     // empty: the function succeeded
  std::string log_tail;       // START to REPORT, as asked for
  bool cold = false;          // processes were started for it, in an Init phase or within the call
  bool from_function = true;  // else the function gave none: error_type and payload say why
  bool aborted = false;       // the environment was shut down before there was an answer
};

}  // namespace mayfly::emulator
