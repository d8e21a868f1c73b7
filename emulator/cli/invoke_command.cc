#include "emulator/cli/invoke_command.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include <mayfly/json/writer.h>

#include "emulator/cli/base64.h"
#include "emulator/cli/config_text.h"
#include "emulator/cli/figures.h"
#include "emulator/cli/function_error.h"
#include "emulator/cli/function_settings.h"
#include "emulator/cli/json_text.h"
#include "emulator/cli/lambda_call.h"
#include "emulator/cli/program.h"
#include "emulator/cli/running_service.h"
#include "emulator/cli/streamed_call.h"
#include "emulator/cli/text_file.h"
#include "emulator/cli/url_settings.h"
#include "emulator/telemetry/metrics.h"

namespace mayfly::emulator::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A synchronous call answers within Lambda's 900 s, and an Init phase before it.
constexpr std::chrono::seconds kLongestWait{960};

struct Looks {
  Style out, err;
  bool raw = false, json = false, quiet = false, tail = false;
  bool private_environment = false;  // whose own view is on stderr
  bool figures_last = false;         // below a picture that is still to come
};

// Says "waiting 1.4 s" on a terminal once a call has taken a second, and ends a
// wait that has lost its purpose. Both through a timer that the connection
// watches: HttpConnection::Options::wake_fd.
class Patience {
 public:
  explicit Patience(bool shown) : shown_(shown), timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {}
  ~Patience() { close(timer_); }
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  int fd() const { return timer_; }

  void begin() {
    begun_ = Clock::now();
    if (shown_ && !lost_) arm({1, 0}, {0, 100'000'000});
  }
  // The wait was interrupted: false when it shall end.
  bool go_on() {
    std::uint64_t expirations = 0;
    if (read(timer_, &expirations, sizeof expirations) < 0) return !lost_;
    if (lost_) return false;
    char line[64];
    double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    std::snprintf(line, sizeof line, "\r\033[Kwaiting %.1f s", seconds);
    write_out(STDERR_FILENO, line);
    drawn_ = true;
    return true;
  }
  void end() {
    if (!lost_) arm({}, {});
    if (drawn_) write_out(STDERR_FILENO, "\r\033[K");
    drawn_ = false;
  }
  // From any thread. Every wait from now on ends at once.
  void lose() {
    lost_ = true;
    arm({0, 1}, {0, 1'000'000});
  }

 private:
  void arm(std::timespec first, std::timespec then) const {
    itimerspec times{.it_interval = then, .it_value = first};
    timerfd_settime(timer_, 0, &times, nullptr);
  }

  const bool shown_;
  const int timer_;
  std::atomic<bool> lost_ = false;
  bool drawn_ = false;
  Clock::time_point begun_;
};

struct Sums {
  int calls = 0, failed = 0;
  std::int64_t billed_ms = 0;
  double gb_s = 0;
};

class Caller {
 public:
  Caller(Endpoint endpoint, LambdaCall call, Looks looks)
      : endpoint_(std::move(endpoint)),
        call_(std::move(call)),
        looks_(looks),
        patience_(looks.err.terminal && !looks.quiet && !looks.private_environment),
        connection_(endpoint_.origin, {.wake_fd = patience_.fd()}) {
    call_.prefix = endpoint_.prefix;
  }

  // kDone or kFunctionFailed. `several`: one of many, so each has its number.
  Decided<int> call_once(bool several) {
    auto begun = Clock::now();
    auto answer = call_.streamed ? exchange_streamed() : exchange();
    auto took = Clock::now() - begun;
    if (!answer) return unexpected(answer.error());
    if (!answer->is_lambda()) {
      return refuse(kNoConnection, "what answers at " + address() + " is no Lambda endpoint",
                    "it answered " + std::to_string(answer->status) + " without the headers of the Invoke API",
                    "mayfly run --listen 9001   and: mayfly invoke --endpoint 9001");
    }
    if (answer->status / 100 != 2) return refused(*answer);
    ++sums_.calls;
    if (!call_.streamed || !answer->function_error.empty()) print_answer(*answer, several);
    if (looks_.tail && !looks_.json) write_out(STDERR_FILENO, answer->log);
    if (!answer->function_error.empty()) {
      ++sums_.failed;
      print_function_error(*answer);
    }
    add(*answer);
    if (!looks_.quiet) figures_ += figures(*answer, took, several);
    if (!looks_.figures_last) print_figures();
    return answer->function_error.empty() ? kDone : kFunctionFailed;
  }

