"""The official Runtime Interface Emulator around one function, on loopback.

Its binary comes inside the aws-sam-cli wheel, which ./dev puts into build/venv.
"""

import glob
import http.client
import os
import pathlib
import platform
import socket
import subprocess
import sys
import tempfile
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_S = 60


def program():
    name = "aws-lambda-rie-" + {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    found = glob.glob(str(CHECKOUT / "build/venv/lib/python3*/site-packages/samcli/local/rapid" / name))
    if not found:
        raise FileNotFoundError("no official emulator in build/venv: run ./dev test once")
    return found[0]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Rie:
    """Runs `command`. `around`: words before the emulator's, to run it in a
    namespace; with `inside` they start it themselves, in a container."""

    def __init__(self, command, around=(), inside=False, folder=None, variables=None):
        self.port, self._api_port = free_port(), free_port()
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*around, *([] if inside else [program()]), "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
             "--runtime-api-address", f"127.0.0.1:{self._api_port}", *command],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, cwd=folder,
            env={**os.environ, "AWS_LAMBDA_FUNCTION_TIMEOUT": "10", **(variables or {})})

    def __enter__(self):
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                for port in (self.port, self._api_port):  # which it opens one after the other
                    socket.create_connection(("127.0.0.1", port)).close()
                return self
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError("the official emulator does not start:\n" + self.log())
                time.sleep(0.02)

    def invoke(self, payload):
        """The answer's body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("POST", "/2015-03-31/functions/function/invocations", payload)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer

    def log(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def __exit__(self, error, *_):
        if error:
            sys.stderr.write(f"--- the official emulator ---\n{self.log()}\n")
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
