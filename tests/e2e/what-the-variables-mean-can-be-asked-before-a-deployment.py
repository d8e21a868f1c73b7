import pathlib
import subprocess
import tempfile

from sandbox import Backend, binary, equal

SECRET = "hunter2"


def run(*words, **variables):
    done = subprocess.run([binary("mayfly-telemetry"), *words], env=variables, capture_output=True, text=True, timeout=30)
    equal(SECRET in done.stdout + done.stderr, False)
    return done.returncode, done.stdout


with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
    with Backend(pathlib.Path(folder)) as backend:
        url = f"otlp+http://127.0.0.1:{backend.port}#signals=logs&headers=key={SECRET}"
        code, table = run("--check", "--send", MAYFLY_TELEMETRY_DESTINATIONS=url)
        equal((code, "logs: 200 in " in table, "key=(hidden)" in table), (0, True, True))
        backend.wait_for("mayfly-telemetry --check: a test record")

code, table = run("--check", MAYFLY_TELEMETRY_DESTINATIONS=f"otlp+http://user:{SECRET}@host,carrier-pigeon://{SECRET}")
equal((code, "otlp+http://host:80" in table, '"carrier-pigeon:" is none of' in table), (1, True, True))
equal(run("--check")[0], 1)
equal(run("--send")[0], 2)
equal(run("--version")[0], 0)
equal(run("--help")[0], 0)
