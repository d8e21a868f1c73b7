"""Streamed responses: the runtime's side of one, byte by byte, and boto3's."""

import base64
import http.client
import pathlib
import queue
import sys
import threading

import boto3
import botocore.config

from sandbox import PATIENCE_S
from actor import RUNTIME, Answer

# The command of a runtime that streams as many bytes as its event says.
STREAMER = [sys.executable, "-I", "-S", str(pathlib.Path(__file__).resolve().parent / "programs" / "streamer.py")]


class Response:
    """What an actor posts, as far as the test has come."""

    MODE = "Lambda-Runtime-Function-Response-Mode: streaming\r\n"

    def __init__(self, runtime, event, fields="", mode=MODE):
        self._connection = runtime.tunnel()
        self.send(f"POST {RUNTIME}/invocation/{event.request_id}/response HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                  f"{mode}Transfer-Encoding: chunked\r\n{fields}\r\n")

    def send(self, text):
        self._connection.sendall(text.encode() if isinstance(text, str) else text)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, trailers=""):
        """Without error trailers or with them; the answer."""
        self.send(f"0\r\n{trailers}\r\n")
        answer = http.client.HTTPResponse(self._connection)
        answer.begin()
        return Answer(answer)

    def cut(self):
        self._connection.close()


def error_trailers(error_type, body):
    return (f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
            f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(body).decode()}\r\n")


def lambda_client(env):
    config = botocore.config.Config(retries={"max_attempts": 0}, read_timeout=2 * PATIENCE_S)
    return boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{env.port}", region_name="us-east-1", config=config,
                        aws_access_key_id="test", aws_secret_access_key="test")


class Call:
    """InvokeWithResponseStream of boto3 on a thread: its events as they come."""

    def __init__(self, env, payload=b"{}", **named):
        self._events = queue.Queue()
        self.answer = None  # once there was an event
        arguments = {"FunctionName": "function", "Payload": payload, **named}
        threading.Thread(target=self._run, args=(lambda_client(env), arguments), daemon=True).start()

    def _run(self, client, arguments):
        try:
            self.answer = client.invoke_with_response_stream(**arguments)
            for event in self.answer["EventStream"]:
                self._events.put(event)
            self._events.put(None)
        except Exception as failure:
            self._events.put(failure)

    def event(self):
        """The next one; None: the end."""
        event = self._events.get(timeout=PATIENCE_S)
        if isinstance(event, Exception):
            raise event
        return event

    def chunk(self):
        return self.event()["PayloadChunk"]["Payload"]

    def complete(self):
        """The last event, and nothing behind it."""
        complete = self.event()["InvokeComplete"]
        assert self.event() is None
        return complete
