"""PUT /2022-07-01/telemetry and the batches that follow. The official emulator
has a stub: 202 to everything, which clients must take as "none here"."""

import http.server
import json
import queue
import threading
import uuid

import divergences
from actor import PATIENCE_S, TELEMETRY
from case import Case, main

UNSUPPORTED = b'{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}\n'


class Listener:
    """Takes batches as an extension would; `events` are theirs in order."""

    def __init__(self):
        self.events = queue.Queue()
        self.requests = queue.Queue()
        listener = self

        class Take(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                listener.requests.put((self.path, self.headers, body))
                for event in json.loads(body):
                    listener.events.put(event)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def until(self, kind):
        """Events up to and including the first of that type."""
        found = []
        while not found or found[-1]["type"] != kind:
            found.append(self.events.get(timeout=PATIENCE_S))
        return found

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Telemetry(Case):
    def setUp(self):
        self.start(extensions=["agent"])
        self.call = self.environment.begin_call(b'"event"')
        self.agent = self.environment.actor("agent")

    def listener(self):
        listener = Listener()
        self.addCleanup(listener.close)
        return listener

    def subscription(self, port=4243, **changes):
        wanted = {"schemaVersion": "2022-12-13", "types": ["platform", "function"],
                  "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
                  "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/telemetry/in"}}
        wanted.update(changes)
        return {name: value for name, value in wanted.items() if value is not None}

    def subscribe(self, body=None, identifier=None):
        body = self.subscription() if body is None else body
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        identifier = self.agent.identifier if identifier is None else identifier
        if identifier:
            headers["Lambda-Extension-Identifier"] = identifier
        return self.agent.request("PUT", TELEMETRY, body, headers)

    def check(self, answer, status, error_type=None, message=None):
        """What our environment answers, or the stub's answer."""
        self.differs(divergences.TELEMETRY, answer.status, mayfly=status, rie=202)
        if self.on_rie:
            self.assertEqual(answer.body, UNSUPPORTED)
        elif error_type:
            self.answers(answer, status, error_type, message)

    def serve(self, body=b'"done"', lines=b""):
        """Lets the runtime answer the one invocation; its request id."""
        self.waiting = self.agent.begin_event()
        runtime = self.environment.actor()
        event = runtime.next()
        if lines:
            runtime.write(lines)
        runtime.respond(event.request_id, body)
        runtime.begin_next()
        return event.request_id

    def test_a_subscription_is_answered_ok(self):
        self.agent.register()
        answer = self.subscribe()
        self.check(answer, 200)
        if self.on_mayfly:
            self.assertEqual(answer.body, b'"OK"')

    def test_buffering_and_its_fields_are_optional(self):
        self.agent.register()
        for buffering in (None, {}, {"timeoutMs": 100}):
            self.check(self.subscribe(self.subscription(buffering=buffering)), 200)

    def test_each_schema_version_is_taken(self):
        self.agent.register()
        for version in ("2022-07-01", "2022-12-13", "2025-01-29"):
            with self.subTest(version):
                self.check(self.subscribe(self.subscription(schemaVersion=version)), 200)

    def test_what_is_not_a_subscription_is_refused(self):
        self.agent.register()
        http = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}
        for wrong in (
            b"", b"{", b"[]",
            self.subscription(schemaVersion="2019-01-01"),
            self.subscription(types=None), self.subscription(types=[]), self.subscription(types=["kernel"]),
            self.subscription(destination=None), self.subscription(destination={"protocol": "UDP"}),
            self.subscription(destination={"protocol": "HTTP"}),
            self.subscription(destination={**http, "URI": "not a URI"}),
            self.subscription(destination={**http, "URI": "http://example.com:4243"}),
            self.subscription(destination={"protocol": "TCP"}),
            self.subscription(buffering={"maxItems": 999}), self.subscription(buffering={"maxItems": 10001}),
            self.subscription(buffering={"maxBytes": 262143}), self.subscription(buffering={"maxBytes": 1048577}),
            self.subscription(buffering={"timeoutMs": 24}), self.subscription(buffering={"timeoutMs": 30001}),
            self.subscription(buffering={"timeoutMs": "soon"}),
        ):
            with self.subTest(str(wrong)):
                self.check(self.subscribe(wrong), 400, "ValidationError")

    def test_only_extensions_may_subscribe(self):
        self.check(self.subscribe(identifier=""), 403, "Extension.MissingExtensionIdentifier",
                   "Missing Lambda-Extension-Identifier header")
        self.check(self.subscribe(identifier="zzz"), 403, "Extension.InvalidExtensionIdentifier",
                   "Invalid Lambda-Extension-Identifier")
        unknown = str(uuid.uuid4())
        self.check(self.subscribe(identifier=unknown), 403, "Extension.UnknownExtensionIdentifier",
                   f"Unknown extension {unknown}")

    def test_subscription_ends_with_init(self):
        self.agent.register()
        waiting = self.agent.begin_event()
        self.environment.actor().next()
        waiting.answer()
        self.check(self.subscribe(), 403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed")

    def test_batches_are_posted_to_the_uris_path(self):
        if self.on_rie:
            self.skipTest("a stub there")
        listener = self.listener()
        self.agent.register()
        self.subscribe(self.subscription(listener.port))
        path, headers, body = listener.requests.get(timeout=PATIENCE_S)
        self.assertEqual(path, "/telemetry/in")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertIsInstance(json.loads(body), list)

    def test_an_invocation_is_told_from_its_init_to_its_report(self):
        if self.on_rie:
            self.skipTest("a stub there")
        listener = self.listener()
        self.agent.register()
        self.subscribe(self.subscription(listener.port))
        request_id = self.serve(b'"done"', b'plain text\n{"level":"INFO","n":1}\n')
        self.agent.begin_event()  # done with INVOKE
        self.answers(self.call.answer(), 200)
        self.environment.begin_call()  # the report comes after the freeze
        events = listener.until("platform.report")
        for event in events:
            self.assertEqual(sorted(event), ["record", "time", "type"])
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        kinds = [event["type"] for event in events]
        records = {event["type"]: event["record"] for event in events}
        for kind in ("platform.initStart", "platform.telemetrySubscription", "platform.initRuntimeDone",
                     "platform.extension", "platform.initReport", "platform.start", "platform.runtimeDone",
                     "platform.report"):
            self.assertEqual(kinds.count(kind), 1, kinds)
        order = [kinds.index(kind) for kind in ("platform.initStart", "platform.initRuntimeDone", "platform.initReport",
                                                "platform.start", "platform.runtimeDone", "platform.report")]
        self.assertEqual(order, sorted(order), kinds)
        lines = [event["record"] for event in events if event["type"] == "function"]
        self.assertIn("plain text", [line if isinstance(line, dict) else line.rstrip("\n") for line in lines])
        start = records["platform.initStart"]
        self.assertEqual((start["initializationType"], start["phase"]), ("on-demand", "init"))
        self.assertEqual(records["platform.initReport"]["status"], "success")
        self.assertGreater(records["platform.initReport"]["metrics"]["durationMs"], 0)
        self.assertEqual(records["platform.telemetrySubscription"]["name"], "agent")
        self.assertEqual(records["platform.telemetrySubscription"]["types"], ["platform", "function"])
        self.assertEqual(records["platform.extension"], {
            "name": "agent", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]})
        self.assertEqual(records["platform.start"]["requestId"], request_id)
        done = records["platform.runtimeDone"]
        self.assertEqual((done["requestId"], done["status"]), (request_id, "success"))
        self.assertEqual(done["metrics"]["producedBytes"], len('"done"'))
        report = records["platform.report"]
        self.assertEqual((report["requestId"], report["status"]), (request_id, "success"))
        self.assertEqual(report["metrics"]["memorySizeMB"], self.environment.memory_mb)
        self.assertGreater(report["metrics"]["initDurationMs"], 0)
        self.assertGreaterEqual(report["metrics"]["billedDurationMs"], report["metrics"]["durationMs"])

    def test_a_function_error_shows_in_status_and_type(self):
        if self.on_rie:
            self.skipTest("a stub there")
        listener = self.listener()
        self.agent.register()
        self.subscribe(self.subscription(listener.port, types=["platform"]))
        self.agent.begin_event()
        runtime = self.environment.actor()
        event = runtime.next()
        runtime.fail(event.request_id, b"{}", {"Lambda-Runtime-Function-Error-Type": "Function.OrderUnknown"})
        runtime.begin_next()
        self.agent.begin_event()
        self.call.answer()
        self.environment.begin_call()
        [done] = [event["record"] for event in listener.until("platform.report")
                  if event["type"] == "platform.runtimeDone"]
        self.assertEqual((done["status"], done["errorType"]), ("error", "Function.OrderUnknown"))

    def test_only_the_subscribed_types_come(self):
        if self.on_rie:
            self.skipTest("a stub there")
        listener = self.listener()
        self.agent.register()
        self.subscribe(self.subscription(listener.port, types=["extension"]))
        self.agent.write("said by the agent\n")
        event = listener.events.get(timeout=PATIENCE_S)
        self.assertEqual((event["type"], event["record"].rstrip("\n")), ("extension", "said by the agent"))

    def test_what_is_not_yet_sent_comes_before_shutdown_ends(self):
        if self.on_rie:
            self.skipTest("a stub there")
        listener = self.listener()
        self.agent.register()
        self.subscribe(self.subscription(listener.port, buffering={"timeoutMs": 30000}))
        request_id = self.serve()
        self.agent.begin_event()
        self.call.answer()
        self.environment.begin_stop()
        report = listener.until("platform.report")[-1]["record"]
        self.assertEqual(report["requestId"], request_id)


class Logs(Case):
    def test_the_logs_api_says_that_it_is_not_here(self):
        self.start(extensions=["agent"])
        self.environment.begin_call()
        agent = self.environment.actor("agent")
        agent.register()
        answer = agent.request("PUT", "/2020-08-15/logs", b"{}",
                               {"Lambda-Extension-Identifier": agent.identifier})
        self.answers(answer, 202, "Logs.NotSupported", "Logs API is not supported")

    def test_it_says_so_without_an_identifier_too(self):
        self.start()
        self.environment.begin_call()
        answer = self.environment.actor().request("PUT", "/2020-08-15/logs", b"{}")
        self.answers(answer, 202, "Logs.NotSupported", "Logs API is not supported")


if __name__ == "__main__":
    main()
