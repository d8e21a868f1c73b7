// A client of the Extensions API and of the Telemetry API's subscription [A].
//
// Everything goes over one kept connection. Only `next` may wait for long (the
// environment may be frozen meanwhile), so it is split in two: send, and take
// the answer once the socket is readable.
//
// [A] AWS Lambda Developer Guide, "Using the Lambda Extensions API" and
//     "Lambda Telemetry API reference", read 2026-11.

#pragma once

#include <mayfly/extension.h>
#include <mayfly/json/value.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "core/http_connection.h"
#include "extensions/src/extension_event.h"

namespace mayfly::extension {

std::string_view to_string(Schema schema);

// Errors: out_of_range, naming field, value and range, so that a wrong setting is
// not answered with a bare 400.
core::Outcome<void> check(const Buffering& buffering);

// Thread-safety: one thread at a time. Failures of all calls: those of
// HttpConnection; refused, when the answer has another status than expected, with
// the answer's errorType and errorMessage in the text; parse.
class ExtensionsApi {
 public:
  explicit ExtensionsApi(core::Origin origin);

  // `events`: "INVOKE", "SHUTDOWN". Must come first: the identifier that all
  // other calls need is in the answer. Asks for the account id, too.
  core::Outcome<Registration> register_extension(std::string_view name, const std::vector<std::string_view>& events);

  // False: there is no Telemetry API here. Local emulators answer 202 [A] or 404.
  // Errors: those of check(), too.
  core::Outcome<bool> subscribe(const std::vector<TelemetryType>& types, const Buffering& buffering, Schema schema,
                                std::uint16_t port);

  core::Outcome<void> send_next();
  // The socket to wait on; -1 when there is no connection.
  int fd() const { return connection_.fd(); }
  // When fd() is readable: the event, or nothing as long as parts of it are missing.
  core::Outcome<Event> receive_next();

  // Report why this extension is about to exit. `type` is best written
  // "Extension.<Reason>".
  core::Outcome<void> init_error(std::string_view type, std::string_view message);
  core::Outcome<void> exit_error(std::string_view type, std::string_view message);

 private:
  std::string head(std::string_view method, std::string_view path, std::string_view fields,
                   std::size_t body_bytes) const;
  core::Outcome<void> post_error(std::string_view path, std::string_view type, std::string_view message);

  core::HttpConnection connection_;
  json::Document document_;
  std::string identifier_field_;  // "Lambda-Extension-Identifier: ...\r\n"
  std::string next_head_;
};

}  // namespace mayfly::extension
