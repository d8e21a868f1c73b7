// Calls a handler without any Runtime API and keeps what it answered.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mayfly/runtime/handler.h>

namespace mayfly::test {

class RecordingSink final : public runtime::ResponseSink {
 public:
  void respond(std::string_view bytes) override {
    ++answers;
    response = bytes;
    response_at = bytes.data();
  }
  void fail(std::string_view type, std::string_view json) override {
    ++answers;
    error_type = type;
    error_json = json;
  }

  int answers = 0;
  std::string response;
  const char* response_at = nullptr;
  std::string error_type;
  std::string error_json;
};

// Header fields for a Context; the strings must outlive it.
inline std::vector<mayfly_field> fields(const std::vector<std::pair<std::string_view, std::string_view>>& pairs) {
  std::vector<mayfly_field> out;
  for (auto [name, value] : pairs) out.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  return out;
}

inline RecordingSink invoke(const runtime::HandlerSource& source, std::string_view event) {
  auto all = fields({{"Lambda-Runtime-Aws-Request-Id", "r1"}});
  Context context(all);
  RecordingSink sink;
  auto handler = source.make(source.from);
  handler.invoke(handler.state, {event, event.size(), context}, sink);
  handler.destroy(handler.state);
  return sink;
}

}  // namespace mayfly::test
