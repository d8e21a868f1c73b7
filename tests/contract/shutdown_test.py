"""How an environment ends: who is told what, in which order."""

import signal
import time

import divergences
from case import Case, main


class Shutdown(Case):
    def running(self, **named):
        """An environment that has served one invocation and is idle. Those in `deaf`
        do not end at SIGTERM; they must hear so before, for idle ones are frozen."""
        extensions, deaf = named.pop("extensions", []), named.pop("deaf", [])
        self.start(extensions=extensions, **named)
        call = self.environment.begin_call()
        agents = [self.environment.actor(name) for name in extensions]
        waiting = []
        for agent in agents:
            agent.register(["SHUTDOWN"])
            if agent.name in deaf:
                agent.run("sigterm_exits = False")
            waiting.append(agent.begin_event())
        runtime = self.environment.actor()
        event = runtime.next()
        if runtime.name in deaf:
            runtime.run("sigterm_exits = False")
        runtime.respond(event.request_id)
        runtime.begin_next()
        self.answers(call.answer(), 200)
        return runtime, agents, waiting

    def test_without_extensions_the_runtime_gets_no_signal_but_sigkill(self):
        runtime, _, _ = self.running()
        self.assertEqual(self.environment.stop(), 0)
        runtime.wait_until_gone()
        self.assertTrue(runtime.signals.empty())

    def test_the_runtime_gets_sigterm_and_ends_before_extensions_are_told(self):
        runtime, [agent], [waiting] = self.running(extensions=["agent"], deaf=["runtime"])
        self.environment.begin_stop()
        self.assertEqual(runtime.wait_for_signal(), "SIGTERM")
        self.assertFalse(waiting.done())
        runtime.exit(0)
        event = waiting.answer().json()
        self.assertEqual(event["eventType"], "SHUTDOWN")
        agent.exit(0)
        self.assertEqual(self.environment.wait(), 0)

    def test_the_shutdown_event_has_a_reason_and_a_deadline(self):
        before = time.time() * 1000
        _, [agent], [waiting] = self.running(extensions=["agent"])
        self.environment.begin_stop()
        answer = waiting.answer()
        self.answers(answer, 200)
        self.differs(divergences.SHUTDOWN_TYPE, answer.header("Content-Type"),
                     mayfly="application/json", rie="text/plain; charset=utf-8")
        self.assertIsNone(answer.header("Lambda-Extension-Event-Identifier"))
        event = answer.json()
        self.assertEqual(sorted(event), ["deadlineMs", "eventType", "shutdownReason"])
        self.differs(divergences.SHUTDOWN_REASON, event["shutdownReason"], mayfly="spindown", rie="SandboxTerminated")
        self.assertGreaterEqual(event["deadlineMs"], before + 1000)
        agent.exit(0)
        self.assertEqual(self.environment.wait(), 0)

    def test_sigint_is_an_end_like_sigterm(self):
        runtime, [agent], [waiting] = self.running(extensions=["agent"])
        self.environment.process.send_signal(signal.SIGINT)
        self.assertEqual(runtime.wait_for_signal(), "SIGTERM")
        event = waiting.answer().json()
        self.differs(divergences.SHUTDOWN_REASON, event["shutdownReason"], mayfly="spindown", rie="SandboxTerminated")
        agent.exit(0)
        self.assertEqual(self.environment.wait(), 0)

    def test_a_runtime_that_ignores_sigterm_is_killed(self):
        runtime, [agent], [waiting] = self.running(extensions=["agent"], deaf=["runtime"])
        self.environment.begin_stop()
        self.assertEqual(runtime.wait_for_signal(), "SIGTERM")
        runtime.wait_until_gone()
        self.assertEqual(waiting.answer().json()["eventType"], "SHUTDOWN")
        agent.exit(0)
        self.assertEqual(self.environment.wait(), 0)

    def test_an_extension_that_overruns_is_killed_without_sigterm(self):
        _, [agent], [waiting] = self.running(extensions=["agent"], deaf=["agent"])
        self.environment.begin_stop()
        waiting.answer()
        self.assertEqual(self.environment.wait(), 0)
        agent.wait_until_gone()
        self.assertTrue(agent.signals.empty())

    def test_the_runtime_gets_sigterm_for_an_internal_extension_too(self):
        self.start()
        call = self.environment.begin_call()
        runtime = self.environment.actor()
        runtime.register([], name="inside")
        runtime.begin_event()
        event = runtime.next()
        runtime.respond(event.request_id)
        runtime.begin_next()
        self.answers(call.answer(), 200)
        self.environment.begin_stop()
        self.assertEqual(runtime.wait_for_signal(), "SIGTERM")
        self.assertEqual(self.environment.wait(), 0)

    def test_a_timeout_is_the_reason_of_a_reset(self):
        self.start(extensions=["agent"], timeout=2)
        call = self.environment.begin_call()
        agent = self.environment.actor("agent")
        agent.register(["SHUTDOWN"])
        waiting = agent.begin_event()
        self.environment.actor().next()
        event = waiting.answer().json()
        self.differs(divergences.SHUTDOWN_REASON, event["shutdownReason"], mayfly="timeout", rie="Timeout")
        agent.exit(0)
        self.assertIn(b"Task timed out after 2.00 seconds", call.answer().body)

    def test_a_failure_is_the_reason_of_a_reset(self):
        self.start(extensions=["agent"])
        call = self.environment.begin_call()
        agent = self.environment.actor("agent")
        agent.register(["SHUTDOWN"])
        waiting = agent.begin_event()
        runtime = self.environment.actor()
        runtime.next()
        runtime.exit(1)
        event = waiting.answer().json()
        self.differs(divergences.SHUTDOWN_REASON, event["shutdownReason"], mayfly="failure", rie="ReleaseFail")
        agent.exit(0)
        answer = call.answer()
        self.differs(divergences.EXIT_STATUS, answer.status, mayfly=200, rie=502)
        self.answers(answer, answer.status, "Runtime.ExitError")

    def test_a_failed_init_is_the_reason_of_a_reset(self):
        self.start(extensions=["agent"])
        self.environment.begin_call()
        agent = self.environment.actor("agent")
        agent.register(["SHUTDOWN"])
        waiting = agent.begin_event()
        self.environment.actor().exit(1)
        event = waiting.answer().json()
        self.differs(divergences.SHUTDOWN_REASON, event["shutdownReason"], mayfly="failure", rie="spindown")


if __name__ == "__main__":
    main()
