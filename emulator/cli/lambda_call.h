// One call of the Invoke API and what came of it, as any client sees it: over
// HTTP, with the figures taken from the REPORT line in the log tail. So it works
// with every endpoint that speaks the API.
//
// [A] AWS Lambda API Reference, "Invoke".

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/failure.h"
#include "core/http_connection.h"
#include "core/uri.h"
#include "emulator/invoke/signature.h"

namespace mayfly::emulator::cli {

struct LambdaCall {
  std::string prefix;  // of the path, from the endpoint's address; often empty
  std::string function_name = "function";
  std::string qualifier;
  std::string client_context;  // JSON, not yet base64
  std::string payload;
  bool asynchronous = false;
  bool streamed = false;  // InvokeWithResponseStream
  // Who signs the call, for an endpoint that verifies; no access key: nobody.
  Credentials caller;
  std::string region;

  // Ends with the empty line. Function name and qualifier are percent-encoded. A
  // signed one is good for five minutes.
  std::string request_head(const core::Origin& origin) const;
};

// The figures of a REPORT line: "REPORT RequestId: ...\tDuration: 9.69 ms\t...".
struct ReportLine {
  double duration_ms = 0;
  std::int64_t billed_ms = 0;
  int memory_mb = 0;
  int max_memory_mb = 0;
  std::optional<double> init_ms;  // there on a cold start
};

// Of the last REPORT line in `log`, text or JSON; nothing when there is none.
std::optional<ReportLine> find_report(std::string_view log);

struct CallAnswer {
  int status = 0;
  std::string function_error;  // "Unhandled"; empty when the function did not fail
  std::string error_type;      // of the API, when it refused
  std::string executed_version;
  std::string request_id;
  std::string log;  // decoded tail; empty when there is none
  std::string payload;
  bool cold = false;  // processes were started for it; what is not mayfly does not say
  std::optional<ReportLine> report;

  // Some HTTP server, but none that knows functions.
  bool is_lambda() const { return !request_id.empty() || !error_type.empty() || status / 100 == 2; }
};

CallAnswer read_answer(const core::HttpAnswer& answer);

}  // namespace mayfly::emulator::cli
