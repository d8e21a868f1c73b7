// The answers that the APIs on the Runtime API port have in common.

#pragma once

#include <string>

#include "core/http_server/http_server.h"
#include "emulator/lifecycle/error_json.h"
#include "emulator/lifecycle/lifecycle.h"

namespace mayfly::emulator {

inline core::HttpReply refusal(const ApiError& error) {
  return {error.status, "application/json", {}, api_error_json(error.type, error.message)};
}

inline core::HttpReply accepted() { return {202, "application/json", {}, "{\"status\":\"OK\"}\n"}; }

inline core::HttpReply outcome(const Accepted& allowed) { return allowed ? accepted() : refusal(allowed.error()); }

inline core::HttpReply no_such_route() { return {404, "text/plain; charset=utf-8", {}, "404 page not found\n"}; }

inline core::HttpReply wrong_method(std::string allowed) { return {405, {}, {{"Allow", std::move(allowed)}}, {}}; }

// The API's objects were closed while a request waited: nobody reads this.
inline core::HttpReply gone() { return refusal({500, "InternalServerError", "Internal Server Error"}); }

}  // namespace mayfly::emulator
