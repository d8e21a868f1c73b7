"""AWS's Go library under both servers."""

import divergences
import foreign
from case import Case
from environment import wait_until


class Go(foreign.Runtime):
    timeout_s = 1

    def command(self, handler):
        return [foreign.builds.go()]


class Calls(Go, foreign.Calls, Case):
    def test_options_of_start_reach_the_function(self):
        self.function()
        self.assertEqual(self.report()["option"], "a value")
        self.assertIn(b'"<&>"', self.act("echo", value="<&>").body)

    def test_a_panic_ends_the_process_and_reaches_the_caller(self):
        self.function()
        answer = self.act("panic")
        self.differs(divergences.ANSWERED_BEFORE, answer.status, mayfly=200, rie=502)
        self.assertEqual(answer.json()["errorMessage"], "no coffee")
        self.assertTrue(any(frame["label"] == "handle" for frame in answer.json()["stackTrace"]), answer)
        self.assertEqual(self.report()["calls"], 1)


class Streams(Go, foreign.BreakingStreams, Case):
    pass


class Managed(Go, foreign.Managed, Case):
    def test_a_late_answer_is_refused_and_the_runtime_goes_on(self):
        """Not this one, it ends; a new environment takes its place."""
        self.managed_function(timeout=self.timeout_s)
        before = self.report()["stream"]
        self.give_a_late_answer()
        self.assertNotEqual(wait_until(self.report_of_a_living_one, "another environment")["stream"], before)

    def report_of_a_living_one(self):
        answer = self.act("report")
        return None if answer.error_type else answer.json()


if __name__ == "__main__":
    foreign.main(foreign.builds.go)
