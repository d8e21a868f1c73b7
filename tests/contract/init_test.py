"""The Init phase and its failures: what the caller of the first invocation gets."""

import signal
import threading

import divergences
from case import Case, main
from environment import wait_until


def ticks():
    """Since boot, as in the start time of a process: hundredths of a second."""
    return int(open("/proc/uptime").read().split()[0].replace(".", ""))


class Init(Case):
    def each_runtime(self, act):
        """Every runtime that is started does the same, as a program would.
        Returns the list of those that came."""
        seen = []

        def play():
            while True:
                try:
                    runtime = self.environment.actor()
                except TimeoutError:
                    return
                seen.append(runtime)
                act(runtime)

        threading.Thread(target=play, daemon=True).start()
        return seen

    def unchecked(self):
        """Ours looks at the command before anybody calls, unless told not to."""
        return ["--unchecked"] if self.on_mayfly_run else []

    def test_nothing_starts_before_the_first_invocation(self):
        env = self.start()
        ready = ticks()
        wait_until(lambda: ticks() > ready + 1, "the clock")  # a process started too early is older than that
        called = ticks()
        call = env.begin_call()
        runtime = env.actor()
        stat = runtime.run("open('/proc/self/stat').read()")
        self.assertGreaterEqual(int(stat.rpartition(")")[2].split()[19]), called)
        event = runtime.next()
        runtime.respond(event.request_id)
        runtime.begin_next()
        self.answers(call.answer(), 200)

    def test_a_posted_init_error_reaches_the_caller(self):
        env = self.start()
        body = b'{"errorMessage":"no database","errorType":"Orders.NoDatabase"}'

        def fail(runtime):
            self.answers(runtime.fail_init(body, {"Lambda-Runtime-Function-Error-Type": "Runtime.InitError"}), 202)
            runtime.exit(1)

        self.each_runtime(fail)
        answer = env.call()
        self.differs(divergences.INIT_ERROR, answer.status, mayfly=200, rie=502)
        self.differs(divergences.FUNCTION_ERROR, answer.header("X-Amz-Function-Error"), mayfly="Unhandled", rie=None)
        self.assertEqual(answer.body, body)

    def test_each_call_is_told_the_init_error(self):
        env = self.start()
        body = b'{"errorMessage":"no database","errorType":"Orders.NoDatabase"}'

        def fail(runtime):
            runtime.fail_init(body)
            runtime.exit(1)

        self.each_runtime(fail)
        for _ in range(3):
            answer = env.call()
            self.differs(divergences.INIT_ERROR, answer.status, mayfly=200, rie=502)
            self.assertEqual(answer.body, body)

    def test_an_init_error_is_forgotten_once_a_runtime_is_well(self):
        env = self.start()
        call = env.begin_call()
        old = b'{"errorMessage":"no database","errorType":"Orders.NoDatabase"}'
        for _ in range(1 if self.on_rie else 2):  # ours tries once more
            runtime = env.actor()
            runtime.fail_init(old)
            runtime.exit(1)
        self.assertEqual(call.answer().body, old)
        call = env.begin_call()
        runtime = env.actor()
        runtime.next()
        runtime.exit(3)
        self.differs(divergences.STALE_ERROR, call.answer().error_type,
                     mayfly="Runtime.ExitError", rie="Orders.NoDatabase")

    def test_after_init_error_everything_but_the_exit_is_refused(self):
        env = self.start()
        env.begin_call()
        runtime = env.actor()
        self.answers(runtime.fail_init(), 202)
        text = "State transition from InitError to {} failed for runtime. Error: State transition is not allowed"
        self.answers(runtime.fail_init(), 403, "InvalidStateTransition", text.format("InitError"))
        self.answers(runtime.next(), 403, "InvalidStateTransition", text.format("Ready"))
        self.answers(runtime.respond("some-id"), 400, "InvalidRequestID")

    def test_a_runtime_that_ends_in_init_fails_the_call(self):
        for how, text in (
            (lambda runtime: runtime.exit(0), "Runtime exited without providing a reason"),
            (lambda runtime: runtime.exit(42), "Runtime exited with error: exit status 42"),
        ):
            with self.subTest(text):
                env = self.start()
                self.each_runtime(how)
                answer = env.call()
                self.differs(divergences.INIT_EXIT, answer.status, mayfly=200, rie=502)
                self.differs(divergences.INIT_RETRY, answer.body == b"", mayfly=False, rie=True)
                if self.on_mayfly:
                    self.answers(answer, answer.status, "Runtime.ExitError")
                    self.assertRegex(answer.json()["errorMessage"], f"^RequestId: [0-9a-f-]{{36}} Error: {text}$")
                    self.assertEqual(answer.header("X-Amz-Function-Error"), "Unhandled")

    def test_a_runtime_that_crashes_in_init_is_started_again_until_the_timeout(self):
        env = self.start(timeout=1)
        seen = self.each_runtime(lambda runtime: runtime.die_of(signal.SIGSEGV))
        answer = env.call()
        if self.as_rie(divergences.INIT_CRASH):
            self.assertEqual(answer.status, 502)
            self.assertLessEqual(len(seen), 2)
        else:
            self.answers(answer, 200, "Sandbox.Timedout")
            self.assertRegex(answer.json()["errorMessage"], "^RequestId: .* Error: Task timed out after 1.00 seconds$")
            self.assertGreater(len(seen), 2)
            env.wait_for(r"signal: segmentation fault|Runtime.ExitError")

    def test_a_failed_init_is_tried_once_more_within_the_invocation(self):
        env = self.start()
        call = env.begin_call(b'"now"')
        first = env.actor()
        first.exit(1)
        if self.on_rie:
            self.differs(divergences.INIT_RETRY, call.answer().status, mayfly=200, rie=502)
            call = env.begin_call(b'"now"')
        second = env.actor()
        event = second.next()
        self.assertEqual(event.body, b'"now"')
        second.respond(event.request_id, b'"well"')
        second.begin_next()
        self.assertEqual(call.answer().body, b'"well"')

    def test_extensions_are_started_again_with_it(self):
        env = self.start(extensions=["agent"])
        call = env.begin_call()
        agent = env.actor("agent")
        agent.register([])
        agent.begin_event()
        env.actor().exit(1)
        if self.on_rie:
            answer = call.answer()
            self.assertEqual((answer.status, answer.body), (502, b""))
            env.wait_for("ErrAgentNameCollision")  # it takes the second try's for the first one's
            call = env.begin_call()
        agent = env.actor("agent")
        self.answers(agent.register([]), 200)
        agent.begin_event()
        runtime = env.actor()
        event = runtime.next()
        runtime.respond(event.request_id, b'"well"')
        runtime.begin_next()
        self.assertEqual(call.answer().body, b'"well"')

    def test_a_runtime_that_never_calls_next_times_out(self):
        env = self.start(timeout=1)
        answer = env.call()
        self.answers(answer, 200)
        if self.as_rie(divergences.TIMEOUT):
            self.assertEqual(answer.body, b"Task timed out after 1.00 seconds")
        else:
            self.answers(answer, 200, "Sandbox.Timedout")
            self.assertRegex(answer.json()["errorMessage"], "^RequestId: .* Error: Task timed out after 1.00 seconds$")
        env.actor().wait_until_gone()

    def test_a_command_that_does_not_exist_is_an_invalid_entrypoint(self):
        env = self.start(command=["./no-such-program"], options=self.unchecked())
        answer = env.call()
        self.differs(divergences.INVALID_ENTRYPOINT, answer.status, mayfly=200, rie=502)
        if self.on_mayfly:
            self.answers(answer, answer.status, "Runtime.InvalidEntrypoint")
            self.assertRegex(answer.json()["errorMessage"],
                             r"^RequestId: .* Error: Couldn't find valid bootstrap\(s\): \[.*/no-such-program\]$")
        else:
            self.assertEqual(answer.body, b"")

    def test_a_command_that_is_not_executable_is_an_invalid_entrypoint(self):
        folder = self.folder_with({"bootstrap": "#!/bin/sh\n"}, mode=0o644)
        env = self.start(command=["./bootstrap"], folder=folder, options=self.unchecked())
        answer = env.call()
        self.differs(divergences.INVALID_ENTRYPOINT, answer.status, mayfly=200, rie=502)
        if self.on_mayfly:
            self.answers(answer, answer.status, "Runtime.InvalidEntrypoint")
            self.assertRegex(answer.json()["errorMessage"], "^RequestId: .* Error: .*permission denied$")


if __name__ == "__main__":
    main()