  // From any thread: the environment is gone, nobody will answer.
  void give_up() { patience_.lose(); }

  void print_figures() {
    write_out(STDERR_FILENO, figures_);
    figures_.clear();
  }

  void print_totals() const {
    if (looks_.quiet) return;
    write_out(STDERR_FILENO, with_commas(sums_.calls) + " calls, " + with_commas(sums_.failed) + " failed, billed " +
                                 with_commas(sums_.billed_ms) + " ms, " + gb_seconds_text(sums_.gb_s) + "\n");
  }

 private:
  std::string address() const { return "http://" + endpoint_.origin.host_port(); }

  Decided<CallAnswer> exchange() {
    auto deadline = core::Deadline::after(kLongestWait);
    auto head = call_.request_head(endpoint_.origin);
    auto sent = connection_.send(head, call_.payload, deadline);
    if (!sent) return no_answer(sent.error());
    patience_.begin();
    auto answer = connection_.receive(deadline);
    while (!answer && answer.error().code == core::Errc::interrupted && patience_.go_on()) {
      answer = connection_.receive(deadline);
    }
    patience_.end();
    if (!answer) return no_answer(answer.error());
    return read_answer(**answer);
  }

  // Parts go to stdout as they come, untouched.
  Decided<CallAnswer> exchange_streamed() {
    bool ends_line = true;
    auto answer = call_streamed(endpoint_.origin, call_, [&](std::string_view part) {
      if (!part.empty()) ends_line = part.back() == '\n';
      return write_out(STDOUT_FILENO, part);
    });
    if (!ends_line && looks_.out.terminal) write_out(STDOUT_FILENO, "\n");
    if (!answer) return no_answer(answer.error());
    return std::move(*answer);
  }

  unexpected<Refusal> no_answer(const core::Failure& failure) {
    switch (failure.code) {
      case core::Errc::unreachable:
        return refuse(kNoConnection, "nothing answers at " + address(),
                      endpoint_.origin.is_loopback() ? "no mayfly run is listening there" : failure.message,
                      "mayfly run   or: mayfly invoke ... -- ./bootstrap");
      case core::Errc::protocol:
        return refuse(kNoConnection, "what answers at " + address() + " is no Lambda endpoint", failure.message,
                      "mayfly invoke --endpoint PORT");
      default:
        return refuse(kNoConnection, "the connection to " + address() + " gave no whole answer", failure.message,
                      "the terminal of mayfly run says more");
    }
  }

  unexpected<Refusal> refused(const CallAnswer& answer) {
    FunctionError body = read_error(answer.payload);
    std::string type = answer.error_type.empty() ? "status " + std::to_string(answer.status) : answer.error_type;
    std::string try_this = answer.status == 404   ? "mayfly invoke NAME, with the --name that mayfly run has"
                           : answer.status == 413 ? "a smaller payload: an object's key instead of the object"
                           : answer.status == 429 ? "mayfly invoke again later"
                                                  : "";
    return refuse(kRefused, "the Invoke API refused the call (" + std::to_string(answer.status) + " " + type + ")",
                  body.message.empty() ? answer.payload.substr(0, 200) : body.message, try_this);
  }

  void print_answer(const CallAnswer& answer, bool several) {
    if (looks_.json) {
      write_out(STDOUT_FILENO, answer_json(answer));
      return;
    }
    if (call_.asynchronous) return;
    bool lay_out = looks_.out.terminal && !looks_.raw && !find_json_fault(answer.payload);
    if (lay_out) {
      write_out(STDOUT_FILENO, laid_out(answer.payload) + "\n");
      return;
    }
    bool needs_end = (looks_.out.terminal || several) && !answer.payload.ends_with('\n');
    write_out(STDOUT_FILENO, needs_end ? answer.payload + "\n" : answer.payload);
  }

