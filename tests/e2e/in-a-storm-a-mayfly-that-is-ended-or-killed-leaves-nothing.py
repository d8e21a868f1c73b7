"""Ended, it answers whom it has accepted, and leaves with 0. Killed, it leaves what
the next one finds, ends and says so."""

import os
import pathlib
import signal
import tempfile

from sandbox import contains, equal, mayfly_run, wait_until
from storm import Storm, options, stormy

given = options()
KINDS = [["--cgroups", "auto"], ["--cgroups", "none"], ["--max-concurrency", "4"]]
SHARE = 1 / (2 * len(KINDS))  # of the time, for each storm


def ended(env):
    equal(env.stop(), 0)


def killed(env):
    env.process.send_signal(signal.SIGKILL)
    env.wait()


def storm_in(kind, end, faults):
    with mayfly_run(variables={"STORM_FOLDER": faults}, **stormy(kind)) as env:
        with Storm(env, pathlib.Path(faults), given) as storm:
            storm.rage(SHARE)
            end(env)
            storm.calm()
        storm.describe()
        if end is ended:
            storm.balance(ended_early=True)
        else:
            cleaned_up_by_the_next(kind, faults, env)


def cleaned_up_by_the_next(kind, faults, killed_one):
    groups = [left for left in killed_one.traces.left() if "/sys/fs/cgroup" in left]
    with mayfly_run(variables={"STORM_FOLDER": faults}, **stormy(kind)) as second:
        wait_until(lambda: not killed_one.traces.left(), "the end of what the killed one left")
        if groups:  # else the kernel may have ended all there was
            note = f"cleaned up after mayfly run (pid {killed_one.process.pid}, killed)"
            wait_until(lambda: note in second.everything(), note)
        answer = second.call(b'"after echo 0"', path="/2015-03-31/functions/storm/invocations")
        contains(answer.body.decode(), "after")


for kind in KINDS:
    for end in (ended, killed):
        print(" ".join(kind), end.__name__, flush=True)
        # With records of its own: no other test's mayfly cleans up here.
        with tempfile.TemporaryDirectory(prefix="mayfly-test-") as faults, \
                tempfile.TemporaryDirectory(prefix="mayfly-test-") as runtime_folder:
            os.environ["XDG_RUNTIME_DIR"] = runtime_folder
            storm_in(kind, end, faults)
