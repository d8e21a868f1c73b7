"""What the cases share. A file of cases runs against one server:

    python3 response_test.py mayfly
    python3 response_test.py rie      # 77: the official emulator is not here
    python3 response_test.py drop_in  # ours, in its place

The promise of a case is written once. Where the official emulator does
something else, the case says so through self.differs() and a Divergence of
divergences.py, and that difference is checked too: a newer emulator that
behaves otherwise is noticed. The divergence says which side the drop-in is on.
"""

import pathlib
import shutil
import sys
import tempfile
import unittest

import environment

SKIPPED = 77  # ctest's SKIP_RETURN_CODE in CMakeLists.txt
SERVERS = {"rie": environment.Rie, "mayfly": environment.Mayfly, "drop_in": environment.DropIn}
MANAGED = {"rie": environment.ManagedRie, "mayfly": environment.ManagedMayfly, "drop_in": environment.ManagedDropIn}

_server = None


class Case(unittest.TestCase):
    maxDiff = 4000

    @property
    def on_rie(self):
        return _server == "rie"

    @property
    def on_mayfly(self):
        """On ours, under either name."""
        return _server != "rie"

    @property
    def on_mayfly_run(self):
        return _server == "mayfly"

    def as_rie(self, divergence):
        """Does what the official emulator does in this."""
        return self.on_rie or (_server == "drop_in" and divergence.drop_in is not None)

    def start_managed(self, **named):
        """The same for Managed Instances, whose runtime is there before any call."""
        server = MANAGED[_server]
        if not server.program():
            self.skipTest("the official emulator needs root and mounts of its own for Managed Instances")
        return self._started(server, named)

    def start(self, **named):
        """An environment that lasts as long as the case; see Environment."""
        if not self.on_mayfly_run and (named.get("extensions") or named.get("programs")) and not environment.own_mounts():
            self.skipTest("extensions in /opt need a mount namespace")
        return self._started(SERVERS[_server], named)

    def _started(self, server, named):
        self.environment = server(**named)
        self.addCleanup(self.environment.close)
        self.addCleanup(self._show_on_failure, self.environment)
        return self.environment

    def folder_with(self, files, mode=0o755):
        """A folder with these scripts {name: text}, gone after the case."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for name, text in files.items():
            environment.write_program(folder / name, text, mode)
        return folder

    def _show_on_failure(self, shown):
        outcome = self._outcome.result
        if any(test is self for test, _ in outcome.failures + outcome.errors):
            sys.stderr.write(f"\n--- {self.id()}: output ---\n{shown.output()}\n--- log ---\n{shown.log()}\n")

    def answers(self, answer, status, error_type=None, message=None):
        """Checks status and, for errors, type and text."""
        self.assertEqual(answer.status, status, answer)
        if error_type is not None:
            self.assertEqual(answer.json().get("errorType"), error_type, answer)
        if message is not None:
            self.assertEqual(answer.json().get("errorMessage"), message, answer)

    def differs(self, divergence, found, mayfly, rie):
        """`found` is one thing here and another there, for divergence's reason."""
        self.assertEqual(found, rie if self.as_rie(divergence) else mayfly, divergence.what)


def main():
    global _server
    if len(sys.argv) < 2 or sys.argv[1] not in SERVERS:
        sys.exit(f"usage: {sys.argv[0]} rie|mayfly|drop_in [TestClass.test_case]…")
    _server = sys.argv.pop(1)
    if not SERVERS[_server].program():
        print(f"{_server} is not installed: nothing to run against")
        sys.exit(SKIPPED)
    unittest.main(module="__main__", verbosity=2)
