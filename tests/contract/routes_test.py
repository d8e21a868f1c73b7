"""The form that routes, refusals and acceptances have in all the APIs of the
Runtime API port."""

from actor import EXTENSION, RUNTIME
from case import Case, main


class Routes(Case):
    def setUp(self):
        self.start()
        self.call = self.environment.begin_call()
        self.runtime = self.environment.actor()

    def test_ping_is_answered_with_pong(self):
        answer = self.runtime.request("GET", "/2018-06-01/ping")
        self.answers(answer, 200)
        self.assertEqual(answer.body, b"pong")

    def test_an_unknown_route_is_404_in_plain_text(self):
        for path in ("/", "/2018-06-01/runtime", "/2018-06-01/runtime/invocation/last", "/2020-01-01/extension"):
            with self.subTest(path):
                answer = self.runtime.request("GET", path)
                self.answers(answer, 404)
                self.assertEqual(answer.body, b"404 page not found\n")
                self.assertEqual(answer.header("Content-Type"), "text/plain; charset=utf-8")

    def test_restore_routes_are_not_there_without_snapstart(self):
        self.answers(self.runtime.request("GET", RUNTIME + "/restore/next"), 404)
        self.answers(self.runtime.request("POST", RUNTIME + "/restore/error", b"{}"), 404)

    def test_a_wrong_method_is_405_and_names_the_right_one(self):
        for method, path, right in (
            ("POST", RUNTIME + "/invocation/next", "GET"),
            ("GET", RUNTIME + "/invocation/some-id/response", "POST"),
            ("GET", RUNTIME + "/invocation/some-id/error", "POST"),
            ("GET", RUNTIME + "/init/error", "POST"),
            ("GET", EXTENSION + "/register", "POST"),
            ("POST", EXTENSION + "/event/next", "GET"),
            ("GET", EXTENSION + "/init/error", "POST"),
            ("GET", EXTENSION + "/exit/error", "POST"),
        ):
            with self.subTest(path):
                answer = self.runtime.request(method, path)
                self.answers(answer, 405)
                self.assertEqual(answer.header("Allow"), right)
                self.assertEqual(answer.body, b"")

    def test_what_is_accepted_is_202_status_ok(self):
        event = self.runtime.next()
        answer = self.runtime.respond(event.request_id)
        self.answers(answer, 202)
        self.assertEqual(answer.body, b'{"status":"OK"}\n')
        self.assertEqual(answer.header("Content-Type"), "application/json")

    def test_what_is_refused_has_message_then_type_and_a_newline(self):
        answer = self.runtime.respond("12345678-1234-1234-1234-123456789012")
        self.answers(answer, 400)
        self.assertEqual(answer.body, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n')
        self.assertEqual(answer.header("Content-Type"), "application/json")

    def test_markup_in_a_refusal_is_escaped(self):
        self.runtime.name = "internal"
        answer = self.runtime.register(["<a&b>"])
        self.answers(answer, 403, "Extension.InvalidEventType", "<a&b>: ErrorInvalidEventType")
        self.assertIn(rb"\u003ca\u0026b\u003e", answer.body)


if __name__ == "__main__":
    main()
