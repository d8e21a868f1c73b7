// A request out of a fuzzer's bytes: "POST /path?query", lines of fields, an empty
// line, the body; lines end with a newline alone.

#pragma once

#include <string_view>

#include "emulator/invoke/raw_request.h"

inline mayfly::emulator::RawRequest read_request(std::string_view text) {
  auto take = [&text](char end) {
    auto part = text.substr(0, text.find(end));
    text.remove_prefix(part.size() == text.size() ? part.size() : part.size() + 1);
    return part;
  };
  mayfly::emulator::RawRequest request;
  request.method = take(' ');
  auto target = take('\n');
  request.path = target.substr(0, target.find('?'));
  request.query = target.substr(request.path.size());
  if (!request.query.empty()) request.query.remove_prefix(1);
  while (!text.empty()) {
    auto line = take('\n');
    if (line.empty()) break;
    auto colon = line.find(": ");
    if (colon != line.npos) request.fields.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  request.body = text;
  return request;
}
