// The thread behind Context::stop_token(): it asks for a stop at points in time
// that are given by the wall clock, because deadlines are, and the sandbox may
// have been frozen meanwhile.
//
// Thread-safety: all of it but the destructor.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace mayfly::runtime {

class StopTimer {
 public:
  using Time = std::chrono::system_clock::time_point;

  // Throws std::system_error when there is no thread to be had.
  StopTimer() : thread_([this] { run(); }) {}
  // Afterwards nobody is asked to stop. Waits for callbacks that run.
  ~StopTimer();
  StopTimer(const StopTimer&) = delete;
  StopTimer& operator=(const StopTimer&) = delete;

  // Equal times have one token.
  std::stop_token stop_at(Time time);

 private:
  struct Alarm {
    Time time;
    std::stop_source source;
    bool due = true;
  };

  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Alarm> alarms_;
  bool ended_ = false;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace mayfly::runtime
