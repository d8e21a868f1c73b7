import pathlib
import re
import shutil
import sys
import tempfile

from sandbox import Backend, act, binary, equal, free_port, mayfly_run, misbehaving, works

if not shutil.which("strace"):
    print("needs strace")
    sys.exit(77)

# What becomes of the first life's calls.
FAULTS = ["writev:error=ENOSPC", "writev:retval=2", "renameat:error=EIO", "renameat:signal=KILL:when=1",
          "pwrite64:error=EIO:when=2+", "mkdir:error=EROFS"]

for fault in FAULTS:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
        spool = f"/tmp/{pathlib.Path(folder).name}-spool"
        mark = f"/tmp/{pathlib.Path(folder).name}-mark"
        strace = f"strace -f -qq -o /dev/null -e trace={fault.partition(':')[0]} -e inject={fault}"
        program = (f"#!/bin/sh\nexport MAYFLY_TELEMETRY_RECEIVER=off\n"
                   f"test -e {mark} && exec {binary('mayfly-telemetry')}\ntouch {mark}\n"
                   f"exec {strace} {binary('mayfly-telemetry')}\n")
        variables = {"MAYFLY_TELEMETRY_DESTINATIONS": f"otlp+http://127.0.0.1:{port}#signals=logs",
                     "MAYFLY_TELEMETRY_TYPES": "function", "MAYFLY_TELEMETRY_SPOOL": spool}
        with mayfly_run(command=misbehaving(), programs={"mayfly-telemetry": program}, variables=variables,
                        timeout=2) as env:
            act(env, "print", 3)
            act(env, "hang")
            works(env)
            with Backend(pathlib.Path(folder), "--port", str(port)) as backend:
                works(env)
                act(env, "print", 5)
                backend.wait_for("line 4", calls_of=env)
                works(env)
                equal(env.stop(), 0)
                # The first three of each life; those that did not come are in a last line.
                came = sum(r["body"] in ("line 0", "line 1", "line 2") for r in backend.records) - 3
            lost = sum(int(n) for n in re.findall(r"dropped=(\d+)", env.everything()))
            equal((fault, came + lost), (fault, 3))
        shutil.rmtree(spool, ignore_errors=True)
        pathlib.Path(mark).unlink(missing_ok=True)
