"""An execution environment under test: the official emulator (`rie`), ours
(`mayfly`), or ours in the other's place (`drop_in`), started as the process a
user would start.

MAYFLY_BIN is the folder with our programs; the official emulator comes inside
the aws-sam-cli wheel. It has its extensions in /opt/extensions and nowhere else:
with extensions it runs in a mount namespace of its own, where /opt is a folder
of the test. Never ask it for --help: that starts it, on all interfaces.
"""

import http.client
import importlib.util
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from actor import PATIENCE_S, Answer, Pending, Stage

HERE = pathlib.Path(__file__).resolve().parent
MAX_CONCURRENCY = 4  # of ManagedRie and ManagedMayfly
FUNCTION = "/2015-03-31/functions/{}/invocations"


def wait_until(condition, what):
    """Asks again and again; the value of `condition` once it is true."""
    give_up = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited {PATIENCE_S} s for {what}")
        time.sleep(0.01)
    return value


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def actor_command(name, stage):
    return [sys.executable, "-I", "-S", str(HERE / "actor_process.py"), name, stage.name]


def write_program(path, text, mode=0o755):
    """A script to be started. Written by a process of its own: a descriptor open
    for writing that another thread's fork inherits would make it "text busy"."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["sh", "-c", 'cat > "$0"', str(path)], input=text.encode(), check=True)
    path.chmod(mode)
    return path


class Traces:
    """What a run of ours would leave behind if it did not clean up: its record, its
    control groups, processes in them or with its variable, its port. `pid`: of
    mayfly, while it runs; where it can write no record, only the port is known."""

    def __init__(self, pid, port):
        self._port, self._paths, self._run = port, [], None
        user = os.geteuid()
        places = [os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{user}"]
        folders = [pathlib.Path(place) / "mayfly" for place in places if place] + [pathlib.Path(f"/tmp/mayfly-{user}")]
        for file in (file for folder in folders if folder.is_dir() for file in folder.iterdir()):
            try:
                lines = file.read_text().splitlines()
            except OSError:
                continue  # of a run that has just ended
            if f"pid {pid}" in lines:
                self._run = file.name
                self._paths = [file] + [pathlib.Path(line.split(" ", 2)[2]) for line in lines if line.startswith("group")]
                self._paths.append(pathlib.Path(f"/tmp/mayfly-run-{file.name}"))

    def left(self):
        found = [str(path) for path in self._paths if path.exists()]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                found.append(f"port {self._port}")
        return found + [f"process {pid}" for pid in self._processes()]

    def _processes(self):
        if not self._run:
            return
        marks = {"cgroup": f"/mayfly-{self._run}", "environ": f"MAYFLY_RUN={self._run}/"}
        for entry in pathlib.Path("/proc").iterdir():
            for file, mark in marks.items() if entry.name.isdigit() else ():
                try:
                    if mark.encode() in (entry / file).read_bytes():
                        yield entry.name
                        break
                except OSError:
                    pass


class Environment:
    """Started by the constructor, ready for invocations. `command` is what runs as
    the runtime (an actor called runtime if None), `extensions` are the names of
    actors, `programs` further extensions as {name: script}."""

    server = ""
    traces = None  # of what is ours

    def __init__(self, command=None, extensions=(), programs=None, timeout=PATIENCE_S, variables=None,
                 handler=None, options=(), folder=None):
        self.stage = Stage()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
        self.function = "function"
        self._command = [str(word) for word in (actor_command("runtime", self.stage) if command is None else command)]
        self._working_folder = folder or self.folder
        self._timeout = timeout
        self.variables = dict(variables or {})
        self._handler = handler
        self._options = list(options)
        self._output = open(self.folder / "output", "wb")
        self._log = open(self.folder / "log", "wb")
        self.extension_folder = None
        if extensions or programs:
            self.extension_folder = self.folder / "opt" / "extensions"
            for name in extensions:
                words = " ".join(f"'{word}'" for word in actor_command(name, self.stage))
                write_program(self.extension_folder / name, f"#!/bin/sh\nexec {words}\n")
            for name, script in (programs or {}).items():
                write_program(self.extension_folder / name, script)
        self.process = self._start()

    def _spawn(self, command, variables):
        # Its standard input is not what its processes are to have.
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._output, stderr=self._log,
                                env=variables, cwd=self._working_folder)

    # -- what the processes in it do --

    def actor(self, name="runtime"):
        return self.stage.actor(name)

    # -- what it says --

    def output(self):
        return (self.folder / "output").read_text(errors="replace")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def everything(self):
        return self.output() + self.log()

    def wait_for(self, pattern):
        """The first match of the pattern in output or log."""
        return wait_until(lambda: re.search(pattern, self.everything(), re.MULTILINE), f"/{pattern}/ in the output")

    # -- its callers --

    def call(self, payload=b"{}", headers=None, method="POST", path=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2 * PATIENCE_S)
        try:
            connection.request(method, path or FUNCTION.format(self.function), payload, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def begin_call(self, *arguments, **named):
        return Pending(lambda: self.call(*arguments, **named))

    # -- its end --

    def stop(self):
        """As Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def begin_stop(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        return self.process.wait(PATIENCE_S)

    def close(self):
        self.stage.close()  # which ends the actors
        try:
            if self.process.poll() is None:
                self._end()
        finally:
            self.process.stdin.close()
            self._output.close()
            self._log.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        if self.traces and self.process.returncode == 0 and (left := self.traces.left()):
            raise RuntimeError(f"it has left behind: {left}")

    def _end(self):
        """Whatever happened in it, it ends well; sanitizers would make it end badly."""
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status != 0:
            raise RuntimeError(f"it ended with {status}:\n{self.everything()}")


def binary(name):
    """A program of ours."""
    return pathlib.Path(os.environ["MAYFLY_BIN"]) / name


class Rie(Environment):
    server = "rie"
    memory_mb = 3008

    @staticmethod
    def program():
        """Where the official emulator is, or None."""
        wheel = importlib.util.find_spec("samcli")
        machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
        found = wheel and pathlib.Path(wheel.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{machine}"
        return found if found and found.exists() else None

    def _start(self):
        variables = {**os.environ, "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._timeout), **self.variables}
        if self._handler:
            variables["AWS_LAMBDA_FUNCTION_HANDLER"] = self._handler
        for _ in range(5):  # a free port may be taken before the emulator gets it
            self.port, api_port = free_port(), free_port()
            self._awaited = self._ports_at_start(api_port)
            command = [str(self.program()), "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
                       "--runtime-api-address", f"127.0.0.1:{api_port}", *self._options, *self._command]
            process = self._spawn(self._with_mounts(command), variables)
            if wait_until(lambda: process.poll() is not None or self._answers(), "the emulator's port") is True:
                return process
        raise RuntimeError("the emulator does not start:\n" + self.log())

    def _with_mounts(self, command):
        if not self.extension_folder:
            return command
        mount = 'mount --bind "$1" /opt && shift && exec "$@"'
        return [*own_mounts(), "sh", "-c", mount, "-", str(self.extension_folder.parent), *command]

    def _end(self):
        self.process.kill()  # its shutdown takes seconds, and is not ours to test
        self.process.wait()

    def _ports_at_start(self, api_port):
        """It listens on them one after the other, and starts a runtime that comes before the second all the same."""
        return self.port, api_port

    def _answers(self):
        try:
            for port in self._awaited:
                socket.create_connection(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            return False


class ManagedRie(Rie):
    """For Managed Instances it starts /var/task/bootstrap as a user of its own
    and nothing else, so that /var is the test's here, and a command is copied there."""

    MOUNTS = """
        set -e
        mount -t tmpfs -o mode=755 none "$1"
        mkdir "$1/upper" "$1/work"
        mount -t overlay -o "lowerdir=/var,upperdir=$1/upper,workdir=$1/work" overlay /var
        mkdir -p /var/task
        cp "$2/"*.py /var/task
        if [ -x "$3" ]; then cp "$3" /var/task/bootstrap; else printf '%s' "$3" > /var/task/bootstrap; fi
        chmod 755 /var/task/bootstrap
        if [ "$4" ]; then mount --bind "$4" /opt; fi
        cd /var/task
        shift 4
        exec "$@"
    """

    @staticmethod
    def program():
        return Rie.program() if os.geteuid() == 0 and own_mounts() else None

    def _with_mounts(self, command):
        # Our own may lie where that user cannot read.
        python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or os.path.realpath(sys.executable)
        script = f"#!/bin/sh\nexec {python} -I -S /var/task/actor_process.py runtime '{self.stage.name}'\n"
        if self._command != actor_command("runtime", self.stage):
            script = self._command[0]
        var = self.folder / "var"
        var.mkdir()
        opt = str(self.extension_folder.parent) if self.extension_folder else ""
        return [*own_mounts(), "sh", "-c", self.MOUNTS, "-", str(var), str(HERE), script, opt, *command]

    def _start(self):
        self.variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(MAX_CONCURRENCY)
        return super()._start()


class DropIn(Rie):
    """Ours under the name aws-lambda-rie, started as the official one is."""

    server = "drop_in"

    def _ports_at_start(self, _):
        return (self.port,)  # the other one with the first environment

    @staticmethod
    def program():
        return binary("aws-lambda-rie") if "MAYFLY_BIN" in os.environ and binary("aws-lambda-rie").exists() else None

    def _start(self):
        process = super()._start()
        self.traces = Traces(process.pid, self.port)
        return process

    def _end(self):
        Environment._end(self)


class ManagedDropIn(DropIn):
    def _start(self):
        self.variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(MAX_CONCURRENCY)
        return super()._start()


class Mayfly(Environment):
    server = "mayfly"
    memory_mb = 128

    @staticmethod
    def program():
        return binary("mayfly") if "MAYFLY_BIN" in os.environ and binary("mayfly").exists() else None

    def _start(self):
        ready = self.folder / "ready"
        command = [str(self.program()), "run", "--listen", "127.0.0.1:0", "--ready-file", str(ready),
                   "--timeout", str(self._timeout), "--view", "log"]
        for name, value in self.variables.items():
            command += ["--env", f"{name}={value}"]
        if self._handler:
            command += ["--handler", self._handler]
        if self.extension_folder:
            command += ["--extensions", str(self.extension_folder)]
        process = self._spawn([*command, *self._options, *(["--", *self._command] if self._command else [])],
                              dict(os.environ))
        wait_until(lambda: process.poll() is not None or ready.exists(), "--ready-file")
        if process.poll() is not None:
            raise RuntimeError(f"mayfly run ended with {process.returncode}:\n" + self.everything())
        self.port = int(ready.read_text().strip().rpartition(":")[2].rstrip("/"))
        self.traces = Traces(process.pid, self.port)
        return process


class ManagedMayfly(Mayfly):
    def _start(self):
        self._options += ["--max-concurrency", str(MAX_CONCURRENCY)]
        return super()._start()


def own_mounts():
    """The words before a command that give it mounts of its own, or None."""
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        if shutil.which("unshare") and subprocess.run([*words, "sh", "-c", "mount -t tmpfs none /opt"],
                                                      capture_output=True).returncode == 0:
            return words
    return None
