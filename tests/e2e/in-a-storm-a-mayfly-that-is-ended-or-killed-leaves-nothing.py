"""Ended, it answers who was accepted, and leaves with 0. Killed, it leaves what the
next one finds, ends and says so."""

import os
import pathlib
import signal
import tempfile

from sandbox import contains, equal, mayfly_run, processes_with, wait_until
from storm import Storm, groups_of, leaves_nothing, options, stormy

given = options()
KINDS = [["--cgroups", "auto"], ["--cgroups", "none"], ["--max-concurrency", "4"]]
SHARE = 1 / (2 * len(KINDS))  # of the time, for each storm


def storm_in(kind, end):
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as faults, \
            tempfile.TemporaryDirectory(prefix="mayfly-test-") as runtime_folder:
        os.environ["XDG_RUNTIME_DIR"] = runtime_folder
        with mayfly_run(variables={"STORM_FOLDER": faults}, **stormy(kind)) as env:
            groups = groups_of(runtime_folder)
            with Storm(env, pathlib.Path(faults), given) as storm:
                storm.rage(SHARE)
                end(env)
                storm.calm()
            storm.describe()
            if end is ended:
                storm.balance(ended_early=True)
            else:
                groups += cleaned_up_by_the_next(kind, faults, runtime_folder, storm, groups and env.process.pid)
        leaves_nothing(runtime_folder, groups, storm.marker, env.port)


def ended(env):
    equal(env.stop(), 0)


def killed(env):
    env.process.send_signal(signal.SIGKILL)
    env.wait()


def cleaned_up_by_the_next(kind, faults, runtime_folder, storm, told_pid):
    """`told_pid`: whose groups are left for sure; of processes the kernel may have ended all."""
    with mayfly_run(variables={"STORM_FOLDER": faults}, **stormy(kind)) as second:
        groups = groups_of(runtime_folder)
        wait_until(lambda: not processes_with(storm.marker), "the end of what the killed one left")
        if told_pid:
            note = f"cleaned up after mayfly run (pid {told_pid}, killed)"
            wait_until(lambda: note in second.everything(), note)
        answer = second.call(b'"after echo 0"', path="/2015-03-31/functions/storm/invocations")
        contains(answer.body.decode(), "after")
        equal(second.stop(), 0)
    return groups


for kind in KINDS:
    for end in (ended, killed):
        print(" ".join(kind), end.__name__, flush=True)
        storm_in(kind, end)
