"""--debug: deadlines far away, in Init too, no freeze, and a line that says how to attach."""

import time

from sandbox import contains, equal, mayfly_run, matches

HOUR_MS = 3_600_000

with mayfly_run(timeout=1, options=["--debug"]) as env:
    call = env.begin_call()
    runtime = env.actor()
    matches(env.log(), rf"^  attach     gdb -p {runtime.pid}   lldb -p {runtime.pid}   \(bootstrap\)$")
    event = runtime.next()
    if int(event.header("Lambda-Runtime-Deadline-Ms")) < time.time() * 1000 + HOUR_MS:
        raise AssertionError(event.header("Lambda-Runtime-Deadline-Ms"))
    runtime.respond(event.request_id, b'"done"')
    parked = runtime.begin_next()
    equal(call.answer().body, b'"done"')
    # What clients are told is what was configured.
    configuration = env.call(method="GET", path="/2015-03-31/functions/function/configuration").json()
    equal(configuration["Timeout"], 1)
    contains(env.output(), "time limits (--debug), freeze (--debug)")
