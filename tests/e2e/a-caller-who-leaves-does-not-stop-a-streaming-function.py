import socket

from sandbox import equal, mayfly_run
from streaming import Call, Response

PATH = "/2021-11-15/functions/function/response-streaming-invocations"

with mayfly_run() as env:
    caller = socket.create_connection(("127.0.0.1", env.port))
    caller.sendall(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    runtime = env.actor()
    response = Response(runtime, runtime.next())
    response.chunk(b"first")
    received = b""
    while b"first" not in received:
        received += caller.recv(4096)
    caller.close()
    # More than any pipe between here and there holds.
    for _ in range(400):
        response.chunk(b"x" * 65_536)
    equal(response.end().status, 202)
    parked = runtime.begin_next()
    report = env.wait_for("^REPORT .*")[0]
    assert "Status" not in report, report

    call = Call(env)
    equal(runtime.respond(parked.answer().request_id, b"next").status, 202)
    equal(call.chunk(), b"next")
    runtime.begin_next()
