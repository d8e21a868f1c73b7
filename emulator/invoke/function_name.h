// The ways to name a function in the Invoke API: a name, name:qualifier,
// account:function:name and a full ARN, the last two with or without qualifier.

#pragma once

#include <string>
#include <string_view>

#include "core/failure.h"

namespace mayfly::emulator {

struct FunctionName {
  std::string name;       // 1 .. 64 of [a-zA-Z0-9-_]
  std::string qualifier;  // $LATEST, a version or an alias; empty: none given
  std::string region;     // empty: not given
  std::string account;    // empty: not given
};

// `text` is percent-decoded. Errors: Errc::parse and Errc::out_of_range, worded
// as Lambda does.
core::Outcome<FunctionName> parse_function_name(std::string_view text);

// $LATEST, or up to 128 of [a-zA-Z0-9-_].
bool is_qualifier(std::string_view text);

}  // namespace mayfly::emulator
