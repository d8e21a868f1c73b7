// The shared object's side of <mayfly/entry_point.h>.

#include <mayfly/shared_object.h>

#include <cstdio>
#include <exception>
#include <span>
#include <utility>

#include <mayfly/log.h>

#include "runtime/src/current_sink.h"
#include "runtime/src/error_json.h"

namespace mayfly::runtime {
namespace {

mayfly_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }

// The loader's sink, seen from C++.
class EntrySink final : public ResponseSink {
 public:
  explicit EntrySink(const mayfly_sink& sink) : sink_(sink) {}

  void respond(std::string_view response) override {
    if (!std::exchange(answered_, true)) sink_.respond(sink_.to, bytes(response));
  }
  void fail(std::string_view error_type, std::string_view error_json) override {
    if (!std::exchange(answered_, true)) sink_.fail(sink_.to, bytes(error_type), bytes(error_json));
  }
  void begin(std::string_view content_type) override { sink_.begin(sink_.to, bytes(content_type)); }
  Result<void> write(std::string_view part) override {
    if (sink_.write(sink_.to, bytes(part)) == 0) return {};
    return unexpected(Error("Runtime.ResponseStreamClosed", "the response cannot be written: nobody wants the rest"));
  }
  void end() override {
    if (!std::exchange(answered_, true)) sink_.end(sink_.to);
  }

 private:
  const mayfly_sink& sink_;
  bool answered_ = false;
};

}  // namespace

void* init_entry(HandlerSource source, const mayfly_sink* sink) {
  EntrySink to(*sink);
  CurrentSink current(to);
  try {
    return new Handler(source.make(source.from));
  } catch (...) {
    fail_with_current_exception(to, "Init failed");
    return nullptr;
  }
}

void invoke_entry(void* state, const mayfly_invocation* invocation, const mayfly_sink* sink) {
  const auto& handler = *static_cast<const Handler*>(state);
  EntrySink to(*sink);
  CurrentSink current(to);
  Context context(std::span(invocation->fields, invocation->field_count));
  // This object has a log of its own, as it has all of the library.
  LogScope lines(context.request_id(), context.tenant_id());
  try {
    handler.invoke(handler.state,
                   {{invocation->event.data, invocation->event.size}, invocation->event_capacity, context}, to);
  } catch (...) {
    fail_with_current_exception(to);
  }
}

void before_shutdown_entry(void* state) {
  const auto& handler = *static_cast<const Handler*>(state);
  try {
    if (handler.before_shutdown) handler.before_shutdown(handler.state);
  } catch (...) {
    log_error("before_shutdown failed", current_exception_report());
  }
}

void free_entry(void* state) {
  auto* handler = static_cast<Handler*>(state);
  if (handler->destroy) handler->destroy(handler->state);
  delete handler;
}

}  // namespace mayfly::runtime
