import pathlib
import tempfile

from sandbox import act, equal, with_backend, works

with tempfile.TemporaryDirectory() as folder:
    go_on = pathlib.Path(folder) / "go-on"
    with with_backend("--hold", go_on, timeout=900) as (env, backend):
        equal(act(env, "print", 3).body, b"null")
        works(env)  # which takes the daemon to be done with the first call
        equal(backend.records, [])
        go_on.touch()
        equal(env.stop(), 0)
        for number in range(3):
            backend.wait_for(f"line {number}")
