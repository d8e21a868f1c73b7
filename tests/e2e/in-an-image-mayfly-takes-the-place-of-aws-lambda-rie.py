"""A root folder as an image has it: the entry point script of AWS's base images
starts /usr/local/bin/aws-lambda-rie, which is a copy of ours, with no option.
Port 8080 and 9001 are free in a network namespace of its own."""

import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

from sandbox import PATIENCE_S, binary, contains, equal, wait_until, write_program

SKIPPED = 77
FUNCTION = "/2015-03-31/functions/function/invocations"
# As in the base images, where a handler is the one argument.
ENTRYPOINT = """#!/bin/sh
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
fi
exec /var/runtime/bootstrap
"""


def with_libraries(root, *programs):
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout.split()
    for path in {word for word in listed if word.startswith("/") and not word.endswith(":")}:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def install(root, inside, program):
    target = root / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(program, target)


def call(body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        # As a neighbour in docker compose would.
        connection.request("POST", FUNCTION, json.dumps(body), {"Host": "lambda:8080", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def listens():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 8080)) == 0


def switch_loopback_on():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING


def inside():
    switch_loopback_on()
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
        root = pathlib.Path(folder)
        for name in ("tmp", "proc", "dev", "var/task"):
            (root / name).mkdir(parents=True)
        subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=False)
        (root / "dev/null").touch()
        subprocess.run(["mount", "--bind", "/dev/null", root / "dev/null"], check=True)
        programs = [binary("mayfly"), binary("misbehaving"), binary("mayfly-telemetry"), pathlib.Path("/bin/sh")]
        with_libraries(root, *programs)
        for place, program in zip(("usr/local/bin/aws-lambda-rie", "var/runtime/bootstrap",
                                   "opt/extensions/mayfly-telemetry", "bin/sh"), programs):
            install(root, place, program)
        write_program(root / "lambda-entrypoint.sh", ENTRYPOINT)
        try:
            serves(root)
        finally:
            subprocess.run(["umount", root / "proc"], check=False, capture_output=True)
            subprocess.run(["umount", root / "dev/null"], check=True)


def serves(root):
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as log:
        def text(file):
            file.seek(0)
            return file.read().decode()

        container = subprocess.Popen([shutil.which("chroot"), root, "/lambda-entrypoint.sh", "app.handler"], stdin=subprocess.DEVNULL,
                                     stdout=output, stderr=log, cwd="/",
                                     env={"AWS_LAMBDA_FUNCTION_TIMEOUT": "2", "OF_THE_IMAGE": "yes",
                                          "PATH": "/usr/local/bin:/bin"})
        try:
            wait_until(lambda: container.poll() is not None or listens(), "port 8080")
            equal(container.poll(), None)
            started = "[INFO] (rapid) exec '/var/runtime/bootstrap' (cwd=/, handler=)"
            wait_until(lambda: started in text(log), started)
            equal(call({"act": "nothing"}), (200, "null"))
            report = wait_until(lambda: re.search("^REPORT RequestId: .*", text(output), re.MULTILINE), "REPORT").group()
            contains(report, "\tMemory Size: 3008 MB\t")
            contains(text(output), "mayfly-telemetry")  # it tells that it has no destination
            status, body = call({"act": "exit", "n": 3})
            equal(status, 502)
            contains(body, '"errorType":"Runtime.ExitError"')
            equal(call({"act": "hang"}), (200, "Task timed out after 2.00 seconds"))
            equal(call({"act": "nothing"}), (200, "null"))
        except BaseException:
            sys.stderr.write(f"--- output ---\n{text(output)}\n--- log ---\n{text(log)}\n")
            raise
        finally:
            container.send_signal(signal.SIGTERM)
        equal(container.wait(PATIENCE_S), 0)


if len(sys.argv) > 1:
    inside()
else:
    for namespaces in (["unshare", "-mn"], ["unshare", "-Urmn"]):
        if shutil.which("unshare") and subprocess.run([*namespaces, "true"], capture_output=True).returncode == 0:
            sys.exit(subprocess.run([*namespaces, sys.executable, "-B", __file__, "inside"]).returncode)
    print("no namespaces here")
    sys.exit(SKIPPED)
