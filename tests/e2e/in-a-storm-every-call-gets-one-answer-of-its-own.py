"""One call at a time in an environment; held together by control groups, and by
signals where there are none."""

import pathlib
import sys
import tempfile

from sandbox import equal, mayfly_run, wait_until
from storm import Storm, descriptors, options, stormy


def weathers(given, cgroups):
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as faults:
        named = stormy(["--idle-timeout", "1", "--cgroups", cgroups])
        with mayfly_run(variables={"STORM_FOLDER": faults}, **named) as env:
            at_ready = descriptors(env.process.pid)
            with Storm(env, pathlib.Path(faults), given) as storm:
                storm.rage()
            storm.describe()
            storm.drained()
            told, reports = storm.balance()
            storm.balance_figures(told, reports)
            # Unused environments end, and nothing is kept of them.
            wait_until(lambda: storm.metric("lambda_environments") == 0, "the end of all environments")
            wait_until(lambda: descriptors(env.process.pid) <= at_ready, "the end of all connections")
            equal(env.stop(), 0)
            [summary] = storm.told()["mayfly.summary"]
            equal(summary["record"]["calls"], sum(len(each) for each in reports.values()))


given = options()
for means in ("auto", "none"):
    try:
        weathers(given, means)
    except BaseException:
        print(f"--cgroups {means} --seed {given.seed}", file=sys.stderr)
        raise
