"""START, END and REPORT, and what processes print."""

import divergences
from case import Case, main


class LogLines(Case):
    def serve(self, runtime, call, event=None):
        event = event or runtime.next()
        runtime.respond(event.request_id)
        parked = runtime.begin_next()
        self.answers(call.answer(), 200)
        return event, parked

    def test_each_invocation_has_start_end_and_report(self):
        env = self.start()
        call = env.begin_call()
        event, _ = self.serve(env.actor(), call)
        env.wait_for(f"^REPORT RequestId: {event.request_id}.*")
        lines = env.everything().splitlines()
        start = lines.index(f"START RequestId: {event.request_id} Version: $LATEST")
        end = lines.index(f"END RequestId: {event.request_id}")
        [report] = [line for line in lines if line.startswith(f"REPORT RequestId: {event.request_id}\t")]
        self.assertLess(start, end)
        self.assertLess(end, lines.index(report))
        memory = env.memory_mb
        for field in (r"\tDuration: \d+\.\d\d ms\t", r"\tBilled Duration: \d+ ms\t", rf"\tMemory Size: {memory} MB\t",
                      r"\tMax Memory Used: \d+ MB\t", r"\tInit Duration: \d+\.\d\d ms\t"):
            self.assertRegex(report, field)
        self.assertTrue(report.endswith("\t"), report)

    def test_an_invocation_that_ends_its_runtime_has_them_too(self):
        env = self.start()
        call = env.begin_call()
        runtime = env.actor()
        event = runtime.next()
        runtime.exit(3)
        call.answer()
        env.wait_for(f"^START RequestId: {event.request_id} ")
        call = env.begin_call()  # whatever is to be written of the first one is there behind it
        following, _ = self.serve(env.actor(), call)
        env.wait_for(f"^REPORT RequestId: {following.request_id}")
        for word in ("END", "REPORT"):
            self.differs(divergences.ENDED_REPORT, f"\n{word} RequestId: {event.request_id}" in env.everything(),
                         mayfly=True, rie=False)

    def test_only_the_first_invocation_reports_an_init_duration(self):
        env = self.start()
        call = env.begin_call()
        runtime = env.actor()
        _, parked = self.serve(runtime, call)
        second = env.begin_call()
        event, _ = self.serve(runtime, second, parked.answer())
        report = env.wait_for(f"^REPORT RequestId: {event.request_id}.*").group()
        self.assertNotIn("Init Duration", report)

    def test_memory_is_measured(self):
        env = self.start()
        call = env.begin_call()
        runtime = env.actor()
        runtime.run("kept = bytearray(40 * 1024 * 1024)")
        runtime.run("kept[::4096] = b'x' * len(kept[::4096])")
        event, _ = self.serve(runtime, call)
        used = int(env.wait_for(f"^REPORT RequestId: {event.request_id}.*Max Memory Used: (\\d+) MB").group(1))
        self.differs(divergences.MEMORY, 40 <= used < 128, mayfly=True, rie=False)

    def test_the_billed_duration_is_rounded_up_and_holds_the_init(self):
        env = self.start()
        call = env.begin_call()
        event, _ = self.serve(env.actor(), call)
        report = env.wait_for(f"^REPORT RequestId: {event.request_id}.*").group()
        fields = dict(field.split(": ", 1) for field in report.rstrip("\t").split("\t"))
        duration, init, billed = (float(fields[name].removesuffix(" ms"))
                                  for name in ("Duration", "Init Duration", "Billed Duration"))
        # There the duration holds the init, and Init Duration is the launch only.
        shown = duration + init if self.on_mayfly else duration
        self.assertGreaterEqual(billed + 0.01, shown)
        self.assertLess(billed - shown, 1.01)
        self.differs(divergences.INIT_DURATION, init > 5, mayfly=True, rie=False)

    def test_stdout_and_stderr_of_the_processes_are_shown(self):
        env = self.start(extensions=["agent"])
        call = env.begin_call()
        agent = env.actor("agent")
        agent.register([])
        agent.begin_event()
        agent.write("the agent to stdout\n")
        agent.write("the agent to stderr\n", 2)
        runtime = env.actor()
        event = runtime.next()
        runtime.write("Łódź to stdout\n")
        runtime.write("a line to stderr\n", 2)
        self.serve(runtime, call, event)
        for line in ("the agent to stdout", "the agent to stderr", "Łódź to stdout", "a line to stderr"):
            env.wait_for(line)

    def test_a_line_without_newline_is_shown_when_its_process_ends(self):
        env = self.start()
        call = env.begin_call()
        runtime = env.actor()
        event = runtime.next()
        runtime.write("no newline")
        self.serve(runtime, call, event)
        env.stop()
        env.wait_for("no newline")


if __name__ == "__main__":
    main()
