"""A process that an environment starts as its runtime or as an extension and
that does only what a test tells it (see actor.py for the test's side).

It lends the test its network: each connection the test opens goes through this
process, so that all of them die with it, as those of a real runtime would.

Arguments: NAME of the actor, then the NAME of the test's abstract socket.
Standard library only; started as `python3 -I -S actor_process.py NAME SOCKET`.
"""

import json
import os
import signal
import socket
import sys
import threading


def descriptors():
    """What each open descriptor is, before this process opened any of its own."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            found[entry] = os.readlink("/proc/self/fd/" + entry)
        except OSError:
            pass  # the one listdir itself used
    return found


def environment():
    """As it was given; Python itself may have added to os.environ."""
    with open("/proc/self/environ", "rb") as given:
        pairs = given.read().decode(errors="surrogateescape").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def signals(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith(field))


def copy(source, target):
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # The target takes no more. What it still has to say travels on the
        # other direction, so only this one ends.
        try:
            source.shutdown(socket.SHUT_RD)
        except OSError:
            pass


def lend_connection(tunnel):
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    api = socket.create_connection((host, int(port)))
    api.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for ends in ((tunnel, api), (api, tunnel)):
        threading.Thread(target=copy, args=ends, daemon=True).start()


def main():
    hello = {
        "name": sys.argv[1], "pid": os.getpid(), "parent": os.getppid(), "group": os.getpgrp(),
        "environment": environment(), "arguments": sys.argv[3:], "folder": os.getcwd(),
        "descriptors": descriptors(), "umask": os.umask(0o22),
        "blocked_signals": signals("SigBlk"), "ignored_signals": signals("SigIgn"),
    }
    control = socket.socket(socket.AF_UNIX)
    control.connect("\0" + sys.argv[2])

    def tell(message):
        control.sendall(json.dumps(message).encode() + b"\n")

    names = {"os": os, "signal": signal, "sys": sys, "sigterm_exits": True}

    def on_sigterm(number, frame):
        tell({"signal": "SIGTERM"})
        if names["sigterm_exits"]:
            os._exit(0)

    signal.signal(signal.SIGTERM, on_sigterm)
    tell(hello)
    received = b""
    while True:
        chunk, passed, _, _ = socket.recv_fds(control, 65536, 16)
        if not chunk:
            os._exit(0)  # the test is over
        received += chunk
        for descriptor in passed:
            lend_connection(socket.socket(fileno=descriptor))
        while b"\n" in received:
            line, received = received.split(b"\n", 1)
            if line:
                code = json.loads(line)
                try:
                    tell({"result": eval(code, names)})
                except SyntaxError:
                    exec(code, names)
                    tell({"result": None})


main()
