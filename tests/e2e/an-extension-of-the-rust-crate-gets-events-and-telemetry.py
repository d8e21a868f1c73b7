"""AWS's Rust crate, built here where cargo is; skipped elsewhere."""
import re

from sandbox import act, calling, equal, foreign, mayfly_run, misbehaving, wait_until

script = f"#!/bin/sh\nexec {foreign('rust', 'extension')}\n"
with mayfly_run(command=misbehaving(), programs={"extension": script}) as env:
    answer = act(env, "print", 1)
    equal(answer.body, b"null")
    env.wait_for(f"foreign INVOKE {answer.header('x-amzn-RequestId')}")
    # What it is sent after its `next` it sees in the next call.
    wait_until(calling(env, lambda: re.search("foreign telemetry Function.*line 0", env.everything())), "telemetry")
    env.wait_for("foreign telemetry PlatformInitStart")
    env.wait_for(f"foreign telemetry PlatformRuntimeDone.*{answer.header('x-amzn-RequestId')}")
    equal(env.stop(), 0)
    env.wait_for("(?i)foreign SHUTDOWN spindown")
