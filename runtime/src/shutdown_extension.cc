#include "runtime/src/shutdown_extension.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "core/http_field.h"

namespace mayfly::runtime {
namespace {

using core::Errc;
using core::fail;
using core::Outcome;

constexpr std::string_view kRegisterBody = R"({"events":[]})";
// Part of the Init phase, which has 10 s in all.
constexpr std::chrono::seconds kRegisterTimeout{2};

}  // namespace

ShutdownExtension::ShutdownExtension(core::Origin origin)
    : connection_(std::move(origin), {.max_body_bytes = 64 * 1024}) {}

Outcome<void> ShutdownExtension::start() {
  std::string host = connection_.origin().host_port();
  std::string head = "POST /2020-01-01/extension/register HTTP/1.1\r\n";
  core::append_field(head, "Host", host);
  core::append_field(head, "Lambda-Extension-Name", "mayfly-runtime");
  core::append_field(head, "Content-Type", "application/json");
  core::append_field(head, "Content-Length", std::to_string(kRegisterBody.size()));
  head += "\r\n";
  auto answer = connection_.exchange(head, kRegisterBody, core::Deadline::after(kRegisterTimeout));
  if (!answer) return unexpected(std::move(answer).error());
  if ((*answer)->status() != 200) return fail(Errc::refused, "HTTP status " + std::to_string((*answer)->status()));
  auto identifier = (*answer)->field("Lambda-Extension-Identifier");
  if (identifier.empty()) return fail(Errc::protocol, "an answer without Lambda-Extension-Identifier");

  head = "GET /2020-01-01/extension/event/next HTTP/1.1\r\n";
  core::append_field(head, "Host", host);
  core::append_field(head, "Lambda-Extension-Identifier", identifier);
  head += "\r\n";
  return connection_.send(head, {}, core::Deadline::after(kRegisterTimeout));
}

}  // namespace mayfly::runtime
