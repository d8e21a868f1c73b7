"""GET /extension/event/next, and how an extension's work and end show in the
invocation."""

import uuid

import divergences
from case import Case, main

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class Events(Case):
    def invoke(self, *arguments, events=("INVOKE", "SHUTDOWN"), **named):
        """Up to the point where runtime and agent have the event."""
        self.start(extensions=["agent"])
        self.call = self.environment.begin_call(*arguments, **named)
        self.agent = self.environment.actor("agent")
        self.answers(self.agent.register(events), 200)
        self.waiting = self.agent.begin_event()
        self.runtime = self.environment.actor("runtime")
        return self.runtime.next()

    def test_invoke_tells_what_the_runtime_is_told(self):
        event = self.invoke(headers={"X-Amzn-Trace-Id": TRACE})
        answer = self.waiting.answer()
        self.answers(answer, 200)
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertTrue(uuid.UUID(answer.header("Lambda-Extension-Event-Identifier")))
        self.assertEqual(answer.json(), {
            "eventType": "INVOKE",
            "deadlineMs": int(event.header("Lambda-Runtime-Deadline-Ms")),
            "requestId": event.request_id,
            "invokedFunctionArn": event.header("Lambda-Runtime-Invoked-Function-Arn"),
            "tracing": {"type": "X-Amzn-Trace-Id", "value": TRACE},
        })

    def test_init_waits_for_the_first_next_of_every_extension(self):
        self.start(extensions=["agent", "second"])
        call = self.environment.begin_call()
        agent, second = (self.environment.actor(name) for name in ("agent", "second"))
        agent.register()
        second.register([])
        waiting = agent.begin_event()
        runtime = self.environment.actor("runtime")
        event = runtime.begin_next()
        self.assertFalse(event.done() or waiting.done())
        second.begin_event()
        self.answers(waiting.answer(), 200)
        runtime.respond(event.answer().request_id)
        runtime.begin_next()
        agent.begin_event()
        self.answers(call.answer(), 200)

    def test_the_caller_need_not_wait_for_extensions(self):
        event = self.invoke()
        self.waiting.answer()
        self.runtime.respond(event.request_id, b'"done"')
        self.runtime.begin_next()
        if self.on_mayfly:
            self.assertEqual(self.call.answer().body, b'"done"')
        self.differs(divergences.ANSWER_EARLY, self.call.done(), mayfly=True, rie=False)
        self.agent.begin_event()
        self.assertEqual(self.call.answer().body, b'"done"')

    def test_the_next_invocation_waits_for_extensions(self):
        event = self.invoke()
        self.waiting.answer()
        self.runtime.respond(event.request_id)
        parked = self.runtime.begin_next()
        if self.on_rie:
            # One call at a time is all it takes.
            waiting = self.agent.begin_event()
            self.call.answer()
            second = self.environment.begin_call(b'"second"')
        else:
            self.call.answer()
            second = self.environment.begin_call(b'"second"')
            self.assertFalse(parked.done())
            waiting = self.agent.begin_event()
        event = parked.answer()
        self.assertEqual(event.body, b'"second"')
        self.assertEqual(waiting.answer().json()["requestId"], event.request_id)
        self.runtime.respond(event.request_id)
        self.runtime.begin_next()
        self.agent.begin_event()
        self.answers(second.answer(), 200)

    def test_without_a_subscription_invocations_pass_by(self):
        event = self.invoke(events=["SHUTDOWN"])
        self.runtime.respond(event.request_id, b'"done"')
        self.runtime.begin_next()
        self.assertEqual(self.call.answer().body, b'"done"')
        self.assertFalse(self.waiting.done())
        self.environment.begin_stop()
        self.assertEqual(self.waiting.answer().json()["eventType"], "SHUTDOWN")

    def test_internal_extensions_get_invoke_too(self):
        self.start()
        call = self.environment.begin_call()
        runtime = self.environment.actor()
        self.answers(runtime.register(["INVOKE"], name="inside"), 200)
        waiting = runtime.begin_event()
        event = runtime.next()
        self.assertEqual(waiting.answer().json()["requestId"], event.request_id)
        runtime.respond(event.request_id, b'"done"')
        runtime.begin_event()
        runtime.begin_next()
        self.assertEqual(call.answer().body, b'"done"')


class Failures(Case):
    def begin(self, **named):
        self.start(extensions=["agent"], **named)
        self.call = self.environment.begin_call()
        self.agent = self.environment.actor("agent")
        self.answers(self.agent.register(), 200)

    def test_init_error_is_accepted_once_registered_and_may_be_repeated(self):
        self.begin()
        self.answers(self.agent.report_failure("init"), 202)
        self.answers(self.agent.report_failure("init"), 202)

    def test_init_error_is_refused_after_the_first_next(self):
        self.begin()
        waiting = self.agent.begin_event()
        self.environment.actor("runtime").next()
        waiting.answer()
        self.answers(self.agent.report_failure("init"), 403, "Extension.InvalidExtensionState",
                     f"State transition from Running to InitError failed for extension {self.agent.identifier}. "
                     "Error: State transition is not allowed")

    def test_exit_error_is_accepted_and_the_end_fails_the_invocation(self):
        self.begin()
        waiting = self.agent.begin_event()
        runtime = self.environment.actor("runtime")
        event = runtime.next()
        waiting.answer()
        self.answers(self.agent.report_failure("exit", "Extension.Broken"), 202)
        self.agent.exit(1)
        answer = self.call.answer()
        self.differs(divergences.EXTENSION_CRASH, answer.status, mayfly=200, rie=502)
        self.answers(answer, answer.status, "Extension.ExitError")
        self.assertIn(event.request_id, answer.json()["errorMessage"])

    def test_an_extension_that_ends_fails_the_invocation(self):
        for status in (0, 3):
            with self.subTest(status):
                self.begin()
                waiting = self.agent.begin_event()
                runtime = self.environment.actor("runtime")
                event = runtime.next()
                waiting.answer()
                self.agent.exit(status)
                answer = self.call.answer()
                self.differs(divergences.EXTENSION_CRASH, answer.status, mayfly=200, rie=502)
                self.answers(answer, answer.status, "Extension.Crash")
                self.assertIn(event.request_id, answer.json()["errorMessage"])
                runtime.wait_until_gone()

    def test_after_it_everything_starts_anew(self):
        self.begin()
        waiting = self.agent.begin_event()
        self.environment.actor("runtime").next()
        waiting.answer()
        self.agent.exit(1)
        self.call.answer()
        call = self.environment.begin_call(b'"again"')
        agent = self.environment.actor("agent")
        agent.register()
        agent.begin_event()
        runtime = self.environment.actor("runtime")
        event = runtime.next()
        self.assertEqual(event.body, b'"again"')
        runtime.respond(event.request_id, b'"well"')
        runtime.begin_next()
        agent.begin_event()
        self.assertEqual(call.answer().body, b'"well"')

    def test_an_extension_that_never_calls_next_times_the_invocation_out(self):
        self.begin(timeout=2)
        self.environment.actor("runtime").begin_next()
        answer = self.call.answer()
        self.answers(answer, 200)
        self.assertIn(b"Task timed out after 2.00 seconds", answer.body)


if __name__ == "__main__":
    main()
