#include "emulator/cli/running_service.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "emulator/cli/listening_ports.h"
#include "emulator/cli/log_folder.h"
#include "emulator/cli/port_conflicts.h"
#include "emulator/cli/status_board.h"
#include "emulator/cli/timeline_file.h"
#include "emulator/service.h"

namespace mayfly::emulator::cli {

namespace {

Settings with_events(Settings settings, View view) {
  settings.tell_platform_events = view == View::json;
  return settings;
}

}  // namespace

struct RunningService::State {
  using ReadEnvironment = RunningService::ReadEnvironment;

  State(Settings given, Display shown)
      : settings(with_events(std::move(given), shown.view)),
        display(std::move(shown)),
        view(display.view, display.style, display.single, settings.freeze, settings.is_managed()),
        signals(io, SIGINT, SIGTERM, SIGUSR1),
        status(settings.memory_mb, settings.timeout),
        service(io, settings, [this](const Observation& o) { observe(o); }) {}

  void observe(const Observation& o) {
    status.observe(o);
    if (display.log) write_out(STDERR_FILENO, display.log(o));
    if (!display.quiet && display.view != View::json) tell(o);
    if (auto conflict = port_conflicts.observe(o)) write_out(STDERR_FILENO, error_text(display.error_style, *conflict));
    if (logs) {
      auto problem = logs->observe(o);
      if (!problem.empty()) write_out(STDERR_FILENO, warning_text(display.error_style, problem));
    }
    if (timeline) {
      timeline->observe(o);
      auto problem = timeline->problem();
      if (!problem.empty()) write_out(STDERR_FILENO, warning_text(display.error_style, problem));
    }
    std::string text = view.observe(o);
    // Nobody reads any more: end as if asked to.
    if (!text.empty() && !write_out(display.fd, text)) stop();
  }

  // What is said to people beside the view.
  void tell(const Observation& o) {
    using Kind = Observation::Kind;
    std::string text;
    if (o.kind == Kind::notice) text = note_text(display.error_style, o.detail);
    if (o.kind == Kind::reloaded) text = paint(display.error_style, Ink::bold, "reloaded") + " " + o.detail + "\n";
    if (o.kind == Kind::process_started && display.attach && o.pid > 0) text = attach_text(o);
    if (o.kind == Kind::process_started) started = true;
    if (o.kind == Kind::invocation_accepted && !stale.empty()) {
      text = note_text(display.error_style, std::exchange(stale, {}) +
                                                " has changed since the function was started: mayfly run --watch "
                                                "starts it anew");
    }
    if (!text.empty()) write_out(STDERR_FILENO, text);
  }

  // "attach     gdb -p 4711   lldb -p 4711   (bootstrap)".
  std::string attach_text(const Observation& o) const {
    std::string pid = std::to_string(o.pid);
    std::string who = o.process + (o.environment > 1 ? ", environment " + std::to_string(o.environment) : "");
    return "  " + paint(display.error_style, Ink::bold, "attach") + "     gdb -p " + pid + "   lldb -p " + pid +
           "   (" + who + ")\n";
  }

  void changed(const std::string& what, bool reload, const ReadEnvironment& environment) {
    if (!reload) {
      if (started) stale = what.substr(0, what.find(" ("));
      return;
    }
    auto variables = environment();
    if (!variables) {  // an env file halfway through an edit: the next change may be better
      write_out(STDERR_FILENO, error_text(display.error_style, variables.error().message));
    } else {
      service.reload(what, std::move(*variables));
    }
  }

  void wait_for_signal() {
    signals.async_wait([this](boost::system::error_code error, int number) {
      if (error) return;
      if (number == SIGUSR1) {
        write_out(STDERR_FILENO, status.text((std::chrono::steady_clock::now() - began_at).count()));
      } else if (stopping) {
        service.kill();
      } else {
        first_signal = number;
        // The terminal has just written ^C.
        if (number == SIGINT && display.style.terminal) write_out(display.fd, "\n");
        stop();
      }
      wait_for_signal();
    });
  }

  void stop() {
    if (stopping) return;
    stopping = true;
    asked_at = std::chrono::steady_clock::now();
    service.stop([this] {
      stopped_at = std::chrono::steady_clock::now();
      signals.cancel();
      watch.reset();
      io.stop();
    });
  }

