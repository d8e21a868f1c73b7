#!/usr/bin/env python3
"""A runtime that streams as many bytes as its event says, as fast as it can."""
import http.client
import json
import os
import socket
import sys

PIECE = bytes(range(256)) * 256


def chunks(size):
    for _ in range(size // len(PIECE)):
        yield b"10000\r\n" + PIECE + b"\r\n"
    if rest := size % len(PIECE):
        yield b"%x\r\n" % rest + PIECE[:rest] + b"\r\n"
    yield b"0\r\n\r\n"


def post(request_id, size):
    """The status of the answer; 0: it was cut."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall((f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\n"
                            f"Host: {host}:{port}\r\nTransfer-Encoding: chunked\r\n"
                            "Content-Type: application/x-bytes\r\n"
                            "Lambda-Runtime-Function-Response-Mode: streaming\r\n\r\n").encode())
        try:
            for chunk in chunks(size):
                connection.sendall(chunk)
        except OSError:
            pass  # what was answered instead counts
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    event = api.getresponse()
    size = json.loads(event.read())
    print("posted", size, post(event.headers["Lambda-Runtime-Aws-Request-Id"], size), flush=True)
