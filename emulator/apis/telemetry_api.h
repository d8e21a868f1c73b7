// The Telemetry API, 2022-07-01: subscriptions of extensions [A]. The Logs API,
// which it has replaced, answers that there are no logs here, as the official
// Runtime Interface Emulator does for both.
//
// [A] AWS Lambda Developer Guide, "Lambda Telemetry API reference", read
//     2026-11; where its tables contradict its text, the text.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "core/failure.h"
#include "core/http_server/http_server.h"
#include "emulator/lifecycle/lifecycle.h"
#include "emulator/telemetry/journal.h"
#include "emulator/telemetry/telemetry.h"

namespace mayfly::emulator {

class TelemetryApi {
 public:
  // `managed`: only schema 2025-01-29 is taken. `reserved_port` is the Runtime API's own: no destination.
  TelemetryApi(Lifecycle& lifecycle, Telemetry& telemetry, Journal& journal, bool managed)
      : lifecycle_(&lifecycle), telemetry_(&telemetry), journal_(&journal), managed_(managed) {}

  void set_reserved_port(std::uint16_t port) { reserved_port_ = port; }
  void close() { lifecycle_ = nullptr; }

  boost::asio::awaitable<void> serve(core::HttpExchange& exchange);       // /2022-07-01/telemetry
  boost::asio::awaitable<void> serve_logs(core::HttpExchange& exchange);  // /2020-08-15/logs

 private:
  core::HttpReply subscribe(std::string_view identifier, std::string_view body);

  Lifecycle* lifecycle_;
  Telemetry* telemetry_;
  Journal* journal_;
  const bool managed_;
  std::uint16_t reserved_port_ = 0;
};

// Reads the body of a subscription. Errors: Errc::parse and Errc::out_of_range,
// naming field, value and limits.
core::Outcome<Subscription> parse_subscription(std::string_view body);

}  // namespace mayfly::emulator
