"""One function on the runtimes that are not ours (tests/foreign/acts.md), and what
must hold for each of them. A runtime's file says how it is started and what is
special about it; with that its cases are:

    class Go(foreign.Calls, case.Case): …
"""

import base64
import contextlib
import importlib.util
import json
import pathlib
import queue
import socket
import sys
import threading

import case
import divergences
from actor import PATIENCE_S
from environment import MAX_CONCURRENCY

FOREIGN = pathlib.Path(__file__).resolve().parent.parent / "foreign"
sys.path.insert(0, str(FOREIGN))

import builds  # noqa: E402

MEMORY_MB = 512
SAYS_GOODBYE = "the function hears SIGTERM"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
CLIENT_CONTEXT = {"custom": {"plan": "é"}, "env": {"locale": "pl"},
                  "client": {"installation_id": "i-1", "app_title": "shop", "app_version_name": "2.1",
                             "app_version_code": "21", "app_package_name": "com.example.shop"}}


def main(program):
    """As case.main(), where `program()` can be had."""
    try:
        program()
    except builds.Missing as missing:
        print(missing)
        sys.exit(case.SKIPPED)
    case.main()


class Gate:
    """Where functions wait, on a connection each, until the test lets them go."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._arrivals = queue.Queue()
        self._held = []  # None: open
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                connection = self._socket.accept()[0]
                with self._lock:
                    if self._held is None:
                        connection.close()
                    else:
                        self._held.append(connection)
                self._arrivals.put(None)

    def wait_for(self, number):
        """Until so many more are here."""
        for _ in range(number):
            self._arrivals.get(timeout=PATIENCE_S)

    def open(self):
        """For whoever is here and whoever comes."""
        with self._lock:
            for connection in self._held or []:
                connection.close()
            self._held = None

    def close(self):
        self.open()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Runtime:
    """What a runtime's file fills in."""

    folder = FOREIGN  # where it runs
    handler = "function.handler"
    streaming_handler = None  # of an act that streams, where it is another one
    error_type = "OrderInvalid"
    timeout_s = 2  # in which it certainly starts
    one_process = True  # overlapping calls share it

    def command(self, handler):
        raise NotImplementedError

    def function(self, handler=None, **named):
        """It runs, with as much memory as any of them needs."""
        handler = handler or self.handler
        if self.on_mayfly_run:
            named["options"] = ["--memory", str(MEMORY_MB), *named.get("options", ())]
        else:
            named["variables"] = {"LAMBDA_TASK_ROOT": str(self.folder), **named.get("variables", {})}
        start = self.start_managed if named.pop("managed", False) else self.start
        self.gate = Gate()
        self.addCleanup(self.gate.close)
        return start(command=self.command(handler), handler=handler, folder=self.folder, **named)

    def event(self, what, **named):
        return json.dumps({"act": what, "port": self.gate.port, **named}).encode()

    def act(self, what, headers=None, **named):
        return self.environment.call(self.event(what, **named), headers)

    def report(self, **named):
        answer = self.act("report", **named)
        self.answers(answer, 200)
        return answer.json()


class Calls(Runtime):
    """One call at a time."""

    def test_a_cold_and_a_warm_call(self):
        self.function()
        cold, warm = self.report(), self.report()
        self.assertEqual((cold["calls"], warm["calls"]), (1, 2))
        self.assertEqual(cold["pid"], warm["pid"])

    def test_values_come_back(self):
        self.function()
        for value in ({"é": [1, 2.5, None, True]}, "", "\x00 𝄞", "x" * 1_000_000):
            answer = self.act("echo", value=value)
            self.answers(answer, 200)
            self.assertEqual(answer.json(), value)

    def test_the_context(self):
        env = self.function()
        request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
        encoded = base64.b64encode(json.dumps(CLIENT_CONTEXT).encode()).decode()
        report = self.report(headers={"X-Amzn-RequestId": request_id, "X-Amzn-Trace-Id": TRACE,
                                      "X-Amz-Client-Context": encoded, "X-Amz-Tenant-Id": "blue"})
        self.assertEqual(report["request_id"], request_id)
        self.assertRegex(report["arn"], r"^arn:aws:lambda:us-east-1:\d{12}:function:" + report["name"] + "$")
        self.assertEqual((report["tenant"], report["version"]), ("blue", "$LATEST"))
        self.assertEqual((report["client"], report["custom"]), ("i-1", {"plan": "é"}))
        self.assertEqual(int(report["memory"]), MEMORY_MB if self.on_mayfly_run else env.memory_mb)
        self.assertTrue(0 < report["remaining_ms"] <= PATIENCE_S * 1000, report)
        self.assertTrue(report["group"] and report["stream"], report)
        self.differs(divergences.TRACE_ID, report["trace"], mayfly=TRACE, rie="")

    def test_an_error_and_a_call_behind_it(self):
        self.function()
        answer = self.act("fail", n=1)
        self.answers(answer, 200, self.error_type, "no tea ")
        self.differs(divergences.FUNCTION_ERROR, answer.header("X-Amz-Function-Error"), mayfly="Unhandled", rie=None)
        self.assertEqual(self.report()["calls"], 2)

    def test_a_long_error(self):
        """Some runtimes send it a second time in a header field, for X-Ray."""
        self.function()
        self.answers(self.act("fail", n=100_000), 200, self.error_type, "no tea " * 100_000)
        self.assertEqual(self.report()["calls"], 2)

    def test_an_exit_and_a_call_behind_it(self):
        self.function()
        answer = self.act("exit", n=3)
        self.differs(divergences.EXIT_STATUS, answer.status, mayfly=200, rie=502)
        self.assertEqual(answer.error_type, "Runtime.ExitError")
        self.assertIn("exit status 3", answer.json()["errorMessage"])
        self.assertEqual(self.report()["calls"], 1)

    def test_a_timeout_and_a_call_behind_it(self):
        self.function(timeout=self.timeout_s)
        pid = self.report()["pid"]
        self.assertIn(f"Task timed out after {self.timeout_s}.00 seconds".encode(), self.act("wait").body)
        report = self.report()
        self.assertEqual(report["calls"], 1)
        self.assertNotEqual(report["pid"], pid)

    def test_its_end_beside_an_extension(self):
        if not self.on_mayfly_run:
            self.skipTest("its shutdown is its own")
        self.function(extensions=["agent"])
        call = self.environment.begin_call(self.event("report"))
        agent = self.environment.actor("agent")
        agent.register(["SHUTDOWN"])
        shutdown = agent.begin_event()
        self.answers(call.answer(), 200)
        self.environment.begin_stop()
        self.assertEqual(shutdown.answer().json()["eventType"], "SHUTDOWN")
        agent.exit(0)
        self.assertEqual(self.environment.wait(), 0)
        self.assertIn(SAYS_GOODBYE, self.environment.everything())

    def test_two_at_once(self):
        if self.on_rie:
            self.skipTest("the emulator panics")
        self.function()
        begun = [self.environment.begin_call(self.event("wait")) for _ in range(2)]
        self.gate.wait_for(2)
        self.gate.open()
        reports = [call.answer().json() for call in begun]
        self.assertNotEqual(reports[0]["pid"], reports[1]["pid"])
        self.assertNotEqual(reports[0]["stream"], reports[1]["stream"])