  const Settings settings;
  const Display display;
  RunView view;
  PortConflicts port_conflicts;
  std::unique_ptr<TimelineFile> timeline;
  std::unique_ptr<LogFolder> logs;
  boost::asio::io_context io{1};
  boost::asio::signal_set signals;
  StatusBoard status;
  const std::chrono::steady_clock::time_point began_at = std::chrono::steady_clock::now();  // elapsed_ns is from here
  Service service;
  std::unique_ptr<FileWatch> watch;
  bool started = false;  // a process was
  std::string stale;     // what has changed since, until it was told
  bool stopping = false;
  int first_signal = 0;
  std::chrono::steady_clock::time_point asked_at, stopped_at;
};

RunningService::RunningService(Settings settings, Display display)
    : state_(std::make_unique<State>(std::move(settings), std::move(display))) {
  // A reader that has gone is seen where we write.
  std::signal(SIGPIPE, SIG_IGN);
  state_->wait_for_signal();
}

RunningService::~RunningService() = default;

namespace {

// Why `option` cannot listen where it should.
unexpected<Refusal> cannot_listen(const std::string& option, const core::Origin& wanted, bool by_default,
                                  const core::Failure& failure) {
  PortHolder holder = wanted.port == 0 ? PortHolder{} : holder_of(wanted.port);
  std::string try_this = "mayfly run " + option + " ";
  if (!holder.found) return refuse(kNoConnection, failure.message, "", try_this + Settings{}.listen.host_port());
  auto other = std::to_string(wanted.port == 65535 ? 9001 : wanted.port + 1);
  std::string who =
      holder.pid == 0 ? "another user's program" : holder.name + " (pid " + std::to_string(holder.pid) + ")";
  return refuse(
      kNoConnection, "port " + std::to_string(wanted.port) + " is taken by " + who,
      "mayfly run listens on " + wanted.host_port() + (by_default ? " unless told otherwise" : ", as it was told to"),
      try_this + other);
}

}  // namespace

Decided<core::Origin> RunningService::start() {
  if (const auto& path = state_->display.timeline_file; !path.empty()) {
    auto file = TimelineFile::create(path, state_->settings.is_managed());
    if (!file) return unexpected(file.error());
    state_->timeline = std::move(*file);
  }
  if (const auto& folder = state_->display.log_folder; !folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error && access(folder.c_str(), W_OK | X_OK) != 0) error = {errno, std::generic_category()};
    if (error) return refuse(kUsage, "cannot write logs to " + folder, error.message(), "--log-folder DIR");
    state_->logs = std::make_unique<LogFolder>(folder, state_->settings.function_name);
  }
  auto listening = state_->service.start();
  if (listening) return std::move(*listening);
  const core::Origin& wanted = state_->settings.listen;
  return cannot_listen("--listen", wanted, wanted == Settings{}.listen, listening.error());
}

Decided<core::Origin> RunningService::start_url() {
  auto listening = state_->service.start_url();
  if (listening) return std::move(*listening);
  return cannot_listen("--url", state_->settings.url->listen, false, listening.error());
}

const Enforcement& RunningService::enforcement() const { return state_->service.enforcement(); }

const FileLimits& RunningService::file_limits() const { return state_->service.file_limits(); }

Decided<void> RunningService::watch(const Changes& changes, ReadEnvironment environment) {
  auto watch = watch_function(state_->io, state_->settings, changes,
                              [state = state_.get(), reload = changes.reload, environment](const std::string& what) {
                                state->changed(what, reload, environment);
                              });
  if (watch) {
    state_->watch = std::move(*watch);
  } else if (changes.reload) {
    return refuse(kCannotStart, "--watch: " + watch.error().message, "", "mayfly run");
  }
  return {};
}

void RunningService::run() {
  state_->io.run();
  write_out(state_->display.fd, state_->view.finish());
}

void RunningService::stop() {
  boost::asio::post(state_->io, [state = state_.get()] { state->stop(); });
}

int RunningService::signal() const { return state_->first_signal; }

std::chrono::nanoseconds RunningService::stopping() const { return state_->stopped_at - state_->asked_at; }

const Metrics& RunningService::metrics() const { return state_->service.metrics(); }

View view_of(std::string_view view, bool json, bool quiet, const Style& style) {
  if (json) return View::json;
  if (quiet) return View::output;
  if (view == "timeline") return View::timeline;
  if (view == "log") return View::log;
  if (view == "none") return View::none;
  return style.terminal ? View::timeline : View::log;
}

}  // namespace mayfly::emulator::cli
