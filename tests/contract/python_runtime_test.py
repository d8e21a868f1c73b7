"""AWS's runtime interface client for Python under both servers."""

import importlib.util
import sys

import foreign
from case import Case

# It hears signals while it waits only where it believes to be on 3.12 or later.
RUNTIME = """
import os, sys
os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.12"
from awslambdaric.__main__ import main
main(["bootstrap", sys.argv[1]])
"""


def installed():
    if not importlib.util.find_spec("awslambdaric"):
        raise foreign.builds.Missing("no awslambdaric")


class Python(foreign.Runtime):
    folder = foreign.FOREIGN / "python"
    one_process = False

    def command(self, handler):
        return [sys.executable, "-B", "-c", RUNTIME, handler]


class Calls(Python, foreign.Calls, Case):
    def test_the_end_of_the_stack_is_an_error(self):
        """Each of its frames stands in the header field for X-Ray."""
        self.function()
        self.answers(self.act("dive"), 200, "RecursionError", "maximum recursion depth exceeded")
        self.assertEqual(self.report()["calls"], 2)


class Managed(Python, foreign.Managed, Case):
    pass


if __name__ == "__main__":
    foreign.main(installed)
