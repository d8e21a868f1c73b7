// An environment that runs one invocation at a time, in a world of numbers and
// names.

#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <utility>

#include "emulator/lifecycle/on_demand_lifecycle.h"
#include "emulator/response_stream.h"
#include "tests/emulator/world.h"

namespace mayfly::emulator::test {

struct OnDemand {
  boost::asio::io_context io;
  Settings settings;
  World world;
  OnDemandLifecycle lifecycle{settings, world, world};

  void invoke(const std::string& id = "a", bool in_parts = false) {
    auto invocation = std::make_shared<Invocation>();
    invocation->request_id = id;
    invocation->in_parts = in_parts;
    lifecycle.invoke(invocation);
  }
  // Invocation b, whose runtime has begun to stream to a caller who takes it so.
  void begin_stream() {
    warm_up();
    invoke("b", true);
    REQUIRE(lifecycle.check_response("b", {}, false).has_value());
    REQUIRE(lifecycle.wants_parts("b"));
    Answer answer;
    answer.stream = std::make_shared<ResponseStream>(io, false);
    lifecycle.response_begins("b", std::move(answer), world.time);
    CHECK(world.take() == Lines{"thaw", "START", "event to runtime, deadline 3000", "answer begins"});
  }
  void pass(Clock::duration time) { world.time += time; }
  // Time passes until the alarm, and it rings.
  void ring() {
    REQUIRE(world.alarm_at != Clock::time_point::max());
    world.time = world.alarm_at;
    lifecycle.alarm();
  }
  std::string enlist(const std::string& name, bool invoke = true, bool shutdown = true) {
    auto identifier = lifecycle.extension_register(name, {invoke, shutdown});
    REQUIRE(identifier.has_value());
    return *identifier;
  }
  void respond(const std::string& payload = "ok", const std::string& id = "a") {
    REQUIRE(lifecycle.runtime_response(id, {}, payload, world.time).has_value());
  }
  void next() { REQUIRE(lifecycle.runtime_next().has_value()); }
  void next(const std::string& extension) { REQUIRE(lifecycle.extension_next(extension).has_value()); }
  // A first call has been answered and everyone waits; without extensions.
  void warm_up() {
    invoke();
    next();
    respond();
    next();
    world.take();
  }
};

}  // namespace mayfly::emulator::test
