// Calls a handler without any Runtime API and keeps what it answered.

#pragma once

#include <memory>
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

  void begin(std::string_view type) override { content_type = type; }
  Result<void> write(std::string_view bytes) override {
    if (parts.size() == refuse_after) return unexpected(Error("Runtime.ResponseStreamClosed", "no more"));
    parts.emplace_back(bytes);
    return {};
  }
  void end() override {
    ++answers;
    for (const auto& part : parts) response += part;
  }

  int answers = 0;
  std::string response;
  const char* response_at = nullptr;
  std::string error_type;
  std::string error_json;
  std::string content_type;  // of a stream
  std::vector<std::string> parts;
  std::size_t refuse_after = std::string::npos;  // parts
};

// Header fields for a Context; the strings must outlive it.
inline std::vector<mayfly_field> fields(const std::vector<std::pair<std::string_view, std::string_view>>& pairs) {
  std::vector<mayfly_field> out;
  for (auto [name, value] : pairs) out.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  return out;
}

inline RecordingSink invoke(const runtime::HandlerSource& source, std::string_view event,
                            std::size_t refuse_after = std::string::npos) {
  auto all = fields({{"Lambda-Runtime-Aws-Request-Id", "r1"}});
  Context context(all);
  RecordingSink sink;
  sink.refuse_after = refuse_after;
  auto handler = source.make(source.from);
  std::unique_ptr<void, void (*)(void*)> owner(handler.state, handler.destroy);  // also when it throws
  handler.invoke(handler.state, {event, event.size(), context}, sink);
  return sink;
}

}  // namespace mayfly::test
