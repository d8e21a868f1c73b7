"""The runtime ends or hangs during an invocation."""

import os
import signal

import divergences
from case import Case, main
from environment import wait_until


class RuntimeEnds(Case):
    def invoke(self, **named):
        self.start(**named)
        self.call = self.environment.begin_call()
        self.runtime = self.environment.actor()
        return self.runtime.next()

    def works_again(self):
        """The next invocation gets a new runtime, and that one can answer."""
        call = self.environment.begin_call(b'"again"')
        runtime = self.environment.actor()
        self.assertNotEqual(runtime.pid, self.runtime.pid)
        event = runtime.next()
        self.assertEqual(event.body, b'"again"')
        self.answers(runtime.respond(event.request_id, b'"well"'), 202)
        runtime.begin_next()
        answer = call.answer()
        self.answers(answer, 200)
        self.assertEqual(answer.body, b'"well"')

    def test_the_caller_is_told_how_it_ended(self):
        for how, text in (
            (lambda runtime: runtime.exit(0), "Runtime exited without providing a reason"),
            (lambda runtime: runtime.exit(42), "Runtime exited with error: exit status 42"),
            (lambda runtime: runtime.die_of(signal.SIGKILL), "Runtime exited with error: signal: killed"),
            (lambda runtime: runtime.die_of(signal.SIGSEGV), "Runtime exited with error: signal: segmentation fault"),
            (lambda runtime: runtime.die_of(signal.SIGABRT), "Runtime exited with error: signal: aborted"),
        ):
            with self.subTest(text):
                event = self.invoke()
                how(self.runtime)
                answer = self.call.answer()
                self.differs(divergences.EXIT_STATUS, answer.status, mayfly=200, rie=502)
                self.assertEqual(answer.json(), {"errorType": "Runtime.ExitError",
                                                 "errorMessage": f"RequestId: {event.request_id} Error: {text}"})
                self.differs(divergences.FUNCTION_ERROR, answer.header("X-Amz-Function-Error"),
                             mayfly="Unhandled", rie=None)
                self.works_again()

    def test_an_answer_given_before_the_end_counts(self):
        event = self.invoke()
        self.answers(self.runtime.respond(event.request_id, b'"given"'), 202)
        self.runtime.exit(42)
        answer = self.call.answer()
        self.assertEqual(answer.body, b'"given"')
        self.differs(divergences.ANSWERED_BEFORE, answer.status, mayfly=200, rie=502)
        self.works_again()

    def test_a_runtime_that_ends_between_invocations_is_replaced(self):
        event = self.invoke()
        self.runtime.respond(event.request_id)
        self.runtime.begin_next()
        self.answers(self.call.answer(), 200)
        os.kill(self.runtime.pid, signal.SIGKILL)  # it is frozen, or will be
        wait_until(lambda: not os.path.exists(f"/proc/{self.runtime.pid}"), "its parent to take notice")
        call = self.environment.begin_call(b'"again"')
        if self.on_rie:
            # It notices the end while it invokes: this call is lost.
            self.differs(divergences.IDLE_END, call.answer().status, mayfly=200, rie=502)
            self.works_again()
        else:
            runtime = self.environment.actor()
            event = runtime.next()
            runtime.respond(event.request_id, b'"well"')
            runtime.begin_next()
            answer = call.answer()
            self.differs(divergences.IDLE_END, answer.status, mayfly=200, rie=502)
            self.assertEqual(answer.body, b'"well"')

    def test_a_timeout_ends_the_runtime(self):
        event = self.invoke(timeout=1)
        answer = self.call.answer()
        self.answers(answer, 200)
        self.differs(divergences.TIMEOUT, answer.body,
                     mayfly=(f'{{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {event.request_id} '
                             'Error: Task timed out after 1.00 seconds"}').encode(),
                     rie=b"Task timed out after 1.00 seconds")
        self.differs(divergences.FUNCTION_ERROR, answer.header("X-Amz-Function-Error"), mayfly="Unhandled", rie=None)
        self.runtime.wait_until_gone()
        self.assertTrue(self.runtime.signals.empty(), "SIGTERM without any extension")

    def test_after_a_timeout_the_next_invocation_starts_anew(self):
        self.invoke(timeout=2)
        self.call.answer()
        self.works_again()

    def test_files_in_tmp_outlive_a_reset(self):
        self.invoke()
        self.runtime.run("kept = __import__('tempfile').mkstemp(dir='/tmp')[1]")
        kept = self.runtime.run("kept")
        self.runtime.exit(1)
        self.call.answer()
        call = self.environment.begin_call()
        runtime = self.environment.actor()
        self.assertTrue(runtime.run(f"os.path.exists({kept!r})"))
        runtime.run(f"os.unlink({kept!r})")
        event = runtime.next()
        runtime.respond(event.request_id)
        runtime.begin_next()
        self.answers(call.answer(), 200)


if __name__ == "__main__":
    main()