class Streams(Runtime):
    """Answers that come in parts."""

    def body(self, parts):
        """What of a response are the parts that the function wrote."""
        return parts

    def stream_function(self, **named):
        return self.function(handler=self.streaming_handler or self.handler, **named)

    def test_who_takes_it_whole_gets_it_whole(self):
        self.stream_function()
        self.gate.open()
        answer = self.act("stream")
        self.answers(answer, 200)
        self.assertEqual(self.body(answer.body), b"first,second")

    def test_parts_come_when_they_are_written(self):
        events = self.streamed("stream")
        self.assertEqual(self.body(self.until(events, b"first,")), b"first,")
        self.gate.open()
        self.assertEqual(self.until(events, b"second"), b"second")
        self.assertEqual(self.complete(events), {})

    def streamed(self, what):
        """boto3's events of a streamed act."""
        if not self.on_mayfly:
            self.skipTest("it has no InvokeWithResponseStream")
        if not importlib.util.find_spec("boto3"):
            self.skipTest("no boto3")
        env = self.stream_function()
        import boto3
        from botocore.config import Config
        config = Config(retries={"total_max_attempts": 1}, read_timeout=2 * PATIENCE_S, proxies={})
        client = boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{env.port}", region_name="us-east-1",
                              config=config, aws_access_key_id="AKIA", aws_secret_access_key="none")
        answer = client.invoke_with_response_stream(FunctionName="function", Payload=self.event(what))
        self.addCleanup(answer["EventStream"].close)
        return iter(answer["EventStream"])

    def until(self, events, ending):
        got = b""
        while not got.endswith(ending):
            got += next(events)["PayloadChunk"]["Payload"]
        return got

    def complete(self, events):
        [complete] = [event["InvokeComplete"] for event in events]
        complete.pop("LogResult", None)
        return complete


class BreakingStreams(Streams):
    """Of runtimes that send an error behind the first part as HTTP trailers."""

    def test_an_error_behind_the_first_part(self):
        events = self.streamed("break")
        self.until(events, b"first,")
        self.gate.open()
        complete = self.complete(events)
        self.assertEqual(complete["ErrorCode"], self.error_type)
        self.assertEqual(json.loads(complete["ErrorDetails"])["errorMessage"], "it broke")


class Managed(Runtime):
    """Many calls in one environment."""

    def managed_function(self, **named):
        if not self.on_mayfly_run:
            self.skipTest("only mayfly run starts any command for Managed Instances")
        return self.function(managed=True, **named)

    def test_calls_overlap_in_one_environment(self):
        self.managed_function()
        begun = [self.environment.begin_call(self.event("wait")) for _ in range(MAX_CONCURRENCY)]
        self.gate.wait_for(MAX_CONCURRENCY)
        self.gate.open()
        reports = [call.answer().json() for call in begun]
        self.assertEqual(len({report["stream"] for report in reports}), 1)
        self.assertEqual(len({report["request_id"] for report in reports}), MAX_CONCURRENCY)
        self.assertEqual(len({report["pid"] for report in reports}), 1 if self.one_process else MAX_CONCURRENCY)

    def test_errors_are_their_callers(self):
        self.managed_function()
        good = self.environment.begin_call(self.event("wait"))
        self.answers(self.act("fail", n=1), 200, self.error_type, "no tea ")
        self.gate.open()
        self.answers(good.answer(), 200)

    def test_a_late_answer_is_refused_and_the_runtime_goes_on(self):
        self.managed_function(timeout=self.timeout_s)
        before = self.report()["stream"]
        self.give_a_late_answer()
        for _ in range(2 * MAX_CONCURRENCY):
            self.assertEqual(self.report()["stream"], before)

    def give_a_late_answer(self):
        """One that is refused; the runtime has seen it."""
        self.answers(self.act("wait"), 200, "Sandbox.Timedout")
        self.gate.open()
        self.environment.wait_for("(code: '?|status=)410")
