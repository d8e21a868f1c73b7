#include "emulator/environment.h"

#include <signal.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <map>

#include "core/environment.h"
#include "emulator/apis/api_reply.h"
#include "emulator/entrypoint.h"
#include "emulator/identifiers.h"
#include "emulator/lifecycle/managed_lifecycle.h"
#include "emulator/lifecycle/on_demand_lifecycle.h"
#include "emulator/response_stream.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

// "2026/11/21/[$LATEST]" and 32 hex digits.
std::string new_log_stream(const std::string& version) {
  std::string date = core::rfc3339(core::wall_now()).substr(0, 10);
  std::ranges::replace(date, '-', '/');
  return date + "/[" + version + "]" + random_hex(32);
}

std::unique_ptr<Lifecycle> new_lifecycle(const Settings& settings, Orders& orders, Witness& witness) {
  if (settings.is_managed()) return std::make_unique<ManagedLifecycle>(settings, orders, witness);
  return std::make_unique<OnDemandLifecycle>(settings, orders, witness);
}

// What a process posted before it ended may still lie in a socket; it counts.
constexpr std::chrono::milliseconds kLastWords{10};
// A look at what the processes use costs some ten system calls for each of them,
// so not every invocation ends with one.
constexpr std::chrono::seconds kMeasureEvery{1};
constexpr unsigned kManagedOpenFiles = 4'096;  // of a process, as in Managed Instances
// Error causes for X-Ray travel in a field of up to 1 MiB: that much AWS's own
// runtimes send of a long message or a deep stack. Nobody here reads it.
constexpr std::size_t kMaxHeadBytes = (1 << 20) + 128 * 1024;
constexpr const char* kErrorCause = "Lambda-Runtime-Function-XRay-Error-Cause";

// Every file that is no folder, in the order of names. As with layers, the later
// of two folders wins where both have a name.
std::vector<fs::path> extension_files(const std::vector<fs::path>& folders) {
  std::map<std::string, fs::path> by_name;
  for (const auto& folder : folders) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (!entry.is_directory(error)) by_name[entry.path().filename().string()] = fs::absolute(entry.path());
    }
  }
  std::vector<fs::path> files;
  for (const auto& [name, file] : by_name) files.push_back(file);
  return files;
}

}  // namespace

struct Environment::Generation {
  Generation(asio::io_context& io, Lifecycle& lifecycle, const Settings& settings, Journal& journal,
             core::HttpServerOptions options, core::HttpHandler handler)
      : telemetry(io),
        runtime_api(io, lifecycle, settings),
        extensions_api(io, lifecycle, settings),
        telemetry_api(lifecycle, telemetry, journal, settings.is_managed()),
        server(io, std::move(options), std::move(handler)) {}

  asio::awaitable<void> serve(core::HttpExchange& exchange) {
    auto path = exchange.path();
    if (path.starts_with("/2018-06-01/")) return runtime_api.serve(exchange);
    if (path.starts_with("/2020-01-01/")) return extensions_api.serve(exchange);
    if (path == "/2022-07-01/telemetry") return telemetry_api.serve(exchange);
    if (path == "/2020-08-15/logs") return telemetry_api.serve_logs(exchange);
    return exchange.reply(no_such_route());
  }

  Telemetry telemetry;
  RuntimeApi runtime_api;
  ExtensionsApi extensions_api;
  TelemetryApi telemetry_api;
  core::HttpServer server;
};

Environment::Environment(asio::io_context& io, const Settings& settings, const Observer& observer,
                         Clock::time_point origin, ProcessTable& processes, std::uint32_t number,
                         std::function<void()> on_settled)
    : io_(io),
      settings_(settings),
      processes_(processes),
      view_(processes.views().make()),
      group_(processes.groups().make(settings.memory_mb, settings.is_managed() ? 0 : SandboxGroup::kMaxProcesses)),
      on_settled_(std::move(on_settled)),
      log_stream_(new_log_stream(settings.function_version)),
      journal_(settings, observer, origin, number, log_stream_),
      owned_lifecycle_(new_lifecycle(settings, *this, journal_)),
      lifecycle_(*owned_lifecycle_),
      timer_(io),
      runtime_api_(settings.runtime_api) {}

Environment::~Environment() { close_generation(); }

void Environment::invoke(std::shared_ptr<const Invocation> invocation, std::function<void(Answer)> on_answer) {
  callers_.push_back({invocation->number, std::move(on_answer), nullptr, {}, false});
  lifecycle_.invoke(std::move(invocation));
}

// ---- Orders: time and identity

std::string Environment::new_uuid() { return emulator::new_uuid(); }

// The timer is set only when it would ring too late, else it finds out when it
// rings: a warm invocation changes the alarm twice and costs no system call by it.
void Environment::set_alarm(Clock::time_point at) {
  alarm_at_ = at;
  if (at < timer_at_) set_timer(at);
}

