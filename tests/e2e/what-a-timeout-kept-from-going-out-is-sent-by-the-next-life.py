import pathlib
import shutil
import tempfile

from sandbox import Backend, act, equal, free_port, is_function_error, mayfly_run, misbehaving, telemetry_daemon

port = free_port()
with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
    spool = f"/tmp/{pathlib.Path(folder).name}-spool"  # inside there may be another /tmp
    variables = {"MAYFLY_TELEMETRY_DESTINATIONS": f"otlp+http://127.0.0.1:{port}#signals=logs",
                 "MAYFLY_TELEMETRY_SPOOL": spool}
    with mayfly_run(command=misbehaving(), programs=telemetry_daemon(), variables=variables, timeout=1) as env:
        # The backend is away, and then the environment starts anew.
        act(env, "print", 3)
        is_function_error(act(env, "hang"), "Sandbox.Timedout", ".*timed out.*")
        with Backend(pathlib.Path(folder), "--port", str(port)) as backend:
            for number in range(3):
                backend.wait_for(f"line {number}", calls_of=env)
            equal(env.stop(), 0)
            printed = [r["body"] for r in backend.records if str(r["body"]).startswith("line ")]
            equal(sorted(printed), ["line 0", "line 1", "line 2"])
            equal("telemetry was lost" in env.everything(), False)
    shutil.rmtree(spool, ignore_errors=True)
