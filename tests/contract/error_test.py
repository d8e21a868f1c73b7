"""POST /runtime/invocation/{id}/error: the function has failed and says how."""

import json

import divergences
from case import Case, main

CAUSE = "application/vnd.aws.lambda.error.cause+json"


class Error(Case):
    def setUp(self):
        self.start()
        self.call = self.environment.begin_call()
        self.runtime = self.environment.actor()
        self.event = self.runtime.next()

    def fail(self, body, headers=None):
        """The caller's answer when the runtime posts this."""
        self.answers(self.runtime.fail(self.event.request_id, body, headers), 202)
        self.parked = self.runtime.begin_next()
        return self.call.answer()

    def test_the_caller_gets_the_body_as_it_is(self):
        body = b'{ "errorType":"Orders.Unknown", "errorMessage":"no order 17", "stackTrace":["a","b"], "more":1}'
        answer = self.fail(body)
        self.answers(answer, 200)
        self.assertEqual(answer.body, body)
        self.differs(divergences.FUNCTION_ERROR, answer.header("X-Amz-Function-Error"), mayfly="Unhandled", rie=None)

    def test_any_bytes_may_be_the_body(self):
        self.assertEqual(self.fail(b"not JSON \x00\xff").body, b"not JSON \x00\xff")

    def test_an_empty_body_is_accepted(self):
        self.answers(self.fail(b""), 200)

    def test_an_error_cause_is_kept_from_the_caller(self):
        body = {"errorMessage": "m", "errorType": "t", "stackTrace": ["a"], "errorCause": {"x": 1}, "more": 2}
        answer = self.fail(json.dumps(body).encode(), {"Content-Type": CAUSE})
        self.assertEqual(answer.json(), {"errorMessage": "m", "errorType": "t", "stackTrace": ["a"]})

    def test_an_error_cause_that_cannot_be_read_is_said_to_the_caller(self):
        self.assertEqual(self.fail(b"not JSON", {"Content-Type": CAUSE}).body, b'"Invalid error body"')

    def test_a_bad_xray_cause_is_ignored(self):
        for cause in ("garbage", '{"exceptions":[]}'):
            with self.subTest(cause):
                answer = self.runtime.fail(self.event.request_id, b"{}", {
                    "Lambda-Runtime-Function-XRay-Error-Cause": cause})
                self.answers(answer, 202)
                parked = self.runtime.begin_next()
                self.answers(self.call.answer(), 200)
                self.call = self.environment.begin_call()
                self.event = parked.answer()

    def test_an_xray_cause_may_have_a_mebibyte(self):
        """AWS's runtimes send so much of a long message or a deep stack, and end when it is refused."""
        cause = json.dumps({"working_directory": "/", "paths": [], "exceptions": [{"message": "x" * 1_000_000}]})
        self.assertEqual(self.fail(b'"failed"', {"Lambda-Runtime-Function-Xray-Error-Cause": cause}).body, b'"failed"')

    def test_an_unknown_id_is_refused(self):
        self.answers(self.runtime.fail("some-other-id"), 400, "InvalidRequestID", "Invalid request ID")

    def test_a_second_error_is_refused(self):
        self.answers(self.runtime.fail(self.event.request_id, b'"first"'), 202)
        again = self.runtime.fail(self.event.request_id, b'"second"')
        # Which of the two depends on whether the invocation is closed already.
        if again.status == 403:
            self.answers(again, 403, "InvalidStateTransition",
                         "State transition from RuntimeResponseSentState to InvocationErrorResponse failed "
                         "for runtime. Error: State transition is not allowed")
        else:
            self.answers(again, 400, "InvalidRequestID")
        self.runtime.begin_next()
        self.assertEqual(self.call.answer().body, b'"first"')

    def test_a_response_after_the_error_is_refused(self):
        self.answers(self.runtime.fail(self.event.request_id, b'"first"'), 202)
        self.assertIn(self.runtime.respond(self.event.request_id).status, (400, 403))
        self.runtime.begin_next()
        self.assertEqual(self.call.answer().body, b'"first"')

    def test_init_error_is_refused_once_init_is_over(self):
        self.answers(self.runtime.fail_init(), 403, "InvalidStateTransition",
                     "State transition from Running to InitError failed for runtime. "
                     "Error: State transition is not allowed")

    def test_the_runtime_goes_on_after_an_error(self):
        self.fail(b'"failed"')
        call = self.environment.begin_call(b'"again"')
        event = self.parked.answer()
        self.assertEqual(event.body, b'"again"')
        self.answers(self.runtime.respond(event.request_id, b'"well"'), 202)
        self.runtime.begin_next()
        self.assertEqual(call.answer().body, b'"well"')


class ErrorTypes(Case):
    """What becomes of Lambda-Runtime-Function-Error-Type shows in the REPORT line only."""

    def test_error_types_that_are_not_of_the_known_form_are_replaced(self):
        self.start()
        call = self.environment.begin_call()
        runtime = self.environment.actor()
        event = runtime.next()
        for given, kept in (
            ("Runtime.NoSuchHandler", "Runtime.NoSuchHandler"),
            ("Function.OrderUnknown", "Function.OrderUnknown"),
            ("my Function.Inner and more", "my Function.Inner and more"),
            ("Function.orders", "Function.Unknown"),
            ("Function.", "Function.Unknown"),
            ("Orders.Unknown", "Runtime.Unknown"),
            ("", "Runtime.Unknown"),
            (None, "Runtime.Unknown"),
        ):
            with self.subTest(given):
                headers = {} if given is None else {"Lambda-Runtime-Function-Error-Type": given}
                self.answers(runtime.fail(event.request_id, b"{}", headers), 202)
                parked = runtime.begin_next()
                self.answers(call.answer(), 200)
                report = self.environment.wait_for(f"^REPORT RequestId: {event.request_id}.*$").group()
                self.differs(divergences.REPORT_STATUS, "\tError Type: " in report, mayfly=True, rie=False)
                if self.on_mayfly:
                    self.assertIn(f"\tStatus: error\tError Type: {kept}", report)
                call = self.environment.begin_call()
                event = parked.answer()


if __name__ == "__main__":
    main()
