#include "runtime/src/invoke_loop.h"

#include <stdio_ext.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include <mayfly/log.h>

#include "core/log_scope.h"
#include "runtime/src/current_sink.h"
#include "runtime/src/error_json.h"

namespace mayfly::runtime {
namespace {

// Posts what the handler answers, from where it lies.
class ApiSink final : public ResponseSink {
 public:
  explicit ApiSink(RuntimeApi& api) : api_(api) {}

  void respond(std::string_view bytes) override {
    if (streaming()) return end();
    // Lambda would answer 413, and take no error after that.
    if (bytes.size() > kMaxResponseBytes) return runtime::fail(*this, response_too_large(bytes));
    if (take_answer()) note(api_.post_response(bytes));
  }

  void fail(std::string_view error_type, std::string_view error_json) override {
    if (!take_answer()) return;
    if (streaming()) {
      stream_->fail(error_type, error_json);
    } else {
      note(api_.post_error(error_type, error_json));
    }
  }

  void begin(std::string_view content_type) override {
    if (!answered_ && !stream_) stream_.emplace(api_.stream_response(content_type));
  }

  Result<void> write(std::string_view bytes) override {
    auto written = stream_ && !answered_ ? stream_->write(bytes) : core::fail(core::Errc::refused, "it has ended");
    return std::move(written).transform_error([](core::Failure failure) {
      return Error("Runtime.ResponseStreamClosed", "the response cannot be written: " + failure.message);
    });
  }

  void end() override {
    if (stream_ && take_answer()) stream_->end();
  }

  // Behind the handler, which may have given no answer.
  void finish() {
    if (answered_) return;
    stream_ ? end() : respond("null");
  }

  // Set when the Runtime API could not be reached.
  std::optional<core::Failure>& failure() { return failure_; }

 private:
  bool streaming() const { return stream_ && stream_->begun(); }

  // False when there has been an answer.
  bool take_answer() {
    if (answered_) return false;
    answered_ = true;
    // A full buffer of standard output would be frozen with the sandbox, and its
    // lines appear in the log of a later invocation. An empty one is left alone:
    // to flush takes a lock that all workers share.
    if (__fpending(stdout) > 0) std::fflush(stdout);
    return true;
  }
  void note(core::Outcome<void> posted) {
    if (!posted) failure_ = std::move(posted).error();
  }

  RuntimeApi& api_;
  bool answered_ = false;
  std::optional<ResponseStream> stream_;
  std::optional<core::Failure> failure_;
};

}  // namespace

core::Failure invoke_loop(RuntimeApi& api, const Handler& handler, TraceVariable* trace) {
  for (;;) {
    if (auto event = api.next(); !event) return std::move(event).error();
    Context context(api.fields());
    LogScope lines(context.request_id(), context.tenant_id());
    if (trace) {
      trace->set(context.trace_id());
      core::publish_log_invocation(context.request_id(), context.tenant_id());
    }

    ApiSink sink(api);
    CurrentSink current(sink);
    try {
      handler.invoke(handler.state, {api.event(), api.event_capacity(), context}, sink);
      sink.finish();
    } catch (...) {
      fail_with_current_exception(sink);
    }
    if (trace) core::publish_log_invocation({}, {});
    if (sink.failure()) return *std::move(sink.failure());
  }
}

}  // namespace mayfly::runtime
