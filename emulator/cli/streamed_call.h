// A call of InvokeWithResponseStream: the answer's parts are handed on as they
// come, and nothing of them is kept.
//
// [A] AWS Lambda API Reference, "InvokeWithResponseStream".

#pragma once

#include <functional>
#include <string_view>

#include "core/failure.h"
#include "core/uri.h"
#include "emulator/cli/lambda_call.h"

namespace mayfly::emulator::cli {

// `on_part` returns false when nobody wants further parts. What comes back has
// no payload, but an error's. `call.streamed` is set.
// Errors: as HttpConnection::receive().
core::Outcome<CallAnswer> call_streamed(const core::Origin& origin, const LambdaCall& call,
                                        const std::function<bool(std::string_view part)>& on_part);

}  // namespace mayfly::emulator::cli
