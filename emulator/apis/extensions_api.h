// The Extensions API, 2020-01-01: registration and events of extensions. Strings
// and states are those of the official Runtime Interface Emulator.
//
// One object serves one generation of processes, as RuntimeApi does.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/http_server/http_server.h"
#include "emulator/lifecycle/lifecycle.h"
#include "emulator/mailbox.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

class ExtensionsApi {
 public:
  ExtensionsApi(boost::asio::io_context& io, Lifecycle& lifecycle, const Settings& settings)
      : io_(io), lifecycle_(&lifecycle), settings_(settings) {}

  void hand_out(const std::string& identifier, ExtensionEvent event) { mailbox(identifier)->put(std::move(event)); }
  void close();

  // Paths that begin with /2020-01-01/.
  boost::asio::awaitable<void> serve(core::HttpExchange& exchange);

 private:
  using Events = std::shared_ptr<Mailbox<ExtensionEvent>>;
  Events& mailbox(const std::string& identifier);
  boost::asio::awaitable<void> register_extension(core::HttpExchange& exchange);
  boost::asio::awaitable<void> next(core::HttpExchange& exchange);
  boost::asio::awaitable<void> error(core::HttpExchange& exchange, bool init);

  boost::asio::io_context& io_;
  Lifecycle* lifecycle_;
  const Settings& settings_;
  std::map<std::string, Events, std::less<>> events_;  // by identifier
};

}  // namespace mayfly::emulator
