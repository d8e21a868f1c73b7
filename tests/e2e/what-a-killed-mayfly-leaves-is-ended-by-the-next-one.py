"""In each state, by each means of holding an environment together, with a
process that has left its parent, its group and its session."""

import os
import pathlib
import signal
import sys
import tempfile

from sandbox import MARKER, equal, mayfly_run, misbehaving, processes_with, wait_until

ROUNDS = 2
STRAY = ["sh", "-c", "setsid sleep 1000 </dev/null >/dev/null 2>&1 & exec \"$@\"", "-"]


def groups_in(record):
    return [pathlib.Path(line.split(" ", 2)[2]) for line in record.splitlines() if line.startswith("group")]


def killed_in(state, cgroups, runtime_folder):
    os.environ["XDG_RUNTIME_DIR"] = runtime_folder
    records = pathlib.Path(runtime_folder) / "mayfly"
    options = ["--cgroups", cgroups]
    with mayfly_run(command=[*STRAY, *misbehaving()], extensions=["agent"], options=[*options, "-v"]) as env:
        call = env.begin_call(b'{"act":"hang"}' if state == "invoke" else b'{"act":"nothing"}')
        agent = env.actor("agent")
        marker = agent.environment[MARKER]
        [record] = [path.read_text() for path in records.iterdir()]
        if state != "init":
            agent.register(["SHUTDOWN"])
            agent.begin_event()
            env.wait_for("START RequestId")
            # Both it and the stray have been started.
            wait_until(lambda: len(processes_with(marker)) >= 3, "the stray")
        if state in ("frozen", "shutdown"):
            call.answer()
            env.wait_for(" frozen$")
        if state == "shutdown":
            env.begin_stop()
            env.wait_for("shutdown: spindown")
        left = len(processes_with(marker))
        env.process.send_signal(signal.SIGKILL)
        env.wait()
        with mayfly_run(command=misbehaving(), options=options) as second:
            wait_until(lambda: not processes_with(marker), f"the end of {left} processes, killed in {state}")
            equal([group for group in groups_in(record) if group.exists()], [])
            if state != "init":
                note = f"note: cleaned up after mayfly run (pid {env.process.pid}, killed): "
                wait_until(lambda: note in second.log(), note)
            [record] = [path.read_text() for path in records.iterdir()]
            equal(second.stop(), 0)
    equal(list(records.iterdir()), [])
    equal([group for group in groups_in(record) if group.exists()], [])


for round_ in range(ROUNDS):
    for means in ("auto", "v1", "v2", "none"):
        for state in ("init", "invoke", "frozen", "shutdown"):
            with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
                try:
                    killed_in(state, means, folder)
                except BaseException:
                    print(f"killed in {state}, --cgroups {means}, round {round_ + 1}", file=sys.stderr)
                    raise
