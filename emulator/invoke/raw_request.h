// A request as it was sent, nothing decoded: what signatures are made over and
// function URLs make events of.

#pragma once

#include <string_view>
#include <vector>

#include "core/http_field.h"

namespace mayfly::emulator {

// Views; the exchange keeps what they show.
struct RawRequest {
  std::string_view method;
  std::string_view path;   // without the query
  std::string_view query;  // behind the '?'
  std::vector<core::HttpField> fields;
  std::string_view body;
};

}  // namespace mayfly::emulator
