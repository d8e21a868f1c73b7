#include "emulator/invoke/cors.h"

#include <algorithm>

namespace mayfly::emulator {

namespace {

using List = std::vector<std::string>;

bool has(const List& list, std::string_view word) { return std::ranges::find(list, word) != list.end(); }

std::string joined(const List& list) {
  std::string out;
  for (const auto& one : list) out += (out.empty() ? "" : ",") + one;
  return out;
}

// What of a list the reply says when the browser asks for `wanted`.
std::string granted(const List& list, std::string_view wanted) {
  return has(list, "*") ? std::string(wanted) : joined(list);
}

void add(ReplyFields& fields, const char* name, std::string value) {
  if (!value.empty()) fields.emplace_back(name, std::move(value));
}

void add_origin(ReplyFields& fields, const Cors& cors, std::string_view origin) {
  bool any = has(cors.allow_origins, "*");
  fields.emplace_back("access-control-allow-origin", any && !cors.allow_credentials ? "*" : std::string(origin));
  if (cors.allow_credentials) fields.emplace_back("access-control-allow-credentials", "true");
}

bool allows(const Cors& cors, std::string_view origin) {
  return !origin.empty() && (has(cors.allow_origins, "*") || has(cors.allow_origins, origin));
}

}  // namespace

ReplyFields preflight_fields(const Cors& cors, std::string_view origin, std::string_view requested_method,
                             std::string_view requested_headers) {
  ReplyFields fields{{"vary", "Origin"}};
  if (!allows(cors, origin)) return fields;
  add_origin(fields, cors, origin);
  add(fields, "access-control-allow-methods", granted(cors.allow_methods, requested_method));
  add(fields, "access-control-allow-headers", granted(cors.allow_headers, requested_headers));
  if (cors.max_age > 0) add(fields, "access-control-max-age", std::to_string(cors.max_age));
  return fields;
}

ReplyFields cross_origin_fields(const Cors& cors, std::string_view origin) {
  ReplyFields fields{{"vary", "Origin"}};
  if (!allows(cors, origin)) return fields;
  add_origin(fields, cors, origin);
  add(fields, "access-control-expose-headers", joined(cors.expose_headers));
  return fields;
}

}  // namespace mayfly::emulator
