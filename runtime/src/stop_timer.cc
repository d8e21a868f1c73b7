#include "runtime/src/stop_timer.h"

#include <pthread.h>

#include <algorithm>

namespace mayfly::runtime {

StopTimer::~StopTimer() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::stop_token StopTimer::stop_at(Time time) {
  std::lock_guard lock(mutex_);
  auto at = std::ranges::find(alarms_, time, &Alarm::time);
  if (at == alarms_.end()) {
    at = alarms_.insert(at, Alarm{time, {}});
    changed_.notify_one();
  }
  return at->source.get_token();
}

void StopTimer::run() {
  pthread_setname_np(pthread_self(), "stop-timer");  // for whoever looks at a function's threads
  std::unique_lock lock(mutex_);
  while (!ended_) {
    Alarm* next = nullptr;
    for (auto& alarm : alarms_) {
      if (alarm.due && (!next || alarm.time < next->time)) next = &alarm;
    }
    if (!next) {
      changed_.wait(lock);
    } else if (next->time > std::chrono::system_clock::now()) {
      changed_.wait_until(lock, Time(next->time));  // a copy: the vector may move
    } else {
      next->due = false;
      std::stop_source source = next->source;
      lock.unlock();
      source.request_stop();  // runs the callbacks
      lock.lock();
    }
  }
}

}  // namespace mayfly::runtime
