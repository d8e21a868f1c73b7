import pathlib
import tempfile

from sandbox import MARKER, act, equal, make_certificate, process_named, with_backend

with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
    ca, certificate = make_certificate(pathlib.Path(folder))
    with with_backend("--certificate", certificate, scheme="https",
                      variables={"MAYFLY_TELEMETRY_CA_FILE": str(ca)}) as (env, backend):
        act(env, "print", 1)
        backend.wait_for("line 0", calls_of=env)
        pid = process_named("mayfly-telemetry", env.variables[MARKER])
        maps = pathlib.Path(f"/proc/{pid}/maps")
        equal("libmayfly-tls.so" in maps.read_text(), True)
    with with_backend() as (env, backend):
        act(env, "print", 1)
        backend.wait_for("line 0", calls_of=env)
        pid = process_named("mayfly-telemetry", env.variables[MARKER])
        equal("libmayfly-tls.so" in pathlib.Path(f"/proc/{pid}/maps").read_text(), False)
