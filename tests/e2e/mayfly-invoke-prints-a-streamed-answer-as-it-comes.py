"""--stream: InvokeWithResponseStream, its parts on standard output."""

import os
import subprocess

from sandbox import binary, contains, equal, mayfly_run
from streaming import STREAMER, Response


def invoke(env, *words):
    return subprocess.Popen([binary("mayfly"), "invoke", "--endpoint", str(env.port), "--stream", *words],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=env.folder)


def ended(process):
    out, err = process.communicate(timeout=60)
    return out, err.decode(), process.returncode


with mayfly_run() as env:
    call = invoke(env, "--payload", '{"a":1}')
    runtime = env.actor()
    event = runtime.next()
    response = Response(runtime, event)
    for data in (b"first", b"\x00\r\n\xff", b"last"):
        response.chunk(data)  # and the next one only when this one was printed
        equal(os.read(call.stdout.fileno(), 100), data)
    equal(response.end().status, 202)
    parked = runtime.begin_next()
    out, err, code = ended(call)
    equal((out, code), (b"", 0))
    contains(err, "200 cold  billed ")

    # It breaks off: what came is printed, and why no more follows.
    call = invoke(env)
    event = parked.answer()
    response = Response(runtime, event)
    response.chunk(b"half")
    response.end("Lambda-Runtime-Function-Error-Type: Orders.Gone\r\n"
                 "Lambda-Runtime-Function-Error-Body: eyJlcnJvck1lc3NhZ2UiOiJubyBvcmRlciJ9\r\n")
    parked = runtime.begin_next()
    out, err, code = ended(call)
    contains(out.decode(), "half")
    contains(err, "error: the function failed (Orders.Gone): no order\n")
    equal(code, 1)

    # One that was not streamed comes, too; and one that fails before it began.
    call = invoke(env)
    runtime.respond(parked.answer().request_id, b'"whole"')
    parked = runtime.begin_next()
    out, err, code = ended(call)
    equal((out, code), (b'"whole"', 0))
    call = invoke(env)
    runtime.fail(parked.answer().request_id)
    parked = runtime.begin_next()
    out, err, code = ended(call)
    contains(err, "error: the function failed (Unhandled): Orders.Unknown: no\n")
    equal(code, 1)

    out, err, code = ended(invoke(env, "no name"))
    equal((out, code), (b"", 4))
    contains(err, "ValidationException")

    # Nobody reads any more: it leaves, and the function goes on.
    call = invoke(env)
    event = parked.answer()
    response = Response(runtime, event)
    response.chunk(b"x")
    call.stdout.read(1)
    call.stdout.close()
    response.chunk(b"y")
    response.end()
    runtime.begin_next()
    call.wait(60)
    call.stderr.close()

done = subprocess.run([binary("mayfly"), "invoke", "--stream", "--payload", "100000000", "-q", "--timeout", "60", "--",
                       *STREAMER], capture_output=True, timeout=100)
equal((len(done.stdout), done.returncode), (100_000_000, 0))
