"""Managed Instances: many calls in one environment."""

import json
import os
import re
import time
import uuid

import divergences
from actor import RUNTIME, TELEMETRY, Pending
from case import Case, main
from environment import MAX_CONCURRENCY, binary

UNKNOWN = (400, "InvalidRequestID", "Invalid request ID")
LATE = (410, "InvokeTimeout", "Invoke timeout")


class Managed(Case):
    def start_runtime(self, **named):
        self.start_managed(**named)
        self.runtime = self.environment.actor()
        return self.runtime

    def begin(self, payload):
        """A call that a worker has: its event, and the caller's pending answer."""
        worker = self.runtime.begin_next()
        call = Pending(lambda: self.call_until_taken(payload))
        return worker.answer(), call

    def call_until_taken(self, payload):
        """The official emulator has no patience for a `next` that is on its way."""
        while (answer := self.environment.call(payload)).status == 400:
            pass
        return answer

    def test_the_runtime_starts_before_any_call_and_is_told_what_it_is_in(self):
        variables = self.start_runtime().environment
        self.assertEqual(variables["AWS_LAMBDA_INITIALIZATION_TYPE"], "lambda-managed-instances")
        self.assertEqual(variables["AWS_LAMBDA_MAX_CONCURRENCY"], "4")
        self.assertEqual(variables["AWS_LAMBDA_LOG_FORMAT"].lower(), "json")

    def test_the_command_runs_where_and_as_it_was_started(self):
        runtime = self.start_runtime()
        found = (runtime.hello["folder"], runtime.run("os.getuid()"), runtime.run("os.getgid()"))
        self.differs(divergences.MANAGED_COMMAND, found, rie=("/var/task", 993, 990),
                     mayfly=(str(self.environment.folder), os.getuid(), os.getgid()))

    def test_the_deadline_is_the_start_plus_the_timeout(self):
        runtime = self.start_runtime(timeout=30)
        before = time.time() * 1000
        event, call = self.begin(b"{}")
        ahead = int(event.header("Lambda-Runtime-Deadline-Ms")) - before
        self.assertGreaterEqual(ahead, 30_000 - 1)
        self.differs(divergences.MANAGED_DEADLINE, ahead < 60_000, mayfly=True, rie=False)
        self.answers(runtime.respond(event.request_id), 202)
        call.answer()

    def test_calls_overlap_and_are_answered_in_any_order(self):
        runtime = self.start_runtime()
        begun = [self.begin(payload) for payload in (b'"a"', b'"b"', b'"c"')]
        for (event, call), payload in zip(begun, (b'"a"', b'"b"', b'"c"')):
            self.assertEqual(event.body, payload)
            self.assertEqual(len(event.header("Lambda-Runtime-Invocation-Id")), 36)
        for event, call in reversed(begun):
            self.answers(runtime.respond(event.request_id, event.body), 202)
            answer = call.answer()
            self.answers(answer, 200)
            self.assertEqual(answer.body, event.body)

    def test_an_answered_or_unknown_id_is_refused(self):
        runtime = self.start_runtime()
        event, call = self.begin(b"{}")
        self.answers(runtime.respond("no-such-id"), *UNKNOWN)
        self.answers(runtime.respond(event.request_id), 202)
        self.answers(call.answer(), 200)
        self.answers(runtime.respond(event.request_id), *UNKNOWN)

    def test_another_attempts_invocation_id_is_refused_and_the_call_stays_open(self):
        runtime = self.start_runtime()
        event, call = self.begin(b"{}")
        self.answers(runtime.respond(event.request_id, headers={"Lambda-Runtime-Invocation-Id": "another"}), *LATE)
        echo = {"Lambda-Runtime-Invocation-Id": event.header("Lambda-Runtime-Invocation-Id")}
        self.answers(runtime.respond(event.request_id, b'"mine"', echo), 202)
        self.assertEqual(call.answer().body, b'"mine"')

    def test_a_timeout_ends_its_call_only_and_its_late_answer_is_refused(self):
        runtime = self.start_runtime(timeout=1)
        event, call = self.begin(b"{}")
        answer = call.answer()
        self.answers(answer, 200, "Sandbox.Timedout")
        self.assertTrue(answer.json()["errorMessage"].endswith("Task timed out after 1.00 seconds"), answer)
        self.answers(runtime.respond(event.request_id), *LATE)
        event, call = self.begin(b"{}")
        self.answers(runtime.respond(event.request_id, b'"alive"'), 202)
        self.assertEqual(call.answer().body, b'"alive"')

    def test_a_second_response_beside_a_streamed_one_is_refused(self):
        runtime = self.start_runtime()
        event, call = self.begin(b"{}")
        stream = runtime.tunnel()
        stream.sendall(f"POST {RUNTIME}/invocation/{event.request_id}/response HTTP/1.1\r\nHost: localhost\r\n"
                       "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
                       "Expect: 100-continue\r\n\r\n".encode())
        self.assertIn(b" 100 ", stream.recv(65536))  # it is read, so it has begun
        stream.sendall(b"3\r\nabc\r\n")
        self.answers(runtime.respond(event.request_id), *UNKNOWN)
        stream.sendall(b"0\r\n\r\n")
        self.assertIn(b" 202 ", stream.recv(65536).split(b"\r\n")[0])
        self.assertEqual(call.answer().body, b"abc")

    def test_internal_extensions_have_no_events(self):
        runtime = self.start_runtime()
        for events in ('["INVOKE"]', '["SHUTDOWN"]'):
            answer = runtime.request("POST", "/2020-01-01/extension/register", f'{{"events":{events}}}',
                                     {"Lambda-Extension-Name": "internal"})
            self.answers(answer, 403, "Extension.InvalidEventType", "No events allowed for internal extensions")

    def test_telemetry_has_one_schema(self):
        runtime = self.start_runtime()
        me = runtime.request("POST", "/2020-01-01/extension/register", '{"events":[]}',
                             {"Lambda-Extension-Name": "internal"}).header("Lambda-Extension-Identifier")
        for schema, status in (("2022-07-01", 400), ("2022-12-13", 400), ("2025-01-29", 200)):
            body = {"schemaVersion": schema, "types": ["platform"],
                    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8099/"}}
            answer = runtime.request("PUT", TELEMETRY, json.dumps(body), {"Lambda-Extension-Identifier": me})
            self.assertEqual(answer.status, status, answer)

    def test_a_call_that_no_worker_waits_for(self):
        runtime = self.start_runtime()
        event, call = self.begin(b"{}")
        second = self.environment.begin_call(b'"second"')
        if self.on_rie:
            self.differs(divergences.NO_WORKER, second.answer().status, mayfly=200, rie=400)
        else:
            self.environment.wait_for("a call waits")
            following = runtime.next()
            self.answers(runtime.respond(following.request_id, b'"waited"'), 202)
            self.differs(divergences.NO_WORKER, second.answer().status, mayfly=200, rie=400)
        self.answers(runtime.respond(event.request_id), 202)
        call.answer()

    def test_the_end_of_the_runtime_fails_what_is_open(self):
        self.start_runtime()
        begun = [self.begin(b"{}") for _ in range(3)]
        self.runtime.exit(3)
        if self.on_rie:
            self.environment.process.wait(30)
            ended = True
        else:
            for event, call in begun:
                self.answers(call.answer(), 200, "Runtime.ExitError")
            self.runtime = self.environment.actor()  # of a new environment
            event, call = self.begin(b'"again"')
            self.answers(self.runtime.respond(event.request_id, event.body), 202)
            self.assertEqual(call.answer().body, b'"again"')
            ended = self.environment.process.poll() is not None
        self.differs(divergences.MANAGED_END, ended, mayfly=False, rie=True)


class OurWorkers(Case):
    """Functions of ours, each of whose workers has a thread and a connection."""

    def call(self, event):
        """The official emulator refuses a call while no worker waits for one."""
        while (answer := self.environment.call(json.dumps(event).encode())).status == 400:
            pass
        return answer

    def begin(self, event):
        return Pending(lambda: self.call(event))

    def meet(self):
        """What each worker says once all of them are inside."""
        calls = [self.begin({"meet": MAX_CONCURRENCY}) for _ in range(MAX_CONCURRENCY)]
        return sorted(call.answer().json() for call in calls)

    def test_as_many_invocations_run_at_once_as_there_are_workers(self):
        self.start_managed(command=[binary("meeting_function")])
        for _ in range(3):
            self.assertEqual(self.meet(), [1, 2, 3, 4])

    def test_each_line_of_the_log_is_json_with_its_request_id(self):
        self.start_managed(command=[binary("meeting_function")])
        self.meet()
        found = re.findall(r'^\{"timestamp".*$', self.environment.everything(), re.MULTILINE)
        lines = [json.loads(line) for line in found]
        hellos = [line for line in lines if line["message"] == "hello"]
        self.assertEqual(len(hellos), MAX_CONCURRENCY)
        self.assertEqual([line["requestId"] for line in hellos], [line["of"] for line in hellos])
        self.assertEqual(len({line["of"] for line in hellos}), MAX_CONCURRENCY)

    def test_a_late_answer_costs_nobody_else(self):
        self.start_managed(command=[binary("meeting_function")], timeout=1)
        held = self.begin({"hold": "a"})
        self.answers(held.answer(), 200, "Sandbox.Timedout")
        self.assertLessEqual(self.call({"release": "a"}).json(), MAX_CONCURRENCY)
        self.environment.wait_for(r'"Lambda refused a post".*"status":410')
        self.assertEqual(self.meet(), [1, 2, 3, 4])  # the worker that was held is there again

    def test_a_stream_ends_with_the_error_in_its_trailers(self):
        self.start_managed(command=[binary("streaming_function")], handler="parts")
        self.assertEqual(self.call({"parts": ["a", "bc"]}).body, b"abc")
        self.answers(self.call({"parts": ["a"], "then": "Parts.Lost"}), 200, "Parts.Lost", "behind 1")
        # One that is longer than readers take.
        self.answers(self.call({"parts": ["a"], "then": "T" * 5000}), 200, "T" * 256, "behind 1...")
        self.assertEqual(self.call({"parts": ["d"]}).body, b"d")


if __name__ == "__main__":
    main()
