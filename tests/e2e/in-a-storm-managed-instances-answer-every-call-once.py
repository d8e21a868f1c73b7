import os
import pathlib
import tempfile

from sandbox import equal, mayfly_run, wait_until
from storm import Storm, descriptors, groups_of, leaves_nothing, options, stormy

given = options()
with tempfile.TemporaryDirectory(prefix="mayfly-test-") as faults, \
        tempfile.TemporaryDirectory(prefix="mayfly-test-") as runtime_folder:
    os.environ["XDG_RUNTIME_DIR"] = runtime_folder
    named = stormy(["--max-concurrency", "4"], max_environments=3)
    with mayfly_run(variables={"STORM_FOLDER": faults}, **named) as env:
        groups = groups_of(runtime_folder)
        with Storm(env, pathlib.Path(faults), given) as storm:
            storm.rage()
        storm.describe()
        storm.drained()
        told, reports = storm.balance()
        storm.balance_figures(told, reports)
        equal(env.stop(), 0)
        [summary] = storm.told()["mayfly.summary"]
        equal(summary["record"]["calls"], sum(len(each) for each in reports.values()))
    leaves_nothing(runtime_folder, groups, storm.marker, env.port)
