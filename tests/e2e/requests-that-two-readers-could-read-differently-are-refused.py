import socket

from sandbox import PATIENCE_S, equal, mayfly_run

PATH = b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\n"

with mayfly_run() as env:
    for name, head in {
        "two lengths": PATH + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "length and chunked": PATH + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "unknown coding": PATH + b"Transfer-Encoding: gzip\r\n\r\n",
        "signed length": PATH + b"Content-Length: +2\r\n\r\n{}",
        "huge length": PATH + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        "space before colon": PATH + b"Content-Length : 2\r\n\r\n{}",
        "folded line": PATH + b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
        "NUL": PATH + b"X-A: \0\r\nContent-Length: 2\r\n\r\n{}",
        "bare line feed": PATH + b"X-A: b\nContent-Length: 2\r\n\r\n{}",
        "too many fields": PATH + b"X-A: b\r\n" * 100 + b"Content-Length: 2\r\n\r\n{}",
        "long head": PATH + b"X-A: " + b"b" * 20_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
    }.items():
        with socket.create_connection(("127.0.0.1", env.port), PATIENCE_S) as caller:
            caller.sendall(head)
            answer = b""
            try:
                while piece := caller.recv(4096):
                    answer += piece
            except ConnectionResetError:
                pass
            # Refused, or nothing said; in both cases closed.
            equal((name, answer[:10] in (b"", b"HTTP/1.1 4"), answer[:60]), (name, True, answer[:60]))
    equal(env.stage.actors(), [])