  void print_function_error(const CallAnswer& answer) {
    FunctionError body = read_error(answer.payload);
    std::string what = "the function failed (" + answer.function_error + "): ";
    if (!body.type.empty()) what += body.type + ": ";
    bool timed_out = body.type == "Sandbox.Timedout";
    std::string out = error_text(
        looks_.err, {what + body.message, "", timed_out ? "mayfly run --timeout 10   or: mayfly run --debug" : ""});
    constexpr std::size_t kFrames = 5;
    for (std::size_t i = 0; i < std::min(body.frames.size(), kFrames); ++i) {
      out += "  " + paint(looks_.err, Ink::dim, "at") + "  " + body.frames[i] + "\n";
    }
    if (body.frames.size() > kFrames) out += "  ... and " + std::to_string(body.frames.size() - kFrames) + " more\n";
    write_out(STDERR_FILENO, out);
  }

  void add(const CallAnswer& answer) {
    if (!answer.report) return;
    sums_.billed_ms += answer.report->billed_ms;
    sums_.gb_s += gb_seconds(answer.report->billed_ms, answer.report->memory_mb);
  }

  // "200 cold  billed 38 ms  34.2 ms to you  9/128 MB  0.00475 GB-s"
  std::string figures(const CallAnswer& answer, std::chrono::nanoseconds took, bool several) const {
    std::string out;
    if (several) out += paint(looks_.err, Ink::bold, "#" + std::to_string(sums_.calls)) + " ";
    bool failed = !answer.function_error.empty();
    out += paint(looks_.err, failed ? Ink::alarm : Ink::green, std::to_string(answer.status));
    if (call_.asynchronous) {
      out += " accepted  " + answer.request_id;
    } else if (answer.report) {
      const ReportLine& report = *answer.report;
      // A REPORT tells of a first start only; a failure may have been that of an Init phase.
      const char* start = report.init_ms ? " cold" : failed ? "" : answer.cold ? " re-init" : " warm";
      out += report.init_ms || answer.cold ? paint(looks_.err, Ink::yellow, start) : start;
      out += "  billed " + with_commas(report.billed_ms) + " ms  " + duration_text(took) + " to you  " +
             std::to_string(report.max_memory_mb) + "/" + std::to_string(report.memory_mb) + " MB  " +
             gb_seconds_text(gb_seconds(report.billed_ms, report.memory_mb));
      if (several) out += "  sum " + with_commas(sums_.billed_ms) + " ms " + gb_seconds_text(sums_.gb_s);
    } else {
      out += "  " + duration_text(took) + " to you  (no REPORT line in the log tail)";
    }
    return out + "\n";
  }

  // The keys of the AWS CLI, and the payload beside them.
  std::string answer_json(const CallAnswer& answer) const {
    std::string out;
    json::Writer json(out);
    json.begin_object().member("StatusCode", answer.status);
    if (!answer.function_error.empty()) json.member("FunctionError", answer.function_error);
    if (!answer.executed_version.empty()) json.member("ExecutedVersion", answer.executed_version);
    if (!answer.log.empty()) json.member("LogResult", answer.log);
    if (!answer.request_id.empty()) json.member("RequestId", answer.request_id);
    if (!call_.asynchronous) write_payload(json, answer.payload);
    if (answer.report) {
      json.key("Report").begin_object();
      json.member("DurationMs", answer.report->duration_ms).member("BilledDurationMs", answer.report->billed_ms);
      json.member("MemorySizeMB", answer.report->memory_mb).member("MaxMemoryUsedMB", answer.report->max_memory_mb);
      if (answer.report->init_ms) json.member("InitDurationMs", *answer.report->init_ms);
      json.member("GBSeconds", gb_seconds(answer.report->billed_ms, answer.report->memory_mb)).end_object();
    }
    json.end_object();
    return out + "\n";
  }

