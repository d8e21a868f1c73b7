import os
import pathlib
import shutil
import signal
import tempfile

from sandbox import (MARKER, act, contains, equal, free_port, mayfly_run, misbehaving, process_named, telemetry_daemon,
                     wait_until, works)

with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
    spool = f"/tmp/{pathlib.Path(folder).name}-spool"  # inside there may be another /tmp
    variables = {"MAYFLY_TELEMETRY_DESTINATIONS": f"otlp+http://127.0.0.1:{free_port()}#signals=logs",
                 "MAYFLY_TELEMETRY_TYPES": "function",
                 "MAYFLY_TELEMETRY_SPOOL": spool}
    with mayfly_run(command=misbehaving(), programs=telemetry_daemon(), variables=variables) as env:
        act(env, "print", 3)
        act(env, "print", 2)
        wait_until(lambda: env.everything().count("REPORT RequestId") == 2, "the end of both")
        os.kill(process_named("mayfly-telemetry", env.variables[MARKER]), signal.SIGKILL)
        # The environment fails with its extension; the next call has a new life of both.
        act(env, "nothing")
        works(env)
        equal(env.stop(), 0)
        contains(env.everything(), "killed 5")
    shutil.rmtree(spool, ignore_errors=True)
