// What the invoke loop tells the log about the invocation that is running.

#pragma once

#include <string_view>

namespace mayfly::core {

// Lines written by this thread carry the request id (none when empty) until the
// next call. The view must live as long as lines may be written with it.
void set_log_request_id(std::string_view request_id);

}  // namespace mayfly::core