  static void write_payload(json::Writer& json, const std::string& payload) {
    if (!json::is_utf8(payload)) {
      json.member("PayloadBase64", base64_encode(payload));
    } else if (find_json_fault(payload)) {
      json.member("Payload", payload);
    } else {
      // On one line, as NDJSON wants it: outside strings JSON has no line feed that matters.
      std::string line = payload;
      std::ranges::replace_if(
          line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
      json.key("Payload").raw(line);
    }
  }

  const Endpoint endpoint_;
  LambdaCall call_;
  const Looks looks_;
  Patience patience_;
  core::HttpConnection connection_;
  std::string figures_;
  Sums sums_;
};

Decided<int> call_repeatedly(Caller& caller, int times) {
  int code = kDone;
  for (int i = 0; i < times; ++i) {
    auto one = caller.call_once(times > 1);
    if (!one) return one;
    code = std::max(code, *one);
  }
  if (times > 1) caller.print_totals();
  return code;
}

Decided<LambdaCall> call_from(const Arguments& arguments, const Looks& looks) {
  LambdaCall call;
  if (arguments.words.size() > 1) {
    return refuse(kUsage, "invoke takes one function name, not also '" + arguments.words[1] + "'",
                  "a program to start follows --", "mayfly invoke NAME --payload '{}'");
  }
  if (arguments.given("name")) call.function_name = arguments.text("name");
  if (!arguments.words.empty()) call.function_name = arguments.words.front();
  call.qualifier = arguments.text("qualifier");
  call.asynchronous = arguments.given("async");
  call.streamed = arguments.given("stream");
  for (OptionRef other : {OptionRef("async"), OptionRef("json")}) {
    if (!call.streamed || !arguments.given(other)) continue;
    return refuse(kUsage, "--stream does not go with --" + std::string(kOptions[other.row].name),
                  "a streamed answer is printed as it comes", "one of them");
  }
  for (auto [option, target] :
       {std::pair{OptionRef("payload"), &call.payload}, std::pair{OptionRef("client-context"), &call.client_context}}) {
    if (target == &call.client_context && !arguments.given(option)) continue;
    auto text = read_argument(arguments.text(option));
    if (!text) return unexpected(text.error());
    *target = std::move(*text);
    if (arguments.given("unchecked")) continue;
    if (auto fault = find_json_fault(*target)) {
      std::string what = target == &call.payload ? "the payload" : "the client context";
      return refuse(kUsage,
                    what + " is not JSON: line " + std::to_string(fault->line) + ", column " +
                        std::to_string(fault->column) + ": " + fault->message,
                    caret_text(*target, *fault, looks.err.width - 6),
                    "--payload @FILE or -   (--unchecked sends it as it is)");
    }
  }
  return call;
}

// Only what a private environment uses: without one it would be ignored silently.
Decided<void> refuse_environment_options(const Arguments& arguments) {
  for (std::size_t row = 0; row < kOptionCount; ++row) {
    const Option& option = kOptions[row];
    bool of_environment = option.group == Group::program || option.group == Group::limits ||
                          option.group == Group::environment || option.group == Group::extensions ||
                          option.name == "timeline";
    bool also_of_call = option.name == "name" || option.name == "unchecked";
    if (!of_environment || also_of_call || arguments.settings[row].source != Source::word) continue;
    return refuse(kUsage, arguments.settings[row].origin + " needs a program to start",
                  "the environment that is called has settings of its own", "mayfly invoke ... -- ./bootstrap");
  }
  return {};
}

Decided<int> call_private(const Arguments& arguments, const Variables& variables, LambdaCall call, Looks looks) {
  if (arguments.asked("endpoint")) {
    return refuse(kUsage, "either --endpoint or a program to start, not both",
                  "what follows -- is started and called in an environment of its own", "mayfly invoke -- ./bootstrap");
  }
  auto settings = settings_from(arguments, variables);
  if (!settings) return unexpected(settings.error());
  settings->listen = {"127.0.0.1", 0};
  settings->any_function_name = true;
  if (call.function_name.find(':') == std::string::npos) settings->function_name = call.function_name;
  if (!arguments.given("unchecked")) {
    auto runs = check_program(*settings, false, variables.get("PATH").value_or(""));
    if (!runs) return unexpected(runs.error());
    for (const auto& warning : program_warnings(*settings, variables.get("PATH").value_or(""))) {
      if (!looks.quiet) write_out(STDERR_FILENO, warning_text(looks.err, warning));
    }
  }
  RunningService::Display display;
  display.style = display.error_style = looks.err;
  display.fd = STDERR_FILENO;
  display.single = arguments.number("repeat") == 1;
  display.quiet = looks.quiet;
  if (arguments.given("verbose")) display.log = observation_text;
  display.view = view_of(arguments.text("view"), false, looks.quiet, looks.err);
  display.timeline_file = arguments.text("timeline");

  RunningService service(*settings, display);
  auto listening = service.start();
  if (!listening) return unexpected(listening.error());
  // The children are killed when the thread that started them ends, so it is
  // the service that gets the thread of the process that lives longest.
  looks.private_environment = true;
  looks.figures_last = display.single;
  Caller caller({*listening, ""}, std::move(call), looks);
  Decided<int> code = kBug;
  std::thread calling([&] {
    code = call_repeatedly(caller, arguments.number("repeat"));
    service.stop();
  });
  service.run();
  caller.give_up();
  calling.join();
  caller.print_figures();
  if (service.signal() != 0) return 128 + service.signal();
  return code;
}

}  // namespace