void Environment::set_timer(Clock::time_point at) {
  timer_at_ = at;
  if (at == Clock::time_point::max()) return;
  timer_.expires_at(at);
  timer_.async_wait([self = weak_from_this(), at](boost::system::error_code error) {
    auto environment = self.lock();
    if (error || !environment || environment->timer_at_ != at) return;
    environment->timer_at_ = Clock::time_point::max();
    if (Clock::now() < environment->alarm_at_) return environment->set_timer(environment->alarm_at_);
    environment->alarm_at_ = Clock::time_point::max();
    environment->lifecycle_.alarm();
  });
}

void Environment::settled() {
  if (lifecycle_.has_ended()) close_generation();
  if (lifecycle_.is_cold()) group_->kill();  // what has left its parents
  if (lifecycle_.is_idle() && settings_.freeze && generation_) generation_->telemetry.pause();
  // Later, from the event loop: whoever called the lifecycle is still inside it.
  settling_ = true;
  asio::post(io_, [self = shared_from_this()] {
    self->settling_ = false;
    self->on_settled_();
  });
}

// ---- Orders: processes

void Environment::close_generation() {
  if (!generation_) return;
  journal_.set_telemetry(nullptr);
  generation_->runtime_api.close();
  generation_->extensions_api.close();
  generation_->telemetry_api.close();
  generation_->telemetry.close();
  generation_->server.stop();
  generation_.reset();
  running_.clear();
  group_->kill();
}

void Environment::freeze() { group_->freeze(); }

void Environment::thaw() {
  group_->thaw();
  if (generation_) generation_->telemetry.resume();
}

core::Outcome<void> Environment::listen() {
  // A generation may end while its requests are served: they hold it, and us, for
  // as long as they last.
  auto owner = std::make_shared<std::weak_ptr<Generation>>();
  core::HttpServerOptions options;
  options.host_names = {"sandbox", "sandbox.localdomain"};
  options.max_head_bytes = kMaxHeadBytes;
  options.write_timeout = options.write_timeout.zero();  // the function's own bounds it; a debugger may hold a process
  options.dispensable_field = kErrorCause;
  options.max_connections += settings_.max_concurrency;
  generation_ = std::make_shared<Generation>(
      io_, lifecycle_, settings_, journal_, options,
      [self = weak_from_this(), owner](core::HttpExchange& exchange) -> asio::awaitable<void> {
        auto environment = self.lock();
        auto generation = owner->lock();
        if (environment && generation) co_await generation->serve(exchange);
      });
  *owner = generation_;
  auto bound = generation_->server.listen(runtime_api_.host, runtime_api_.port);
  if (!bound) bound = generation_->server.listen(runtime_api_.host, 0);
  if (!bound) return unexpected(bound.error());
  runtime_api_ = *bound;
  generation_->telemetry_api.set_reserved_port(bound->port);
  journal_.set_telemetry(&generation_->telemetry);
  return {};
}

std::vector<std::string> Environment::new_generation() {
  close_generation();
  if (!settings_.is_managed()) {
    for (auto& caller : callers_) caller.cold = true;
  }
  if (auto listening = listen(); !listening)
    journal_.notice("the Runtime API cannot listen: " + listening.error().message);
  extension_files_ = extension_files(settings_.extension_folders);
  running_.assign(extension_files_.size() + 1, nullptr);
  std::vector<std::string> names;
  for (const auto& file : extension_files_) names.push_back(file.filename().string());
  return names;
}

expected<void, LaunchFailure> Environment::launch(ProcessId id, const std::string& name, ProcessSpec spec) {
  bool external = id != kRuntime;
  spec.group = group_.get();
  spec.view = view_.get();
  if (settings_.is_managed()) spec.open_files = kManagedOpenFiles;
  auto process = processes_.start(
      spec,
      [self = weak_from_this(), name, external](std::string_view line) {
        if (auto environment = self.lock()) environment->journal_.log_line(name, external, line);
      },
      [self = weak_from_this(), id, of = std::weak_ptr<Generation>(generation_)](std::string how) {
        auto environment = self.lock();
        if (environment) environment->process_exited(id, of.lock(), std::move(how));
      });
  if (!process) {
    bool folder = process.error().code == core::Errc::not_found;
    const char* type = external ? "Extension.LaunchError"
                       : folder ? "Runtime.InvalidWorkingDir"
                                : "Runtime.InvalidEntrypoint";
    return unexpected(LaunchFailure{type, process.error().message});
  }
  running_[id] = *process;
  journal_.launched((*process)->pid());
  group_->joined((*process)->pid());
  return {};
}

void Environment::process_exited(ProcessId id, std::shared_ptr<Generation> generation, std::string how) {
  if (!generation || generation != generation_) return;
  measure(id);
  group_->left(running_[id]->pid());
  bool out_of_memory = killed_for_memory(how);
  if (!group_->peak_memory_kb()) peak_kb_ = std::max(peak_kb_, running_[id]->peak_memory_kb());
  // Between invocations there is nothing to post, and the next one must not be
  // handed to a process that is gone.
  if (lifecycle_.is_stopping() || lifecycle_.is_idle()) return lifecycle_.process_exited(id, how, out_of_memory);
  auto last_words = std::make_shared<asio::steady_timer>(io_, kLastWords);
  last_words->async_wait(
      [self = shared_from_this(), id, generation, how, out_of_memory, last_words](boost::system::error_code) {
        if (generation == self->generation_) self->lifecycle_.process_exited(id, how, out_of_memory);
      });
}

