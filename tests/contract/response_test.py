"""POST /runtime/invocation/{id}/response: who may answer, how much, and what
the caller gets."""

import divergences
from case import Case, main

LIMIT = 6 * 1024 * 1024 + 100


class Response(Case):
    def setUp(self):
        self.start(timeout=30)
        self.call = self.environment.begin_call()
        self.runtime = self.environment.actor()

    def caller_gets(self):
        """What the caller gets once the runtime is in `next` again."""
        self.parked = self.runtime.begin_next()
        return self.call.answer()

    def test_the_caller_gets_the_bytes(self):
        for body in (b'{"a":1}', b"", b"not JSON \x00 \xff\xfe", '"é"'.encode()):
            with self.subTest(body):
                event = self.runtime.next() if body == b'{"a":1}' else self.parked.answer()
                self.answers(self.runtime.respond(event.request_id, body), 202)
                answer = self.caller_gets()
                self.answers(answer, 200)
                self.assertEqual(answer.body, body)
                self.call = self.environment.begin_call()

    def test_the_caller_gets_the_services_headers(self):
        event = self.runtime.next()
        self.runtime.respond(event.request_id, b'{"a":1}', {"Content-Type": "application/json"})
        answer = self.caller_gets()
        self.differs(divergences.CONTENT_TYPE, answer.header("Content-Type"),
                     mayfly="application/json", rie="text/plain; charset=utf-8")
        self.differs(divergences.EXECUTED_VERSION, answer.header("X-Amz-Executed-Version"),
                     mayfly="$LATEST", rie=None)
        self.differs(divergences.EXECUTED_VERSION, answer.header("x-amzn-RequestId"),
                     mayfly=event.request_id, rie=None)
        self.assertIsNone(answer.header("X-Amz-Function-Error"))

    def test_an_unknown_id_is_refused(self):
        self.runtime.next()
        self.answers(self.runtime.respond("some-other-id"), 400, "InvalidRequestID", "Invalid request ID")

    def test_before_any_next_every_id_is_unknown(self):
        self.answers(self.runtime.respond("some-id"), 400, "InvalidRequestID")

    def test_a_second_response_is_refused_by_the_state(self):
        event = self.runtime.next()
        self.answers(self.runtime.respond(event.request_id), 202)
        again = self.runtime.respond(event.request_id)
        # Which of the two depends on whether the invocation is closed already.
        if again.status == 403:
            self.answers(again, 403, "InvalidStateTransition",
                         "State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. "
                         "Error: State transition is not allowed")
        else:
            self.answers(again, 400, "InvalidRequestID")

    def test_while_an_extension_works_a_second_answer_is_refused_by_the_state(self):
        self.start(extensions=["agent"])
        call = self.environment.begin_call()
        agent = self.environment.actor("agent")
        agent.register()
        waiting = agent.begin_event()
        runtime = self.environment.actor()
        event = runtime.next()
        waiting.answer()
        self.answers(runtime.respond(event.request_id), 202)
        text = ("State transition from RuntimeResponseSentState to {} failed for runtime. "
                "Error: State transition is not allowed")
        self.answers(runtime.respond(event.request_id), 403, "InvalidStateTransition",
                     text.format("InvocationResponse"))
        self.answers(runtime.fail(event.request_id), 403, "InvalidStateTransition",
                     text.format("InvocationErrorResponse"))
        runtime.begin_next()
        agent.begin_event()
        self.answers(call.answer(), 200)

    def test_a_response_to_a_closed_invocation_is_refused_by_its_id(self):
        event = self.runtime.next()
        self.answers(self.runtime.respond(event.request_id), 202)
        self.caller_gets()
        self.environment.wait_for(f"^END RequestId: {event.request_id}")
        self.environment.begin_call()  # between calls the runtime is frozen
        self.answers(self.runtime.respond(event.request_id), 400, "InvalidRequestID", "Invalid request ID")

    def test_an_error_after_the_response_is_refused(self):
        event = self.runtime.next()
        self.answers(self.runtime.respond(event.request_id, b'"first"'), 202)
        self.assertIn(self.runtime.fail(event.request_id).status, (400, 403))
        self.assertEqual(self.caller_gets().body, b'"first"')

    def test_6291556_bytes_pass(self):
        event = self.runtime.next()
        body = b'"' + b"x" * (LIMIT - 2) + b'"'
        self.answers(self.runtime.respond(event.request_id, body), 202)
        answer = self.caller_gets()
        self.answers(answer, 200)
        self.assertTrue(answer.body == body, f"{len(answer.body)} bytes")

    def test_one_byte_more_is_refused_and_the_caller_told(self):
        event = self.runtime.next()
        self.answers(self.runtime.respond(event.request_id, b"x" * (LIMIT + 1)), 413, "RequestEntityTooLarge",
                     "Exceeded maximum allowed payload size (6291556 bytes).")
        answer = self.caller_gets()
        self.answers(answer, 200, "Function.ResponseSizeTooLarge",
                     "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
        self.differs(divergences.FUNCTION_ERROR, answer.header("X-Amz-Function-Error"), mayfly="Unhandled", rie=None)

    def test_the_runtime_goes_on_after_a_refused_size(self):
        event = self.runtime.next()
        self.answers(self.runtime.respond(event.request_id, b"x" * (LIMIT + 1)), 413)
        self.caller_gets()
        call = self.environment.begin_call(b'"again"')
        event = self.parked.answer()
        self.assertEqual(event.body, b'"again"')
        self.answers(self.runtime.respond(event.request_id, b'"well"'), 202)
        self.runtime.begin_next()
        self.assertEqual(call.answer().body, b'"well"')

    def test_a_streamed_response_reaches_a_plain_caller_whole(self):
        event = self.runtime.next()
        headers = {"Lambda-Runtime-Function-Response-Mode": "streaming"}
        answer = self.runtime.respond(event.request_id, iter([b'"one', b" two", b' three"']), headers)  # chunked
        self.answers(answer, 202)
        self.assertEqual(self.caller_gets().body, b'"one two three"')

    def test_a_stale_invocation_id_is_410(self):
        event = self.runtime.next()
        stale = {"Lambda-Runtime-Invocation-Id": "of-another-attempt"}
        answer = self.runtime.respond(event.request_id, b'"late"', stale)
        self.differs(divergences.INVOCATION_ID, answer.status, mayfly=410, rie=202)
        if self.on_mayfly:
            self.answers(answer, 410, "InvokeTimeout", "Invoke timeout")
            right = {"Lambda-Runtime-Invocation-Id": event.header("Lambda-Runtime-Invocation-Id")}
            self.answers(self.runtime.respond(event.request_id, b'"right"', right), 202)
            self.assertEqual(self.caller_gets().body, b'"right"')


class BadResponseMode(Case):
    def test_a_bad_response_mode_is_refused(self):
        self.start(timeout=2)
        call = self.environment.begin_call()
        runtime = self.environment.actor()
        event = runtime.next()
        for mode in ["Streaming"] if self.on_rie else ["Streaming", "buffered", "streaming, please"]:
            answer = runtime.respond(event.request_id, b"{}", {"Lambda-Runtime-Function-Response-Mode": mode})
            self.answers(answer, 400, "InvalidFunctionResponseMode", "Invalid function response mode")
        again = runtime.respond(event.request_id, b'"right"')
        self.differs(divergences.RESPONSE_MODE, again.status, mayfly=202, rie=403)
        runtime.begin_next()
        self.differs(divergences.RESPONSE_MODE, call.answer().body,
                     mayfly=b'"right"', rie=b"Task timed out after 2.00 seconds")

    def test_the_next_invocation_after_one_is_answered(self):
        self.start(timeout=2)
        call = self.environment.begin_call()
        runtime = self.environment.actor()
        event = runtime.next()
        self.answers(runtime.respond(event.request_id, b"{}", {"Lambda-Runtime-Function-Response-Mode": "no"}), 400)
        if self.on_mayfly:
            self.answers(runtime.respond(event.request_id), 202)
        parked = runtime.begin_next()
        call.answer()
        call = self.environment.begin_call(b'"again"')
        if self.on_rie:  # the timeout has ended the first one
            runtime = self.environment.actor()
            parked = runtime.begin_next()
        event = parked.answer()
        self.assertEqual(event.body, b'"again"')
        self.answers(runtime.respond(event.request_id, b'"well"'), 202)
        runtime.begin_next()
        self.assertEqual(call.answer().body, b'"well"')


if __name__ == "__main__":
    main()
