// The reply to InvokeWithResponseStream: an event stream, its frames sent as the
// function's bytes come, and how it ended in the last one [A].
//
// [A] the service model in botocore, and answers recorded from the service, read
//     2026-11. A function that fails before its response has begun is "Unhandled",
//     as in X-Amz-Function-Error; after that ErrorCode is the type of the error.

#pragma once

#include <boost/asio/awaitable.hpp>

#include "core/http_server/http_server.h"
#include "emulator/invocation.h"

namespace mayfly::emulator {

// `head`: status and fields; its content type is set here. A response that was
// not streamed makes frames, too. `answer` is not aborted.
boost::asio::awaitable<void> reply_with_events(core::HttpExchange& exchange, core::HttpReply head, Answer answer);

}  // namespace mayfly::emulator
