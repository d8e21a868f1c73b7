"""Actors: scripted runtimes and extensions, seen from the test.

An environment starts actor_process.py where a bootstrap or an extension would
be; the process calls in here, and the test speaks for it:

    runtime = environment.actor("runtime")
    event = runtime.next()
    runtime.respond(event.request_id, b'"done"')
"""

import http.client
import json
import queue
import secrets
import socket
import threading

# Guards against a hang. No case waits this long when things are well.
PATIENCE_S = 30

RUNTIME = "/2018-06-01/runtime"
EXTENSION = "/2020-01-01/extension"
TELEMETRY = "/2022-07-01/telemetry"


class Answer:
    """An HTTP answer, whole."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def header(self, name):
        return self.headers.get(name)

    def json(self):
        return json.loads(self.body)

    @property
    def request_id(self):
        return self.header("Lambda-Runtime-Aws-Request-Id")

    @property
    def error_type(self):
        return self.json().get("errorType")

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Pending:
    """A request that may block: made on a thread, asked for its answer later."""

    def __init__(self, exchange):
        self._outcome = None
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(exchange,), daemon=True)
        self._thread.start()

    def _run(self, exchange):
        try:
            self._outcome = exchange()
        except Exception as failure:  # told to whoever asks for the answer
            self._failure = failure

    def answer(self):
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            raise TimeoutError(f"no answer within {PATIENCE_S} s")
        if self._failure:
            raise self._failure
        return self._outcome

    def done(self):
        return not self._thread.is_alive()


class _Connection(http.client.HTTPConnection):
    def __init__(self, actor):
        host, _, port = actor.environment["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
        super().__init__(host, int(port))
        self._actor = actor

    def connect(self):
        self.sock = self._actor.tunnel()


class Actor:
    """One process of an environment: what it was given, and what it does."""

    def __init__(self, control, hello):
        self._control = control
        self._results = queue.Queue()
        self._tunnels = []
        self._kept = None
        self.signals = queue.Queue()  # names, in the order of arrival
        self.gone = threading.Event()  # the process has ended
        self.name = hello["name"]
        self.pid = hello["pid"]
        self.environment = hello["environment"]
        self.hello = hello
        self.identifier = None  # Lambda-Extension-Identifier, after register()

    # -- the process itself --

    def run(self, code):
        """Evaluates or executes a line of Python in the process."""
        self._control.sendall(json.dumps(code).encode() + b"\n")
        result = self._results.get(timeout=PATIENCE_S)
        if result is ConnectionError:
            raise ConnectionError(f"{self.name} is gone")
        return result

    def end(self, code):
        """As run(), for code that ends the process: returns when it has."""
        self._control.sendall(json.dumps(code).encode() + b"\n")
        self.wait_until_gone()

    def exit(self, status):
        self.end(f"os._exit({status})")

    def die_of(self, number):
        self.end(f"os.kill(os.getpid(), {int(number)})")

    def write(self, data, descriptor=1):
        self.run(f"os.write({descriptor}, {data.encode() if isinstance(data, str) else data!r})")

    def wait_until_gone(self):
        if not self.gone.wait(PATIENCE_S):
            raise TimeoutError(f"{self.name} still runs after {PATIENCE_S} s")

    def wait_for_signal(self):
        return self.signals.get(timeout=PATIENCE_S)

    def listen(self):
        try:
            with self._control.makefile("rb") as lines:
                for line in lines:
                    message = json.loads(line)
                    if "signal" in message:
                        self.signals.put(message["signal"])
                    else:
                        self._results.put(message["result"])
        except OSError:
            pass
        self.gone.set()
        self._results.put(ConnectionError)

    def close(self):
        for connection in [self._control, *self._tunnels]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # its other end was first
            connection.close()

    # -- HTTP --

    def tunnel(self):
        """A connection to the Runtime API port, made by the process."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"\n"], [theirs.fileno()])
        ours.settimeout(PATIENCE_S)
        self._tunnels.append(ours)
        return ours

    def _exchange(self, connection, method, path, body, headers):
        try:
            connection.request(method, path, body, headers or {})
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered before it had read all: the answer is what counts
        return Answer(connection.getresponse())

    def request(self, method, path, body=None, headers=None):
        """On the connection that this actor keeps."""
        if self._kept is None:
            self._kept = _Connection(self)
        return self._exchange(self._kept, method, path, body, headers)

    def begin(self, method, path, body=None, headers=None):
        """On a connection of its own, without waiting for the answer."""
        connection = _Connection(self)
        return Pending(lambda: self._exchange(connection, method, path, body, headers))

    # -- as a runtime --

    def next(self):
        return self.request("GET", RUNTIME + "/invocation/next")

    def begin_next(self):
        return self.begin("GET", RUNTIME + "/invocation/next")

    def respond(self, request_id, body=b"{}", headers=None):
        return self.request("POST", f"{RUNTIME}/invocation/{request_id}/response", body, headers)

    def fail(self, request_id, body=b'{"errorMessage":"no","errorType":"Orders.Unknown"}', headers=None):
        return self.request("POST", f"{RUNTIME}/invocation/{request_id}/error", body, headers)

    def fail_init(self, body=b'{"errorMessage":"no","errorType":"Orders.NoDatabase"}', headers=None):
        return self.request("POST", RUNTIME + "/init/error", body, headers)

    # -- as an extension --

    def register(self, events=("INVOKE", "SHUTDOWN"), name=None, headers=None, body=None):
        if body is None:
            body = json.dumps({"events": list(events)}).encode()
        named = {"Lambda-Extension-Name": self.name if name is None else name}
        answer = self.request("POST", EXTENSION + "/register", body, {**named, **(headers or {})})
        if answer.status == 200:
            self.identifier = answer.header("Lambda-Extension-Identifier")
        return answer

    def _identified(self, headers=None):
        return {"Lambda-Extension-Identifier": self.identifier, **(headers or {})}

    def begin_event(self):
        return self.begin("GET", EXTENSION + "/event/next", headers=self._identified())

    def event(self):
        return self.begin_event().answer()

    def report_failure(self, step, error_type="Extension.Broken", body=b"{}"):
        """`step` is init or exit."""
        headers = self._identified({"Lambda-Extension-Function-Error-Type": error_type})
        return self.request("POST", f"{EXTENSION}/{step}/error", body, headers)


class Stage:
    """Where actors arrive: an abstract socket, so that no file outlives a test
    and a process with another /tmp still finds it."""

    def __init__(self):
        self.name = "mayfly-" + secrets.token_hex(8)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind("\0" + self.name)
        self._listener.listen(16)
        self._arrivals = {}
        self._lock = threading.Lock()
        self._actors = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                control, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(control,), daemon=True).start()

    def _greet(self, control):
        line = b""
        while not line.endswith(b"\n"):
            piece = control.recv(1)
            if not piece:
                return control.close()
            line += piece
        actor = Actor(control, json.loads(line))
        with self._lock:
            self._actors.append(actor)
        self._queue(actor.name).put(actor)
        actor.listen()

    def _queue(self, name):
        with self._lock:
            return self._arrivals.setdefault(name, queue.Queue())

    def actor(self, name):
        """The next process of that name to arrive; each is given out once."""
        try:
            return self._queue(name).get(timeout=PATIENCE_S)
        except queue.Empty:
            raise TimeoutError(f"no process {name} within {PATIENCE_S} s") from None

    def actors(self):
        """Those that have arrived so far."""
        with self._lock:
            return list(self._actors)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for actor in self._actors:
                actor.close()
