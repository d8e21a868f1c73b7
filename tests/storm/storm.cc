// The storm: the daemon as a process, through lives that freeze, stall, time out
// and are killed, before a backend that does everything a backend can do. Every
// record has a number, and in the end every number is where the daemon says.
//
//   telemetry_storm PROGRAM [--records N] [--seed N] [-v]
//
// Everything is drawn from the seed, which is printed; what comes of it depends
// on the machine's scheduler, too. No time is judged: times are printed. Ends
// with 1, and the missing numbers, when the books of a life do not balance.

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "books.h"
#include "fault.h"
#include "record.h"
#include "sandbox.h"
#include "stub_backend.h"

namespace storm {
namespace {

struct Options {
  std::string program;
  Number records = 20'000;
  std::uint64_t seed = 0;
  bool verbose = false;
};

// Stops and continues a process at moments of nobody's choice, as a sandbox
// with a small share of a processor does.
class Staller {
 public:
  Staller(pid_t pid, std::uint64_t seed) : process_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
    thread_ = std::thread([this, dice = Dice(seed)]() mutable {
      while (!over_) {
        std::this_thread::sleep_for(std::chrono::microseconds(between(dice, 100, 20'000)));
        tell(SIGSTOP);
        std::this_thread::sleep_for(std::chrono::microseconds(between(dice, 100, 30'000)));
        tell(SIGCONT);
      }
    });
  }
  ~Staller() {
    over_ = true;
    thread_.join();
    close(process_);
  }

 private:
  void tell(int signal) { syscall(SYS_pidfd_send_signal, process_, signal, nullptr, 0); }

  const int process_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// A destination: what the daemon sends there, and what it says of it.
struct Side {
  Side(StubBackend::Protocol protocol, std::uint64_t seed) : backend(protocol, seed) {}

  StubBackend backend;
  Books books;
  Environment environment;
  std::uint64_t away_for = 0;  // invocations
};

class Storm {
 public:
  explicit Storm(Options options)
      : options_(std::move(options)),
        dice_(options_.seed),
        folder_(make_folder()),
        otlp_(StubBackend::Protocol::otlp, dice_()),
        lines_(StubBackend::Protocol::ndjson, dice_()),
        sandbox_({options_.program, {}, folder_, -1}) {
    std::deque<Fault> parade;
    for (std::size_t i = 1; i < kFaults; ++i) parade.push_back(static_cast<Fault>(i));
    std::shuffle(parade.begin(), parade.end(), dice_);
    otlp_.backend.set_parade(std::move(parade));
  }
  ~Storm() { std::filesystem::remove_all(folder_); }

  int run() {
    std::printf("--records %u --seed %llu\n", options_.records, static_cast<unsigned long long>(options_.seed));
    std::fflush(stdout);
    int environments = 0;
    while (next_ < options_.records && complaints_.empty()) inhabit(environments++, false);
    while (otlp_.backend.parade_left() > 0 && complaints_.empty() && environments < 200) inhabit(environments++, false);
    if (complaints_.empty()) inhabit(environments, true);
    report();
    return complaints_.empty() ? 0 : 1;
  }

 private:
  enum class End { spindown, timeout, failure, kill };

  static std::string make_folder() {
    char name[] = "/tmp/mayfly-storm-XXXXXX";
    if (!mkdtemp(name)) std::abort();
    return name;
  }

  // One environment: lives that follow one another in one /tmp until it is gone
  // with the last. `last`: of the storm; the sky clears, and all that is left has to go out.
  void inhabit(int number, bool last) {
    sides_ = {&otlp_};
    if (number % 2 == 1) sides_.push_back(&lines_);
    for (auto* side : sides_) {
      side->environment = Environment{};
      side->environment.kills_are_counted = true;
    }
    std::filesystem::remove_all(folder_ + "/tmp");
    std::filesystem::create_directories(folder_ + "/tmp");
    secure_ = number % 3 == 1;
    constexpr End kResets[] = {End::kill, End::timeout, End::failure};
    const auto lives = between(dice_, 1, 4);
    for (std::uint64_t i = 1; i < lives && complaints_.empty(); ++i) live(kResets[resets_++ % 3], false);
    if (complaints_.empty()) live(End::spindown, last);
    // A life that was killed in between leaves its books to another.
    while (complaints_.empty() && life_.killed) live(End::spindown, last);
    close_books();
  }

  // One process of the daemon, from its start to its end.
  void live(const End end, const bool last) {
    const auto mix = FaultMix::drawn(dice_);
    const bool stalls = !last && chance(dice_, 0.2);
    const std::size_t queue = std::size_t{64 * 1024} << between(dice_, 0, 6);
    const char* compression = one_of({"zstd", "zstd", "gzip", "none"});
    const char* flush = one_of({"adaptive", "adaptive:0ms", "end", "end:50ms", "periodic:100ms", "continuous:100ms"});
    if (options_.verbose) {
      std::printf("life %d from %u: %zu destinations, queue %zu, %s, %s%s%s; faults %s\n", lives_, next_, sides_.size(),
                  queue, compression, flush, secure_ ? ", TLS" : "", stalls ? ", stalls" : "", mix.text().c_str());
      std::fflush(stdout);
    }
    std::string destinations;
    for (auto* side : sides_) {
      auto& backend = side->backend;
      backend.set_mix(side == &otlp_ ? mix : FaultMix::drawn(dice_));
      backend.set_calm(false);
      secure_ ? backend.secure(good_certificate()) : backend.plain();
      destinations += side == &otlp_ ? "otlp+http" : " ndjson+http";
      destinations += std::string(secure_ ? "s" : "") + "://localhost:" + std::to_string(backend.port());
      destinations += side == &otlp_ ? "/base#signals=logs&" : "/base#";
      destinations += std::string("compression=") + compression + "&certificate=" + trusted_ca();
    }
    sandbox_.set_variables({"MAYFLY_TELEMETRY_DESTINATIONS=" + destinations,
                            "MAYFLY_TELEMETRY_QUEUE_BYTES=" + std::to_string(queue),
                            "MAYFLY_TELEMETRY_SPOOL=" + folder_ + "/tmp/spool", "MAYFLY_TELEMETRY_RECEIVER=off",
                            std::string("MAYFLY_TELEMETRY_FLUSH=") + flush});
    life_ = Life{};
    calm_ = false;
    life_.first = life_.end = next_;
    last_invocation_.reset();
    sandbox_.start();
    ++lives_;
    {
      std::optional<Staller> staller;
      if (stalls) staller.emplace(sandbox_.pid(), dice_());
      const auto invocations = between(dice_, 2, long_ ? 60 : 12);
      for (std::uint64_t i = 0; i < invocations && complaints_.empty(); ++i) {
        weather();
        if (!invoke(end == End::timeout && i + 1 == invocations, !stalls)) break;
        if (end == End::kill && chance(dice_, 0.1)) break;
      }
      if (last) clear_up();
      finish(end, last);
    }
    end_life();
  }

  // Now and then the backend is not there at all, or shows another certificate:
  // one that is as good, or one that must not be taken.
  void weather() {
    for (auto* side : sides_) {
      auto& backend = side->backend;
      if (secure_ && chance(dice_, 0.1)) {
        constexpr Certificate (*kAll[])() = {
            good_certificate,    other_good_certificate,      other_good_certificate,
            expired_certificate, certificate_of_another_name, certificate_of_another_ca};
        auto which = between(dice_, 0, std::size(kAll) - 1);
        backend.use(kAll[which](), which > 2);
        ++certificates_;
      }
      if (side->away_for > 0 && --side->away_for == 0) backend.come_back();
      if (side->away_for > 0 || !chance(dice_, 0.06)) continue;
      side->away_for = between(dice_, 1, 4);
      bool black_hole = chance(dice_, 0.5);
      ++(black_hole ? black_holes_ : absences_);
      backend.go_away(black_hole);
    }
  }
  void return_all() {
    for (auto* side : sides_) {
      side->backend.come_back();
      side->away_for = 0;
    }
  }

  const char* one_of(std::initializer_list<const char*> all) { return all.begin()[between(dice_, 0, all.size() - 1)]; }

  // A new record of the function, or one of the invocation's own.
  std::string line() { return function_line(next_++, *last_invocation_, dice_); }

  void deliver(const std::vector<std::string>& records, Number first) {
    bool taken = sandbox_.deliver(batch(records)) == 200;
    note(first, next_, taken);
  }
  // Numbers in [first, end) were sent; `taken`: and acknowledged.
  void note(Number first, Number end, bool taken) {
    life_.end = std::max(life_.end, end);
    life_.acknowledged.resize(life_.end - life_.first);
    for (Number n = first; n < end; ++n) life_.acknowledged[n - life_.first] = taken;
  }
  void deliver_one(const std::string& record, Number number) {
    note(number, number + 1, sandbox_.deliver(batch({record})) == 200);
  }

  // Lambda tells of the last invocation's report once the next one has begun.
  void deliver_report() {
    if (!last_invocation_) return;
    deliver_one(platform_report(*last_invocation_), *last_invocation_ + 2);
    last_invocation_.reset();
  }

  // False: the program has ended, or it will not see another invocation.
  bool invoke(bool times_out, bool timed) {
    const Number invocation = next_;
    next_ += 3;
    note(invocation, next_, false);
    sandbox_.thaw();
    ++invocations_;
    const auto timeout = times_out ? milliseconds(between(dice_, 50, 900)) : milliseconds(between(dice_, 200, 5'000));
    sandbox_.invoke(request_id(invocation), timeout);
    deliver_report();
    last_invocation_ = invocation;
    deliver_one(platform_start(invocation), invocation);
    auto batches = calm_ ? 0 : between(dice_, 0, 5);
    for (std::uint64_t i = 0; i < batches; ++i) {
      Number first = next_;
      std::vector<std::string> lines;
      for (auto n = std::uint64_t{1} << between(dice_, 0, 10); n > 0; --n) lines.push_back(line());
      deliver(lines, first);
      if (chance(dice_, 0.1)) hostile();
      if (chance(dice_, 0.003)) return die();
    }
    // A request that is not answered is given up by the time that the function runs.
    if (calm_) std::this_thread::sleep_for(milliseconds{20});
    const auto done = Clock::now();
    if (!times_out) deliver_one(platform_runtime_done(invocation), invocation + 1);
    if (!sandbox_.wait_next(timeout + kPatience)) {
      complaints_.push_back(sandbox_.running() ? "`next` was not called" : "the daemon has ended by itself");
      return false;
    }
    if (timed && !times_out) added_.push_back(Clock::now() - done);
    if (chance(dice_, 0.7)) {
      std::this_thread::sleep_for(std::chrono::microseconds(between(dice_, 0, 3'000)));
      ++freezes_;
      sandbox_.freeze();
      std::this_thread::sleep_for(milliseconds(between(dice_, 1, 60)));
    }
    // Once in a while nobody calls the function, and what must not be tried yet may be tried again.
    if (chance(dice_, long_ ? 0.15 : 0.04)) std::this_thread::sleep_for(milliseconds(between(dice_, 200, 1'500)));
    if (!calm_ && chance(dice_, 0.01)) return die();
    return true;
  }

  // What no delivery should look like: it costs only itself.
  void hostile() {
    ++hostile_;
    Number first = next_;
    std::vector<std::string> records{line(), line()};
    switch (between(dice_, 0, 4)) {
      case 0:  // cannot be read, between two that can
        records.insert(records.begin() + 1, R"({"time":5,"typo":)");
        life_.malformed += 1;
        break;
      case 1:  // no record in the record
        records.insert(records.begin() + 1, R"({"time":"2026-11-21T10:00:00.123Z","type":"function"})");
        life_.malformed += 1;
        break;
      case 2:  // the listener takes 8 MiB; a body beyond is one unreadable record
        if (sandbox_.deliver("[" + std::string(9 * 1024 * 1024, ' ') + "]") != 0) life_.malformed += 1;
        break;
      case 3: {  // half of a delivery is none
        next_ = first;
        auto half = batch(records);
        sandbox_.deliver_part(half, half.size() / 2);
        return;
      }
      default: sandbox_.deliver_part("[]", 0); break;
    }
    deliver(records, first);
  }

  bool die() {
    ++kills_;
    sandbox_.thaw();
    sandbox_.kill();
    life_.killed = true;
    return false;
  }

  // The faults are over: what was sent before now has to arrive, or to be dropped
  // by its cause. A record behind all others tells when.
  void clear_up() {
    return_all();
    for (auto* side : sides_) side->backend.set_calm(true);
    if (!sandbox_.running()) return;
    calm_ = true;
    const Number sentinel = next_;
    for (auto until = Clock::now() + kProgress; Clock::now() < until && complaints_.empty();) {
      if (!invoke(false, false)) return;
      sandbox_.thaw();
      if (std::ranges::all_of(sides_, [&](auto* s) { return s->backend.wait_for(sentinel, milliseconds{200}); }))
        return;
    }
    complaints_.push_back("nothing went out although the backend was well for two minutes");
  }

  void finish(End end, bool calm) {
    if (!sandbox_.running()) return;
    if (end == End::kill) {
      die();
      return;
    }
    sandbox_.thaw();
    if (!calm && chance(dice_, 0.5)) return_all();
    if (!sandbox_.next_pending()) {
      die();
      return;
    }
    const auto budget =
        calm ? milliseconds{2'000} : milliseconds(between(dice_, 310, chance(dice_, 0.1) ? 2'000 : 700));
    constexpr const char* kReasons[] = {"spindown", "timeout", "failure"};
    sandbox_.send_shutdown(kReasons[static_cast<int>(end)], budget);
    deliver_report();
    const auto began = Clock::now();
    if (!sandbox_.wait_end(budget + kPatience)) {
      complaints_.push_back("the daemon did not end at SHUTDOWN");
      life_.killed = true;
    } else if (sandbox_.status() != 0) {
      complaints_.push_back("the daemon ended with wait status " + std::to_string(sandbox_.status()));
    }
    if (Clock::now() - began > budget) ++overruns_;
  }

  void end_life() {
    written_ += sandbox_.errors();
    for (auto* side : sides_) {
      auto requests = side->backend.finish();
      side->away_for = 0;
      if (!life_.killed) life_.losses = read_losses(sandbox_.errors(), side->backend.port());
      auto& all = side->environment.requests;
      all.insert(all.end(), std::make_move_iterator(requests.begin()), std::make_move_iterator(requests.end()));
      side->environment.lives.push_back(life_);
    }
  }

  void close_books() {
    for (auto* side : sides_) {
      side->books.close(side->environment);
      const char* name = side == &otlp_ ? "otlp, " : "ndjson, ";
      for (const auto& complaint : side->books.complaints()) complaints_.push_back(name + complaint);
      for (const auto& complaint : side->backend.complaints()) complaints_.push_back(name + complaint);
    }
    if (!complaints_.empty()) {
      std::printf("the daemon wrote:\n%s", written_.c_str());
      for (auto* side : sides_) {
        std::printf("the %s backend got:\n%s", side == &otlp_ ? "otlp" : "ndjson",
                    describe(side->environment.requests).c_str());
      }
    }
    written_.clear();
  }

  void report(const char* name, Side& side) {
    const auto& sums = side.books.sums();
    auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf("%s: %llu acknowledged, %llu not; %llu at the backend, %llu twice; ", name, number(sums.acknowledged),
                number(sums.unacknowledged), number(sums.kept), number(sums.duplicates));
    std::printf("missing %llu =", number(sums.missing));
    for (const auto& [cause, count] : sums.dropped) std::printf(" %s %llu,", cause.c_str(), number(count));
    std::printf(" died with the daemon %llu; of uncertain outcome %llu\n", number(sums.died), number(sums.uncertain));
    std::printf("%llu requests:", number(sums.requests));
    auto faults = side.backend.faults();
    for (std::size_t i = 0; i < kFaults; ++i) {
      std::printf(" %s %zu", std::string(to_string(static_cast<Fault>(i))).c_str(), faults[i]);
    }
    std::printf("\n");
  }

  void report() {
    std::printf(
        "%d lives (%d killed), %d invocations, %d freezes, %d absences, %d black holes, %d hostile deliveries\n",
        lives_, kills_, invocations_, freezes_, absences_, black_holes_, hostile_);
    std::printf("%d changes of the certificate, %zu handshakes failed\n", certificates_,
                otlp_.backend.refusals() + lines_.backend.refusals());
    report("otlp", otlp_);
    report("ndjson", lines_);
    std::sort(added_.begin(), added_.end());
    auto ms = [&](double p) {
      if (added_.empty()) return 0.0;
      auto at = std::min(added_.size() - 1, static_cast<std::size_t>(static_cast<double>(added_.size()) * p));
      return std::chrono::duration<double, std::milli>(added_[at]).count();
    };
    std::printf(
        "from runtimeDone to `next`, ms: p50 %.1f, p90 %.1f, p99 %.1f, most %.1f; ends beyond SHUTDOWN's deadline: "
        "%d\n",
        ms(0.5), ms(0.9), ms(0.99), ms(1), overruns_);
    for (const auto& complaint : complaints_) std::printf("WRONG: %s\n", complaint.c_str());
    std::printf("%s\n", complaints_.empty() ? "every number is where it is said to be" : "the books do not balance");
  }

  // For what must happen, on however slow a machine.
  static constexpr milliseconds kPatience{30'000};
  static constexpr milliseconds kProgress{120'000};

  const Options options_;
  const bool long_ = options_.records >= 200'000;
  Dice dice_;
  const std::string folder_;
  Side otlp_, lines_;
  std::vector<Side*> sides_;  // of the environment
  Sandbox sandbox_;
  Number next_ = 0;
  Life life_;
  std::string written_;  // by the lives of the environment
  std::size_t resets_ = 0;
  std::optional<Number> last_invocation_;  // whose report is still to come
  std::vector<std::string> complaints_;
  std::vector<Clock::duration> added_;
  int lives_ = 0, kills_ = 0, invocations_ = 0, freezes_ = 0, absences_ = 0, black_holes_ = 0, hostile_ = 0,
      overruns_ = 0, certificates_ = 0;
  bool secure_ = false;
  bool calm_ = false;  // nothing but the daemon itself is in the way any more
};

Options read_options(int argc, char** argv) {
  Options options;
  options.seed = std::random_device{}() % 1'000'000;
  auto fail = [] {
    std::fprintf(stderr, "usage: telemetry_storm PROGRAM [--records N] [--seed N] [-v]\n");
    std::exit(2);
  };
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "-v") {
      options.verbose = true;
    } else if (word == "--records" && i + 1 < argc) {
      options.records = static_cast<Number>(std::strtoul(argv[++i], nullptr, 10));
    } else if (word == "--seed" && i + 1 < argc) {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (!word.starts_with("-") && options.program.empty()) {
      options.program = word;
    } else {
      fail();
    }
  }
  if (options.program.empty()) fail();
  return options;
}

}  // namespace
}  // namespace storm

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  return storm::Storm(storm::read_options(argc, argv)).run();
}
