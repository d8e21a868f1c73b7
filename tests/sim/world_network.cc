// The sending threads, the network and the backends, and what must hold meanwhile.

#include <utility>

#include "tests/sim/world.h"

namespace mayfly::telemetry::test {

void World::run_until(Ms until) {
  for (;;) {
    for (auto& d : destinations_) send(d);
    if (stopped_) return;
    Ms next = until;
    if (auto alarm = policy_->alarm(now())) next = std::min(next, real_ + alarm->count());
    for (auto& d : destinations_) {
      if (d.flight) {
        next = std::min({next, d.flight->at, real_of(d.delivery->give_up_at())});
      } else if (auto rest = d.delivery->wait(now()); rest != Delivery::kForever) {
        next = std::min(next, real_ + rest.count());
      }
    }
    bool late = next > real_ && happens(late_rate_);
    real_ = std::max(real_, next);
    if (late) real_ += 1 + choose_.below(20);
    for (auto& d : destinations_) send(d);
    act();
    verify();
    if (real_ >= until || stopped_) return;
  }
}

void World::send(Destination& d) {
  for (int requests = 0;; ++requests) {
    check(++steps_ < 200'000, "it does not come to rest");
    if (d.flight && d.flight->at <= real_) {
      end(d, d.flight->reply, "an answer");
    } else if (d.flight && real_ >= real_of(d.delivery->give_up_at())) {
      Reply reply;
      reply.sent = true;
      seen("given up");
      end(d, reply, "no answer in time");
    } else if (!d.flight) {
      bool open = d.delivery->breaker_is_open();
      auto request = d.delivery->start(now());
      if (!request) return;
      check(requests < 100, "requests in a burst");
      check(window_.phase != Phase::idle, "a request begins while the environment may be frozen");
      check(!open || window_.phase == Phase::running || window_.phase == Phase::closing,
            "a probe while the environment is held open");
      check(real_ < real_of(window_.until), "a request begins after its time");
      if (open && window_.phase == Phase::running) seen("probe");
      answer(d, *request);
    } else {
      return;
    }
  }
}

void World::answer(Destination& d, const Request& request) {
  Backend& backend = d.backend;
  Exchange exchange;
  exchange.ids = ids_of(*request.batch);
  check(exchange.ids.size() == request.batch->records, "a batch has another count than records");
  if (request.fresh_credentials) {
    seen("credentials refreshed");
    backend.secret_changed = happens(100);
  }
  Reply& reply = exchange.reply;
  reply.kind = Reply::Kind::answered;
  reply.status = 200;
  reply.rejected = 0;
  Ms takes = 5;
  auto rate = [&](Fault fault) { return happens(backend.rate[fault]); };
  bool takes_it = true;
  if (backend.used && rate(kDeadIdle)) {
    reply = Reply{};
    reply.reused = true;
    reply.sent = choose_.below(2) == 1;
    takes_it = false;
  } else if ((faults_ && backend.dead) || rate(kSilent)) {
    reply = Reply{};
    reply.sent = true;
    takes = INT64_MAX / 2;
    takes_it = false;
  } else if (rate(kUnreachable)) {
    reply = Reply{};
    takes = choose_.of<Ms>({0, 200});
    takes_it = false;
  } else if (rate(kCutBefore)) {
    reply = Reply{};
    takes_it = false;
  } else if (rate(kTakenSilent)) {
    reply = Reply{};
    reply.sent = true;
  } else if (backend.secret_changed) {
    reply.status = 401;
    takes_it = false;
  } else if (faults_ && backend.rate[kTooLarge] > 0 && request.batch->body.size() > backend.body_limit) {
    reply.status = 413;
    takes_it = false;
  } else if (rate(kLater)) {
    reply.status = choose_.of({503, 429, 504});
    reply.retry_after = choose_.of<std::optional<milliseconds>>(
        {std::nullopt, milliseconds(0), milliseconds(1'000), milliseconds(300'000)});
    takes_it = false;
  } else if (rate(kRefusals)) {
    reply.status = choose_.of({400, 301, 500, 404, 501});
    takes_it = false;
  } else if (rate(kPartial)) {
    auto k = std::min<std::size_t>(choose_.below(4), exchange.ids.size());
    reply.rejected = choose_.below(3) == 2 ? std::size_t{1'000'000} : k;
  } else if (rate(kUnparsed)) {
    reply.rejected.reset();
    seen("response_unparsed");
  }
  if (takes_it && rate(kSlow)) takes = choose_.of<Ms>({150, 400, 3'000});
  exchange.taken = takes_it;
  exchange.at = real_ + takes;
  d.flight = std::move(exchange);
  tell("request of " + std::to_string(request.batch->records));
}

void World::end(Destination& d, const Reply& reply, const char* how) {
  Exchange exchange = std::move(*d.flight);
  d.flight.reset();
  Model& model = d.model;
  bool answered = reply.kind == Reply::Kind::answered;
  // What the backend has, whether it could say so or not.
  if (exchange.taken) {
    for (int id : exchange.ids) {
      int times = ++model.arrived[id];
      check(times == 1 || model.unknown.contains(id), "a record has arrived twice that was answered for");
    }
  }
  if (!answered && reply.sent) model.unknown.insert(exchange.ids.begin(), exchange.ids.end());
  if (answered) {
    d.backend.used = true;
    d.waited_in_vain = false;
  } else {
    d.backend.used = false;
  }

  const Account before = d.delivery->queue().account();
  const DeliveryCounters counted = d.delivery->counters();
  bool was_open = d.delivery->breaker_is_open();
  d.delivery->ended(reply, now(), choose_.random());
  const Account& after = d.delivery->queue().account();
  bool is_open = d.delivery->breaker_is_open();
  tell(std::string(how) + (answered ? " " + std::to_string(reply.status) : ""));

  std::size_t settled = 0;
  for (auto place : {Place::delivered, Place::rejected, Place::http_3xx, Place::http_4xx, Place::http_5xx, Place::auth,
                     Place::too_large, Place::expired}) {
    auto by = after.count(place) - before.count(place);
    settled += by;
    if (by > 0) out_.seen.insert(std::string(to_string(place)));
  }
  check(settled == 0 || settled == exchange.ids.size(), "a batch was settled in part");
  if (settled > 0) model.settled.insert(exchange.ids.begin(), exchange.ids.end());
  if (answered && reply.status == 200) {
    auto refused = std::min(reply.rejected.value_or(0), exchange.ids.size());
    model.acked += exchange.ids.size() - refused;
    model.rejected += refused;
    for (int id : exchange.ids) {
      if (model.recovered.contains(id)) continue;
      check(id > model.last_acked, "records arrive out of order");
      model.last_acked = id;
    }
  }
  check(after.count(Place::delivered) == model.acked, "delivered is not what was acknowledged");
  check(after.count(Place::rejected) == model.rejected, "rejected is not what the backend has rejected");
  if (d.delivery->counters().splits > counted.splits) seen("split");
  if (!was_open && is_open)
    seen(!answered                                  ? "opened: no answer"
         : reply.retry_after >= milliseconds(1'000) ? "opened: Retry-After"
         : reply.status == 401                      ? "opened: credentials"
                                                    : "opened: thrice later");
  if (was_open && !is_open) seen("closed");
  if (was_open && is_open) seen("opened again");
  if (!answered && d.delivery->counters().unanswered > counted.unanswered && !is_open && !was_open) seen("free resend");
}

void World::verify() {
  for (auto& d : destinations_) {
    const auto& queue = d.delivery->queue();
    const auto& account = queue.account();
    check(account.balanced(), "the books do not balance");
    check(account.enqueued() + account.recovered() == d.model.enqueued.size() + d.lost, "not all is in the books");
    check(queue.bytes() <= queue_bytes_, "more is held than allowed");
    std::size_t held = 0, bytes = 0;
    std::set<int> once;
    for (const auto& left : queue.unsent()) {
      bytes += left.batch->body.size();
      for (int id : ids_of(*left.batch)) {
        check(once.insert(id).second, "a record is held twice");
        check(!d.model.settled.contains(id), "a record is held that has found its place");
        ++held;
      }
    }
    check(bytes == queue.bytes(), "the bytes that are held are counted wrong");
    check(held == account.count(Place::queued) + account.count(Place::in_flight), "what is held is counted wrong");
    // Settled ones that never were in a request: what made room, and what is too large for the queue.
    auto gone = d.model.enqueued.size() - d.model.settled.size() - held;
    auto untold = account.count(Place::queue_full) + account.count(Place::too_large);  // some are of d.lost
    check(gone <= untold, "a record is gone and not counted");
    if (account.count(Place::queue_full) > 0) seen("queue_full");
  }
}

}  // namespace mayfly::telemetry::test
