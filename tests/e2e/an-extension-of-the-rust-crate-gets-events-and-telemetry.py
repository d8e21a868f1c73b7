"""AWS's Rust crate, built here where cargo is; skipped elsewhere."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from sandbox import PATIENCE_S, act, calling, equal, mayfly_run, misbehaving, wait_until

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "build" / "foreign-extension"

if not shutil.which("cargo") or subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--manifest-path", HERE / "foreign_extension" / "Cargo.toml"],
        env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)}, timeout=20 * PATIENCE_S).returncode != 0:
    print("no cargo, or the crate cannot be fetched")
    sys.exit(77)

script = f"#!/bin/sh\nexec {TARGET}/debug/foreign-extension\n"
with mayfly_run(command=misbehaving(), programs={"foreign-extension": script}) as env:
    answer = act(env, "print", 1)
    equal(answer.body, b"null")
    env.wait_for(f"foreign INVOKE {answer.header('x-amzn-RequestId')}")
    # What it is sent after its `next` it sees in the next call.
    wait_until(calling(env, lambda: re.search("foreign telemetry Function.*line 0", env.everything())), "telemetry")
    env.wait_for("foreign telemetry PlatformInitStart")
    env.wait_for(f"foreign telemetry PlatformRuntimeDone.*{answer.header('x-amzn-RequestId')}")
    equal(env.stop(), 0)
    env.wait_for("(?i)foreign SHUTDOWN spindown")