bool Environment::killed_for_memory(const std::string& how) {
  if (how != "signal: killed") return false;
  auto before = std::exchange(out_of_memory_kills_, group_->out_of_memory_kills());
  return out_of_memory_kills_ > before;
}

expected<void, LaunchFailure> Environment::start_runtime() {
  if (!settings_.start_runtime) {
    journal_.notice("the environment waits for a runtime with " + needed_variables(settings_, runtime_api_));
    return {};
  }
  ProcessSpec spec;
  spec.program = find_program(settings_.command.front(), settings_.task_root);
  spec.arguments = settings_.command;
  spec.variables = runtime_variables(settings_, runtime_api_, log_stream_);
  spec.working_directory = settings_.task_root;
  std::error_code error;
  if (fs::is_directory(settings_.task_root, error) && !fs::exists(spec.program, error)) {
    return unexpected(LaunchFailure{"Runtime.InvalidEntrypoint",
                                    "Couldn't find valid bootstrap(s): [" + spec.program.string() + "]"});
  }
  return launch(kRuntime, "bootstrap", spec);
}

expected<void, LaunchFailure> Environment::start_extension(ProcessId id, const std::string& name) {
  ProcessSpec spec;
  spec.program = extension_files_[id - 1];
  spec.arguments = {spec.program.string()};
  spec.variables = extension_variables(settings_, runtime_api_, log_stream_);
  spec.working_directory = settings_.task_root;
  return launch(id, name, spec);
}

void Environment::send_signal(ProcessId id, int signal) {
  if (id >= running_.size() || !running_[id]) return;
  running_[id]->send_signal(signal);
}

void Environment::measure(ProcessId id) {
  Observation what;
  what.kind = Observation::Kind::process_measured;
  what.process = id == kRuntime ? "bootstrap" : extension_files_[id - 1].filename().string();
  what.external_extension = id != kRuntime;
  what.usage = running_[id]->measure();
  journal_.observe(std::move(what));
}

void Environment::measure_all() {
  measured_ = Clock::now();
  for (ProcessId id = 0; id < running_.size(); ++id) {
    if (running_[id] && running_[id]->is_alive()) measure(id);
  }
}

void Environment::shut_down() {
  measure_all();  // who leaves by itself leaves nothing to look at
  lifecycle_.shut_down();
}

void Environment::drain_output() {
  for (const auto& process : running_) {
    if (process) process->drain();
  }
}

int Environment::max_memory_mb() {
  std::int64_t kb = 0;
  if (auto peak = group_->peak_memory_kb()) {
    kb = *peak;
  } else {
    for (const auto& process : running_) {
      if (process) kb += process->peak_memory_kb();
    }
  }
  peak_kb_ = std::max(peak_kb_, kb);
  return static_cast<int>((peak_kb_ + 1023) / 1024);
}

// ---- Orders: events and answers

void Environment::hand_to_runtime(const RuntimeEvent& event) {
  if (generation_) generation_->runtime_api.hand_out(event);
}

void Environment::hand_to_extension(const std::string& identifier, const ExtensionEvent& event) {
  if (generation_) generation_->extensions_api.hand_out(identifier, event);
}

void Environment::flush_telemetry() {
  if (generation_) generation_->telemetry.flush();
}

Environment::Caller& Environment::caller_of(const Invocation& invocation) {
  return *std::ranges::find(callers_, invocation.number, &Caller::number);
}

void Environment::answer(const Invocation& invocation, Answer answer) {
  Caller& caller = caller_of(invocation);
  if (answer.stream) {
    caller.stream = answer.stream;
    std::exchange(caller.on_answer, nullptr)(std::move(answer));
  } else if (invocation.log_tail) {
    caller.held = std::move(answer);
  } else {
    deliver(caller, std::move(answer));
  }
}

void Environment::deliver(Caller& caller, Answer answer) {
  answer.cold = caller.cold;
  if (auto stream = std::exchange(caller.stream, nullptr)) {
    stream->end(std::move(answer));
  } else if (auto on_answer = std::exchange(caller.on_answer, nullptr)) {
    on_answer(std::move(answer));
  }
}

void Environment::ended(const Invocation& invocation) {
  Caller& caller = caller_of(invocation);
  if (caller.on_answer || caller.stream) {
    caller.held.log_tail = journal_.tail();
    deliver(caller, std::move(caller.held));
  }
  std::swap(caller, callers_.back());
  callers_.pop_back();
  if (Clock::now() - measured_ >= kMeasureEvery) measure_all();
}

}  // namespace mayfly::emulator