Decided<Endpoint> parse_endpoint(std::string_view text) {
  auto wrong = [&](std::string why) {
    return refuse(kUsage, "cannot call '" + std::string(text) + "'", std::move(why),
                  "--endpoint http://127.0.0.1:9000");
  };
  Endpoint endpoint;
  if (text.find("://") == text.npos) {
    auto origin = parse_listen(text);
    if (!origin) return wrong("it is a port, HOST:PORT or http://HOST:PORT");
    endpoint.origin = std::move(*origin);
  } else {
    auto uri = core::parse_uri(text);
    if (!uri) return wrong(uri.error().message);
    if (uri->scheme != "http") return wrong("only http: this calls environments on machines at hand");
    endpoint.origin = uri->origin;
    endpoint.prefix = uri->target;
    while (endpoint.prefix.ends_with('/')) endpoint.prefix.pop_back();
  }
  if (endpoint.origin.port == 0) return wrong("port 0 is no address to call");
  // Who listens on all addresses is called on this machine's own.
  if (endpoint.origin.host == "0.0.0.0") endpoint.origin.host = "127.0.0.1";
  if (endpoint.origin.host == "::") endpoint.origin.host = "::1";
  return endpoint;
}

Decided<std::string> read_argument(std::string_view value) {
  for (std::string_view prefix : {"@", "fileb://", "file://"}) {
    if (!value.starts_with(prefix)) continue;
    auto path = value.substr(prefix.size());
    if (path != "-") return read_text_file(std::string(path));
    value = "-";
  }
  if (value != "-") return std::string(value);
  if (isatty(STDIN_FILENO)) write_out(STDERR_FILENO, "note: reading the payload from this terminal; Ctrl-D ends it\n");
  return read_standard_input();
}

Decided<int> invoke_command(const Arguments& arguments, const Variables& variables) {
  if (arguments.given("show-config")) {
    auto text = config_text(arguments, variables);
    if (!text) return unexpected(text.error());
    write_out(STDOUT_FILENO, *text);
    return kDone;
  }
  Looks looks;
  looks.out = style_of(STDOUT_FILENO, variables, arguments.text("color"), arguments.given("ascii"));
  looks.err = style_of(STDERR_FILENO, variables, arguments.text("color"), arguments.given("ascii"));
  looks.raw = arguments.given("raw");
  looks.json = arguments.given("json");
  looks.quiet = arguments.given("quiet");
  looks.tail = arguments.given("tail");
  auto call = call_from(arguments, looks);
  if (!call) return unexpected(call.error());
  if (arguments.has_command_line) return call_private(arguments, variables, std::move(*call), looks);

  if (auto fits = refuse_environment_options(arguments); !fits) return unexpected(fits.error());
  auto endpoint = parse_endpoint(arguments.text("endpoint"));
  if (!endpoint) return unexpected(endpoint.error());
  call->caller = shell_credentials(variables);
  call->region = arguments.text("region");
  Caller caller(std::move(*endpoint), std::move(*call), looks);
  return call_repeatedly(caller, arguments.number("repeat"));
}

}  // namespace mayfly::emulator::cli
