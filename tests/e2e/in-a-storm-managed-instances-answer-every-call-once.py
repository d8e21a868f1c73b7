import pathlib
import tempfile

from sandbox import equal, mayfly_run
from storm import Storm, options, stormy

given = options()
with tempfile.TemporaryDirectory(prefix="mayfly-test-") as faults:
    named = stormy(["--max-concurrency", "4"], max_environments=3)
    with mayfly_run(variables={"STORM_FOLDER": faults}, **named) as env:
        with Storm(env, pathlib.Path(faults), given) as storm:
            storm.rage()
        storm.describe()
        storm.drained()
        told, reports = storm.balance()
        storm.balance_figures(told, reports)
        equal(env.stop(), 0)
        [summary] = storm.told()["mayfly.summary"]
        equal(summary["record"]["calls"], sum(len(each) for each in reports.values()))
