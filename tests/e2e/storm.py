"""A storm: many callers, while processes are killed, stopped, made to hang, to
exit, to crash in Init and to answer wrongly; and the books behind it.

Everything is drawn from one seed, which is printed. A script takes --seconds and
--seed; what it draws is the same for the same seed, what comes of it is not.

Books: every call has a request id of its caller's choice, which the function
prints and answers. So callers, function, `--json` and metrics can be compared
call by call.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time
import uuid

import botocore.eventstream

from sandbox import MARKER, PATIENCE_S, binary, equal, wait_until

INVOKE = "/2015-03-31/functions/storm/invocations"
STREAM = "/2021-11-15/functions/storm/response-streaming-invocations"
LOST = "lost"  # the caller went away, or the connection did

# What an event asks for, and how often.
ACTS = {"echo": 60, "noise": 3, "error": 4, "exit": 2, "leave": 1, "segfault": 1, "kill": 2, "hang": 1, "stop": 1,
        "spawn": 2, "half": 3, "twice": 3, "other": 3, "then-exit": 2,
        "stream": 6, "stream-error": 2, "stream-cut": 2, "stream-exit": 2, "stream-hang": 1}
INIT_FAULTS = ["init-exit", "init-leave", "init-segfault", "init-error", "extension-init-exit", "extension-init-leave",
               "extension-init-error"]
FAULTS = ["extension-exit", "extension-leave", "extension-segfault", "extension-hang", "extension-stop",
          "extension-error", "extension-linger"]
SLOW_FAULTS = ["init-hang", "init-stop", "extension-init-hang", "extension-init-stop"]  # ten seconds each

# Error types that callers may see.
OF_FUNCTION = {"Function.Storm", "Function.StormInit"}
OF_PLATFORM = {"Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "Runtime.TruncatedResponse",
               "Runtime.Unknown", "Extension.Crash", "Extension.InitError", "Extension.ExitError"}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(1_000_000)
    print(f"--seconds {given.seconds} --seed {given.seed}", flush=True)
    return given


def stormy(more_options=(), extensions=("alpha", "beta"), max_environments=8):
    """Arguments for mayfly_run()."""
    program = binary("stormy")
    return {"command": [program], "timeout": 1,
            "programs": {name: f"#!/bin/sh\nexec {program} extension {name}\n" for name in extensions},
            "options": ["--json", "--max-environments", str(max_environments), "--name", "storm", *more_options]}


class Outcome:
    """What a caller has got: a status, or LOST; how the function failed, if it did."""

    def __init__(self, status, error_type=None, body=b""):
        self.status, self.error_type, self.body = status, error_type, body

    def __str__(self):
        return f"{self.status} {self.error_type} {self.body[:200]!r}"


class Call:
    def __init__(self, kind, act):
        self.id, self.kind, self.act = str(uuid.uuid4()), kind, act
        self.outcome = None


class Tail:
    """What --json tells, since the last look; whole lines."""

    def __init__(self, env):
        self._file, self._read = env.folder / "output", 0

    def new(self, *types):
        with open(self._file, "rb") as output:
            output.seek(self._read)
            lines = output.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        self._read += sum(map(len, lines))
        marks = [f'"type":"{one}"'.encode() for one in types]
        return [json.loads(line) for line in lines if any(mark in line for mark in marks)]


class Storm:
    def __init__(self, env, folder, given, callers=10):
        self.env, self.folder, self.given = env, folder, given
        self.calls = []
        self._random = random.Random(given.seed)
        self._over = threading.Event()
        self._broken = []
        self._threads = [threading.Thread(target=self._watched, args=(self._call_on, random.Random(f"{given.seed}/{n}")))
                         for n in range(callers)]
        self._threads.append(threading.Thread(target=self._watched, args=(self._harm, self._random)))
        self.marker = env.variables[MARKER]
        self._tail, self._alive = Tail(env), {}
        self.harm = collections.Counter()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.calm()

    def rage(self, share=1.0):
        time.sleep(self.given.seconds * share)

    def calm(self):
        """Returns when every caller has its last answer."""
        self._over.set()
        for thread in self._threads:
            thread.join(4 * PATIENCE_S)
            if thread.is_alive():
                raise AssertionError("a caller waits for ever")
        if self._broken:
            raise AssertionError("\n".join(self._broken[:5]))

    def _watched(self, work, dice):
        try:
            work(dice)
        except Exception as error:  # to be told by calm()
            self._broken.append(f"{type(error).__name__}: {error}")

    # -- callers --

    def _call_on(self, dice):
        while not self._over.is_set():
            kind = dice.choices(["wait", "event", "stream", "leave"], [65, 15, 17, 3])[0]
            act = dice.choices(list(ACTS), list(ACTS.values()))[0]
            call = Call(kind, act)
            self.calls.append(call)
            call.outcome = self._ask(call, dice.choice([0, 0, 0, 1, 5, 20]))
            if call.outcome.status in (LOST, 429):
                time.sleep(0.02)

    def _ask(self, call, ms):
        fields = {"X-Amzn-RequestId": call.id, "Content-Type": "application/json"}
        if call.kind == "event":
            fields["X-Amz-Invocation-Type"] = "Event"
        connection = http.client.HTTPConnection("127.0.0.1", self.env.port, timeout=4 * PATIENCE_S)
        try:
            connection.request("POST", STREAM if call.kind == "stream" else INVOKE,
                               json.dumps(f"{call.id} {call.act} {ms}"), fields)
            if call.kind == "leave":
                connection.sock.close()
                return Outcome(LOST)
            answer = connection.getresponse()
            body = answer.read()
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException):
            return Outcome(LOST)
        finally:
            connection.close()
        if call.kind == "stream" and answer.status == 200:
            return self._stream_outcome(call, body)
        failed = answer.headers.get("X-Amz-Function-Error")
        try:
            return Outcome(answer.status, json.loads(body)["errorType"] if failed else None, body)
        except (ValueError, KeyError):
            raise AssertionError(f"{call.kind} {call.act} {call.id}: {answer.status} {failed} {body}") from None

    @staticmethod
    def _stream_outcome(call, body):
        frames = botocore.eventstream.EventStreamBuffer()
        frames.add_data(body)
        payload, end = b"", []
        for frame in frames:
            if end:
                raise AssertionError(f"{call.id}: a frame behind the last one")
            kind = frame.headers.get(":event-type") or frame.headers.get(":exception-type")
            if kind == "PayloadChunk":
                payload += frame.payload
            else:
                end.append((kind, frame.payload))
        if not end:
            return Outcome(LOST, None, payload)
        kind, last = end[0]
        if kind != "InvokeComplete":
            return Outcome(503, kind, last)
        # The code is "Unhandled" for whatever it was.
        details = json.loads(last).get("ErrorDetails")
        return Outcome(200, json.loads(details)["errorType"] if details else None, details.encode() if details else payload)

    # -- harm --

    def _processes(self):
        """Those of the environments, as --json tells of them."""
        for told in self._tail.new("mayfly.process", "mayfly.exit"):
            key = (told.get("env"), told["record"]["process"])
            if told["type"] == "mayfly.process":
                self._alive[key] = told["record"]["pid"]
            else:
                self._alive.pop(key, None)
        return sorted(self._alive.items())

    def _signal(self, pid, number):
        """Only to a process of ours: a number may be another's by now."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return
        try:
            environ = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            if f"{MARKER}={self.marker}".encode() in environ.split(b"\0"):
                signal.pidfd_send_signal(handle, number)
        except OSError:
            pass
        finally:
            os.close(handle)

    def _harm(self, dice):
        stopped = []
        faults = INIT_FAULTS + FAULTS + (SLOW_FAULTS if self.given.seconds >= 30 else [])
        while not self._over.wait(dice.uniform(0.005, 0.12)):
            while stopped and stopped[0][0] <= time.monotonic():
                self._signal(stopped.pop(0)[1], signal.SIGCONT)
            if dice.random() < 0.4:
                fault = dice.choice(faults)
                self.harm[fault] += 1
                (self.folder / fault).touch()
                continue
            processes = self._processes()
            if not processes:
                continue
            _, pid = dice.choice(processes)
            number = dice.choice([signal.SIGKILL] * 4 + [signal.SIGSTOP, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
            self.harm[number.name] += 1
            self._signal(pid, number)
            if number == signal.SIGSTOP:
                stopped.append((time.monotonic() + dice.uniform(0, 1.5), pid))
        for _, pid in stopped:
            self._signal(pid, signal.SIGCONT)
        for fault in self.folder.iterdir():
            fault.unlink(missing_ok=True)

    # -- the books --

    def told(self):
        """What --json has told, by type."""
        by_type = collections.defaultdict(list)
        for line in self.env.output().splitlines():
            record = json.loads(line)
            by_type[record["type"]].append(record)
        return by_type

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.env.port, timeout=PATIENCE_S)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
        return int(sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)))

    def drained(self):
        """Whatever was accepted has ended, events too; as long as that takes, while it goes on."""
        open_calls = {call.id for call in self.calls if call.outcome.status in (200, 202)}
        tail = Tail(self.env)

        def some_end():
            ended = {told["record"]["requestId"] for told in tail.new("platform.report")} & open_calls
            open_calls.difference_update(ended)
            return ended or not open_calls

        while open_calls:
            wait_until(some_end, f"the end of one of {len(open_calls)} calls")

    def balance(self, ended_early=False):
        """Every accepted call has one START, one REPORT and one answer, which is its own.
        With `ended_early`, mayfly was told to end while it stormed."""
        told = self.told()
        starts = collections.Counter(one["record"]["requestId"] for one in told["platform.start"])
        reports = collections.defaultdict(list)
        for one in told["platform.report"]:
            reports[one["record"]["requestId"]].append(one["record"])
        ran = collections.Counter(one["record"][4:] for one in told["function"] if str(one["record"]).startswith("ran "))
        known = {call.id: call for call in self.calls}
        equal(sorted(set(starts) - set(known)), [])
        equal(starts, collections.Counter({one: len(all_) for one, all_ in reports.items()}))
        for call in self.calls:
            self._balance_call(call, reports.get(call.id, []), ran[call.id], ended_early)
        cut_off = [call for call in self.calls if call.outcome.status == 202 and
                   all(one["status"] == "failure" for one in reports.get(call.id, []))]
        notes = re.findall(r"(\d+) accepted events did not run to their end",
                           " ".join(one["record"]["message"] for one in told["mayfly.notice"]))
        equal(sum(int(note) for note in notes), len(cut_off))
        return told, reports

    def _balance_call(self, call, reports, runs, ended_early):
        what = f"{call.kind} {call.act} {call.id}: {call.outcome}, reports {reports}, {runs} runs"
        outcome = call.outcome
        if len(reports) > 1 or runs > 1:
            raise AssertionError(f"ran more than once: {what}")
        if outcome.status == LOST:
            if call.kind != "leave" and (reports or not ended_early):
                raise AssertionError(f"no answer: {what}")
            return
        if outcome.status == 429:
            if reports or runs:
                raise AssertionError(f"throttled and yet run: {what}")
            return
        if outcome.status == 503 or outcome.status == 500:
            if not ended_early:
                raise AssertionError(f"refused: {what}")
            return
        if outcome.status != (202 if call.kind == "event" else 200):
            raise AssertionError(f"status: {what}")
        if not reports and not (ended_early and call.kind == "event"):
            raise AssertionError(f"no report: {what}")
        if call.kind != "event":
            self._balance_answer(call, reports[0], runs, what)

    @staticmethod
    def _balance_answer(call, report, runs, what):
        outcome = call.outcome
        whole = f'"{call.id}"'.encode()
        if outcome.error_type is None:
            right = runs == 1 and outcome.body == whole
        elif outcome.error_type in OF_FUNCTION:
            # Init's words name no call.
            right = report["status"] != "success" or call.act == "stream-error"
        elif outcome.error_type in OF_PLATFORM:
            right = report["status"] != "success" and (call.kind == "stream" or call.id.encode() in outcome.body)
        else:
            right = False
        if not right:
            raise AssertionError(f"not its answer: {what}")

    def balance_figures(self, told, reports):
        """Callers, metrics and REPORTs count the same."""
        all_ = [one for each in reports.values() for one in each]
        equal(self.metric("lambda_invocations_total"), len(all_))
        equal(self.metric("lambda_errors_total"), sum(one["status"] != "success" for one in all_))
        refused = sum(call.outcome.status == 429 for call in self.calls)
        told_refused = [one["record"]["requestId"] for one in told["mayfly.throttle"]]
        left = {call.id for call in self.calls if call.kind == "leave"}
        equal(len([one for one in told_refused if one not in left]), refused)
        equal(self.metric("lambda_throttles_total"), len(told_refused))

    def describe(self):
        """One line for whoever reads the output."""
        kinds = collections.Counter(str(call.outcome.status) if call.outcome.error_type is None
                                    else call.outcome.error_type for call in self.calls if call.outcome)
        print(f"{len(self.calls)} calls: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()) + "; " +
              ", ".join(f"{n} {name}" for name, n in self.harm.most_common()), flush=True)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
