// A function with an internal extension in its process, which says what it hears.

#include <mayfly/extension.h>
#include <mayfly/log.h>
#include <mayfly/runtime.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace ext = mayfly::extension;

namespace {

ext::Internal* watch = nullptr;

struct Echo {
  std::string_view operator()(std::string_view event) { return event; }
  void before_shutdown() {
    watch->stop();
    mayfly::log.info("the watch is off");
  }
};

ext::Options options() {
  const char* what = std::getenv("WATCH");
  bool throws = what && std::strcmp(what, "throws") == 0;
  return {
      .name = "watch",
      .on_invoke =
          [throws](const ext::Invoke& invoke) {
            if (throws) throw std::runtime_error("the watch stopped");
            mayfly::log.info("the watch hears of an invocation", {{"id", invoke.request_id}});
          },
      .telemetry = {.types = {ext::TelemetryType::platform},
                    .on_records =
                        [](ext::TelemetryBatch& batch) {
                          for (const auto& record : batch) {
                            if (auto* done = std::get_if<ext::RuntimeDone>(&record.event))
                              mayfly::log.info("the watch sees that it is done", {{"id", done->request_id}});
                          }
                        }},
  };
}

}  // namespace

int main() {
  auto running = ext::start(options());
  if (!running) return 1;
  watch = &*running;
  return mayfly::run<Echo>();
}
