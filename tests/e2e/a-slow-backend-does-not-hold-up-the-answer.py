import time

from sandbox import act, equal, with_backend

DELAY_S = 3

with with_backend("--delay", str(DELAY_S), "--times", "1", timeout=30) as (env, backend):
    started = time.monotonic()
    equal(act(env, "print", 3).body, b"null")
    taken = time.monotonic() - started
    backend.wait_for("line 2")
    # Only what is delayed can be seen to be so: the record came after the answer.
    assert taken < time.monotonic() - started, taken
