#include "emulator/pool.h"

#include <algorithm>
#include <utility>

namespace mayfly::emulator {

namespace {

Answer aborted() {
  Answer answer;
  answer.aborted = true;
  return answer;
}

}  // namespace

// What the queues may still ask for, counted once for both.
struct Pool::Demand {
  std::map<std::string, std::size_t> soon_free;  // environments that finish, by tenant
  std::size_t leaving = 0;                       // environments whose end makes room
};

Pool::Pool(boost::asio::io_context& io, const Settings& settings, const Observer& observer, Clock::time_point origin,
           ProcessTable& processes, std::function<void()> on_ended)
    : io_(io),
      settings_(settings),
      observer_(observer),
      origin_(origin),
      processes_(processes),
      on_ended_(std::move(on_ended)),
      age_(io) {}

bool Pool::submit(std::shared_ptr<const Invocation> invocation, std::function<void(Answer)> on_answer) {
  Waiting waiting{std::move(invocation), std::move(on_answer)};
  if (stopping_) {
    waiting.on_answer(aborted());
    return true;
  }
  if (calls_.empty() && events_.empty()) {
    if (Member* member = find_free(waiting.invocation->tenant_id)) {
      run(*member, std::move(waiting));
      return true;
    }
  }
  if (waiting.invocation->asynchronous) {
    auto size = waiting.invocation->event.size();
    if (events_.size() >= kMaxEvents || event_bytes_ + size > kMaxEventBytes) return false;
    event_bytes_ += size;
    events_.push_back(std::move(waiting));
  } else {
    auto unanswered = calls_.size();
    for (const auto& member : members_) unanswered += member->ending ? 0 : member->environment->unanswered();
    if (unanswered >= settings_.capacity()) return false;
    calls_.push_back(std::move(waiting));
  }
  place();
  return true;
}

void Pool::start() {
  if (settings_.is_managed() || !settings_.start_runtime) add({}).environment->start();
}

Pool::Member* Pool::find_free(const std::string& tenant_id) {
  Member* best = nullptr;
  for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
    if ((*member)->ending || (*member)->retired || !(*member)->environment->is_free()) continue;
    if ((*member)->tenant_id != tenant_id && !settings_.is_managed()) continue;
    if (!best || (*member)->environment->unanswered() < best->environment->unanswered()) best = member->get();
    if (best->environment->unanswered() == 0) break;
  }
  return best;
}

Pool::Member& Pool::add(const std::string& tenant_id) {
  auto& member = *members_.emplace_back(std::make_unique<Member>());
  member.tenant_id = tenant_id;
  member.created = member.used = Clock::now();
  member.environment = std::make_shared<Environment>(io_, settings_, observer_, origin_, processes_, ++started_,
                                                     [self = weak_from_this()] {
                                                       if (auto pool = self.lock()) pool->settle();
                                                     });
  return member;
}

void Pool::run(Member& member, Waiting waiting) {
  member.used = Clock::now();
  auto at = std::ranges::find(members_, &member, &std::unique_ptr<Member>::get);
  std::rotate(at, at + 1, members_.end());
  member.environment->invoke(std::move(waiting.invocation), std::move(waiting.on_answer));
}

// Callers wait, so they come before events.
void Pool::place() {
  if (calls_.empty() && events_.empty()) return;
  Demand demand;
  for (const auto& member : members_) {
    if (member->ending || (member->retired && member->environment->is_finishing())) {
      ++demand.leaving;
    } else if (member->environment->is_finishing()) {
      ++demand.soon_free[member->tenant_id];
    }
  }
  place(calls_, demand);
  place(events_, demand);
}

void Pool::place(Queue& queue, Demand& demand) {
  Queue left;
  while (!queue.empty()) {
    Waiting next = std::move(queue.front());
    queue.pop_front();
    const std::string& tenant_id = next.invocation->tenant_id;
    Member* member = find_free(tenant_id);
    if (!member) {
      auto soon = demand.soon_free.find(tenant_id);
      bool worth_waiting = soon != demand.soon_free.end() && soon->second > 0;
      if (worth_waiting) {
        --soon->second;
      } else if (members_.size() < settings_.max_environments) {
        member = &add(tenant_id);
      } else if (demand.leaving > 0) {
        --demand.leaving;
      } else if (auto idle = std::ranges::find_if(
                     members_, [](const auto& one) { return !one->ending && one->environment->is_idle(); });
                 idle != members_.end()) {
        (*idle)->ending = true;  // another tenant's: it makes room
        (*idle)->environment->shut_down();
      }
    }
    if (member) {
      if (&queue == &events_) event_bytes_ -= next.invocation->event.size();
      run(*member, std::move(next));
    } else {
      left.push_back(std::move(next));
    }
  }
  queue = std::move(left);
}

void Pool::settle() {
  // What has worked, though it was not asked to end, is replaced; what has not
  // worked may fail again, and waits for a caller who is told.
  bool replace = false;
  std::erase_if(members_, [&](const auto& member) {
    bool ended = member->environment->has_ended();
    replace |= ended && settings_.is_managed() && !member->ending && member->used > member->created;
    return ended;
  });
  if (replace && !stopping_ && members_.empty()) add({}).environment->start();
  if (stopping_) {
    if (members_.empty()) on_ended_();
    return;
  }
  end_retired();
  place();
  watch_age();
}

// One timer for all environments, set when it is not: a warm invocation costs none.
void Pool::watch_age() {
  if (watching_age_ || members_.empty()) return;
  auto next = Clock::time_point::max();
  for (const auto& member : members_) {
    if (member->ending || !member->environment->is_idle()) continue;
    next = std::min(next, member->used + settings_.idle_timeout);
    if (settings_.max_age.count() > 0) next = std::min(next, member->created + settings_.max_age);
  }
  if (next == Clock::time_point::max()) return;
  watching_age_ = true;
  age_.expires_at(next);
  age_.async_wait([self = weak_from_this()](boost::system::error_code error) {
    auto pool = self.lock();
    if (error || !pool) return;
    pool->watching_age_ = false;
    pool->end_old();
    pool->watch_age();
  });
}

void Pool::end_old() {
  auto now = Clock::now();
  for (const auto& member : members_) {
    if (member->ending || !member->environment->is_idle()) continue;
    bool aged = settings_.max_age.count() > 0 && now >= member->created + settings_.max_age;
    if (!aged && now < member->used + settings_.idle_timeout) continue;
    member->ending = true;
    member->environment->shut_down();
  }
}

void Pool::retire() {
  for (const auto& member : members_) member->retired = true;
  end_retired();
}

void Pool::end_retired() {
  for (const auto& member : members_) {
    if (!member->retired || member->ending || !member->environment->is_idle()) continue;
    member->ending = true;
    member->environment->shut_down();
  }
}

void Pool::shut_down() {
  stopping_ = true;
  age_.cancel();
  for (auto* queue : {&calls_, &events_}) {
    for (auto& waiting : std::exchange(*queue, {})) waiting.on_answer(aborted());
  }
  for (const auto& member : members_) member->environment->shut_down();
}

void Pool::kill() {
  if (!stopping_) return;
  for (const auto& member : members_) member->environment->kill();
}

}  // namespace mayfly::emulator
