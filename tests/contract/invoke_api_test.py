"""The Invoke API as clients see it, beside the outcomes of the function."""

import base64
import uuid

import divergences
from case import Case, main


class InvokeApi(Case):
    def invoke(self, body=b'"done"', **named):
        """One invocation that the runtime answers with `body`; the caller's answer."""
        self.start()
        call = self.environment.begin_call(**named)
        runtime = self.environment.actor()
        event = runtime.next()
        self.event = event
        self.runtime = runtime
        runtime.respond(event.request_id, body)
        runtime.begin_next()
        return call.answer()

    def refused(self, divergence, status, error_type, rie_status, **named):
        """A call that the service refuses; the runtime never sees it."""
        self.start()
        if self.on_rie and rie_status == 200:
            call = self.environment.begin_call(**named)
            runtime = self.environment.actor()
            event = runtime.next()
            runtime.respond(event.request_id)
            runtime.begin_next()
            answer = call.answer()
        else:
            answer = self.environment.call(**named)
        self.differs(divergence, answer.status, mayfly=status, rie=rie_status)
        if self.on_mayfly and error_type:
            self.assertEqual(answer.header("x-amzn-ErrorType"), error_type)
            # The service leaves it out in this one.
            if status != 413:
                self.assertEqual(answer.json()["Type"], "User")
            self.assertEqual(self.environment.stage.actors(), [])
        return answer

    def test_any_function_name_is_taken(self):
        path = "/2015-03-31/functions/orders/invocations"
        if self.on_rie:
            self.start()
            self.differs(divergences.ANY_NAME, self.environment.call(path=path).status, mayfly=200, rie=404)
        else:
            self.differs(divergences.ANY_NAME, self.invoke(path=path).status, mayfly=200, rie=404)

    def test_a_name_with_a_qualifier_is_taken(self):
        arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aorders"
        path = f"/2015-03-31/functions/{arn}/invocations?Qualifier=%24LATEST"
        if self.on_rie:
            self.start()
            self.differs(divergences.ANY_NAME, self.environment.call(path=path).status, mayfly=200, rie=404)
        else:
            self.differs(divergences.ANY_NAME, self.invoke(path=path).status, mayfly=200, rie=404)

    def test_an_unknown_path_is_404(self):
        self.start()
        self.answers(self.environment.call(path="/2015-03-31/functions"), 404)

    def test_get_does_not_invoke(self):
        self.refused(divergences.METHODS, 405, None, 200, method="GET", payload=None)

    def test_options_does_not_invoke(self):
        self.refused(divergences.METHODS, 405, None, 200, method="OPTIONS", payload=None)

    def test_an_event_is_accepted_before_it_has_run(self):
        self.start()
        call = self.environment.begin_call(headers={"X-Amz-Invocation-Type": "Event"})
        runtime = self.environment.actor()
        event = runtime.next()
        if self.on_mayfly:
            call.answer()
        self.differs(divergences.INVOCATION_TYPE, call.done(), mayfly=True, rie=False)
        self.answers(runtime.respond(event.request_id, b'"done"'), 202)
        runtime.begin_next()
        answer = call.answer()
        self.differs(divergences.INVOCATION_TYPE, (answer.status, answer.body), mayfly=(202, b""), rie=(200, b'"done"'))

    def test_a_dry_run_does_not_invoke(self):
        self.refused(divergences.INVOCATION_TYPE, 204, None, 200, headers={"X-Amz-Invocation-Type": "DryRun"})
        self.assertEqual(len(self.environment.stage.actors()), 1 if self.on_rie else 0)

    def test_a_payload_that_is_not_json_is_refused(self):
        answer = self.refused(divergences.NOT_JSON, 400, "InvalidRequestContentException", 200, payload=b'{"a":')
        if self.on_mayfly:
            self.assertTrue(answer.json()["message"].startswith("Could not parse request body into json:"), answer)

    def test_a_payload_that_is_not_utf8_is_refused(self):
        self.refused(divergences.NOT_JSON, 400, "InvalidRequestContentException", 200, payload=b'"\xff\xfe"')

    def test_a_client_context_that_is_not_base64_is_refused(self):
        self.refused(divergences.CLIENT_CONTEXT, 400, "InvalidRequestContentException", 500,
                     headers={"X-Amz-Client-Context": "%%%"})

    def test_a_request_id_that_is_not_a_uuid_is_refused(self):
        self.refused(divergences.BAD_REQUEST_ID, 400, "InvalidRequestContentException", 200,
                     headers={"X-Amzn-RequestId": "seventeen"})

    def test_a_payload_over_6_mib_is_refused(self):
        size = 6 * 1024 * 1024 + 1
        answer = self.refused(divergences.LARGE_PAYLOAD, 413, "RequestEntityTooLargeException", 200,
                              payload=b'"' + b"x" * (size - 2) + b'"')
        if self.on_mayfly:
            self.assertEqual(answer.json()["message"], f"{size} byte payload is too large for the RequestResponse "
                                                       "invocation type (limit 6291456 bytes)")

    def test_6_mib_pass(self):
        payload = b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'
        answer = self.invoke(payload=payload)
        self.answers(answer, 200)
        self.assertTrue(self.event.body == payload, f"{len(self.event.body)} bytes")

    def log_tail_of(self, code):
        """What the caller gets of an invocation in which the runtime runs this line."""
        self.start()
        call = self.environment.begin_call(headers={"X-Amz-Log-Type": "Tail"})
        runtime = self.environment.actor()
        self.event = runtime.next()
        runtime.run(code)
        runtime.respond(self.event.request_id)
        runtime.begin_next()
        tail = call.answer().header("X-Amz-Log-Result")
        self.differs(divergences.LOG_TAIL, tail is not None, mayfly=True, rie=False)
        return tail and base64.b64decode(tail).decode()

    def test_the_log_tail_comes_on_request(self):
        if tail := self.log_tail_of("os.write(1, b'a line of the function\\n')"):
            lines = tail.splitlines()
            self.assertRegex(lines[0], f"^START RequestId: {self.event.request_id} ")
            self.assertIn("a line of the function", lines)
            self.assertTrue(any(line.startswith(f"REPORT RequestId: {self.event.request_id}") for line in lines), lines)

    def test_the_log_tail_is_the_last_4_kb(self):
        if tail := self.log_tail_of("os.write(1, b''.join(b'line %05d\\n' % n for n in range(1000)))"):
            self.assertEqual(len(tail), 4096)
            self.assertIn("line 00999\n", tail)
            self.assertIn("REPORT RequestId: ", tail)

    def test_no_log_tail_without_a_request(self):
        self.assertIsNone(self.invoke().header("X-Amz-Log-Result"))

    def test_the_answer_carries_the_request_id(self):
        chosen = str(uuid.uuid4())
        answer = self.invoke(headers={"X-Amzn-RequestId": chosen})
        self.differs(divergences.EXECUTED_VERSION, answer.header("x-amzn-RequestId"), mayfly=chosen, rie=None)

    def test_a_second_call_while_one_runs(self):
        self.start()
        first = self.environment.begin_call(b"1")
        runtime = self.environment.actor()
        event = runtime.next()
        second = self.environment.begin_call(b"2")
        if self.on_rie:
            self.assertRaises(ConnectionError, second.answer)
            self.differs(divergences.CONCURRENT, self.environment.wait() == 0, mayfly=True, rie=False)
            return
        other = self.environment.actor()
        self.assertNotEqual(other.pid, runtime.pid)
        event_of_other = other.next()
        self.assertEqual(event_of_other.body, b"2")
        for actor, given, body, call in ((other, event_of_other, b'"two"', second), (runtime, event, b'"one"', first)):
            actor.respond(given.request_id, body)
            actor.begin_next()
            self.assertEqual(call.answer().body, body)


if __name__ == "__main__":
    main()
