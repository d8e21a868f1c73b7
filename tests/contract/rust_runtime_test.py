"""AWS's Rust runtime under both servers."""

import json

import foreign
from case import Case


class Rust(foreign.Runtime):
    timeout_s = 1

    def command(self, handler):
        return [foreign.builds.rust("function")]


class Calls(Rust, foreign.Calls, Case):
    def test_a_panic_reaches_the_caller_and_the_process_goes_on(self):
        self.function()
        self.assertEqual(self.act("panic").json()["errorMessage"], "Lambda panicked: no coffee")
        self.assertEqual(self.report()["calls"], 2)


class Streams(Rust, foreign.Streams, Case):
    def body(self, parts):
        """It streams for function URLs: a prelude comes first."""
        prelude, _, body = parts.partition(b"\0" * 8)
        self.assertEqual(json.loads(prelude)["statusCode"], 200)
        return body


class Managed(Rust, foreign.Managed, Case):
    pass


if __name__ == "__main__":
    foreign.main(lambda: foreign.builds.rust("function"))
