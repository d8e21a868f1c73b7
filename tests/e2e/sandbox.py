"""What the scripts share: an environment of ours with programs of ours in it,
and proof that nothing of it is left when a script ends.

A script is one behaviour; its name is the sentence. It ends with 0 if that
holds. MAYFLY_BIN is the folder with the programs under test.
"""

import contextlib
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "contract"), str(TESTS / "foreign")]

from actor import PATIENCE_S  # noqa: E402, F401
from environment import Mayfly, actor_command, binary, free_port, wait_until, write_program  # noqa: E402, F401

MARKER = "MAYFLY_E2E"


def misbehaving(*words):
    return [binary("misbehaving"), *words]


def foreign(language, *program):
    """What tests/foreign/builds.py makes; ends the script as skipped where it cannot."""
    import builds
    try:
        return getattr(builds, language)(*program)
    except builds.Missing as missing:
        print(missing)
        sys.exit(77)


def telemetry_daemon():
    """As {name: script} for Environment(programs=…). Its receiver and its spool are
    off if nothing else is said: scripts run beside each other, and there are one
    port 4318 and, without rights, one /tmp."""
    return {"mayfly-telemetry": '#!/bin/sh\n: "${MAYFLY_TELEMETRY_RECEIVER:=off}" "${MAYFLY_TELEMETRY_SPOOL:=off}"\n'
                                'export MAYFLY_TELEMETRY_RECEIVER MAYFLY_TELEMETRY_SPOOL\n'
                                f"exec {binary('mayfly-telemetry')}\n"}


@contextlib.contextmanager
def mayfly_run(variables=None, **named):
    """`mayfly run`, for as long as the with-block. Its output is shown when the
    block fails; afterwards no process and no listening port may be left."""
    marker = secrets.token_hex(8)
    env = Mayfly(variables={**(variables or {}), MARKER: marker}, **named)
    try:
        yield env
    except BaseException:
        sys.stderr.write(f"--- output ---\n{env.output()}\n--- log ---\n{env.log()}\n")
        raise
    finally:
        env.close()
    nothing_is_left(marker, env.port)


def act(env, what, n=None, **named):
    """One call of the misbehaving function."""
    return env.call(json.dumps({"act": what, "n": n}).encode(), **named)


def calling(env, condition):
    """The same condition, with a call before each look at it: between calls the
    processes are frozen, and whoever shall do something later needs calls."""
    def look():
        act(env, "nothing")
        return condition()
    return look


def works(env):
    """The environment answers, whatever happened before."""
    equal(act(env, "nothing").body, b"null")


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"\nfound    {str(found)[:2000]}\nexpected {str(expected)[:2000]}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"no {part!r} in:\n{text}")


def matches(text, pattern):
    if not re.search(pattern, text, re.MULTILINE):
        raise AssertionError(f"no /{pattern}/ in:\n{text}")


def is_function_error(answer, error_type, message):
    """`message`: a pattern for the whole of it."""
    equal(answer.status, 200)
    equal(answer.header("X-Amz-Function-Error"), "Unhandled")
    equal(answer.json()["errorType"], error_type)
    matches(answer.json()["errorMessage"], f"^(?:{message})$")


def run(command, variables=None, **named):
    """A program with these variables only, ended; its text outputs."""
    return subprocess.run([str(word) for word in command], env=variables or {}, text=True, capture_output=True,
                          timeout=PATIENCE_S, stdin=subprocess.DEVNULL, **named)


# -- what runs --

def processes_with(marker):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"{MARKER}={marker}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def process_named(name, marker):
    """The one of that environment whose program has this name."""
    def look():
        for pid in processes_with(marker):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/exe").rpartition("/")[2] == name:
                    return pid
    return wait_until(look, f"a process {name}")


def listening_ports(pid):
    """The TCP ports on which a process listens."""
    sockets = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(entry))
    lines = pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return [int(field[1].rpartition(":")[2], 16) for field in fields
            if field[3] == "0A" and f"socket:[{field[9]}]" in sockets]


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def nothing_is_left(marker, port):
    wait_until(lambda: not processes_with(marker), f"the end of {processes_with(marker)}")
    equal(is_listening(port), False)


# -- the daemon and its backends --

class Backend:
    """An OTLP/HTTP receiver that is not ours, as a process: otlp_sink.py with
    these options. `records` are the log records, in order; `everything` has data points
    and spans, too."""

    def __init__(self, folder, *options):
        sink = pathlib.Path(__file__).resolve().parent.parent / "extensions" / "otlp_sink.py"
        port_file, self._output = folder / "sink-port", folder / "sink-output"
        with open(self._output, "wb") as output:
            self._process = subprocess.Popen([sys.executable, sink, "--port", "0", "--port-file", port_file, "--json",
                                              *options], stdout=output, stderr=subprocess.DEVNULL)
        wait_until(port_file.exists, "the sink's port")
        self.port = int(port_file.read_text())

    @property
    def everything(self):
        lines = self._output.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def records(self):
        return [record for record in self.everything if "body" in record]

    def wait_for(self, body, calls_of=None):
        """The first record with this body; with calls of that environment meanwhile."""
        def look():
            return next((r for r in self.records if r["body"] == body), None)
        return wait_until(calling(calls_of, look) if calls_of else look, f"the record {body!r}")

    def wait_for_one(self, **members):
        """The first record with these members."""
        def look():
            return next((r for r in self.everything if members.items() <= r.items()), None)
        return wait_until(look, f"a record with {members}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def with_backend(*options, variables=None, programs=None, scheme="http", signals="logs", **named):
    """mayfly_run() of the misbehaving function and the daemon, which sends these
    signals to a Backend with these options. A `scheme` of https needs a Backend with
    a certificate."""
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
        with Backend(pathlib.Path(folder), *options) as backend:
            destination = {"MAYFLY_TELEMETRY_DESTINATIONS": f"otlp+{scheme}://127.0.0.1:{backend.port}#signals={signals}"}
            with mayfly_run(command=misbehaving(), programs=programs or telemetry_daemon(),
                            variables={**destination, **(variables or {})}, **named) as env:
                yield env, backend


def make_certificate(folder):
    """An authority of the test's own and, signed by it, a certificate with its key for
    127.0.0.1: the files of both."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for words in (["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority"],
                  ["req", *key, "-keyout", "key", "-out", "csr", "-subj", "/CN=backend",
                   "-addext", "subjectAltName=IP:127.0.0.1"],
                  ["x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                   "-copy_extensions", "copy", "-out", "cert"]):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    (folder / "server.pem").write_text((folder / "cert").read_text() + (folder / "key").read_text())
    return folder / "ca.pem", folder / "server.pem"


def own_mounts():
    """The words that give a command mounts of its own; ends the script as skipped
    where there is no way."""
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    print("neither root nor user namespaces")
    sys.exit(77)
