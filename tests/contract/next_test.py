"""GET /runtime/invocation/next: what the runtime is given."""

import base64
import json
import time
import uuid

import divergences
from case import Case, main


class Next(Case):
    def invoke(self, *arguments, **named):
        """The answer to `next` for a call with these arguments."""
        self.start(timeout=named.pop("timeout", 30))
        self.call = self.environment.begin_call(*arguments, **named)
        self.runtime = self.environment.actor()
        return self.runtime.next()

    def finish(self, event, body=b'"done"'):
        self.answers(self.runtime.respond(event.request_id, body), 202)
        self.parked = self.runtime.begin_next()
        return self.call.answer()

    def test_the_event_arrives_byte_for_byte(self):
        payload = '{ "name":\t"Łódź \\u0000 日本 𝄞", "n": 1.0e+2 }\n'.encode()
        event = self.invoke(payload)
        self.answers(event, 200)
        self.assertEqual(event.body, payload)
        self.assertEqual(self.finish(event, payload).body, payload)

    def test_a_call_without_a_payload(self):
        event = self.invoke(b"")
        self.differs(divergences.EMPTY_PAYLOAD, event.body, mayfly=b"{}", rie=b"")

    def test_the_request_id_is_a_uuid(self):
        event = self.invoke()
        self.assertEqual(str(uuid.UUID(event.request_id)), event.request_id)

    def test_the_caller_may_choose_the_request_id(self):
        chosen = str(uuid.uuid4())
        event = self.invoke(headers={"X-Amzn-RequestId": chosen})
        self.assertEqual(event.request_id, chosen)

    def test_the_deadline_is_the_start_plus_the_timeout(self):
        before = time.time() * 1000
        event = self.invoke(timeout=30)
        after = time.time() * 1000
        deadline = int(event.header("Lambda-Runtime-Deadline-Ms"))
        self.assertGreaterEqual(deadline, int(before) + 30_000)
        self.assertLessEqual(deadline, after + 30_000)

    def test_the_arn_names_the_function(self):
        event = self.invoke()
        arn = event.header("Lambda-Runtime-Invoked-Function-Arn")
        self.assertRegex(arn, r"^arn:aws:lambda:us-east-1:\d{12}:function:\w+$")

    def test_the_content_type_is_json_whatever_the_caller_sent(self):
        event = self.invoke(headers={"Content-Type": "application/json; charset=latin1"})
        self.assertEqual(event.header("Content-Type"), "application/json")

    def test_headers_without_a_value_are_left_out(self):
        event = self.invoke()
        for name in ("Client-Context", "Cognito-Identity", "Aws-Tenant-Id"):
            self.assertIsNone(event.header("Lambda-Runtime-" + name), name)

    def test_the_client_context_is_decoded(self):
        context = {"client": {"installation_id": "i-1"}, "custom": {"k": "v é"}}
        encoded = base64.b64encode(json.dumps(context).encode()).decode()
        event = self.invoke(headers={"X-Amz-Client-Context": encoded})
        self.assertEqual(json.loads(event.header("Lambda-Runtime-Client-Context")), context)

    def test_the_tenant_id_is_passed_on(self):
        event = self.invoke(headers={"X-Amz-Tenant-Id": "blue:1"})
        self.assertEqual(event.header("Lambda-Runtime-Aws-Tenant-Id"), "blue:1")

    def test_the_trace_id_is_passed_on(self):
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        event = self.invoke(headers={"X-Amzn-Trace-Id": trace})
        self.differs(divergences.TRACE_ID, event.header("Lambda-Runtime-Trace-Id"), mayfly=trace, rie=None)

    def test_a_trace_id_is_made_if_the_caller_has_none(self):
        event = self.invoke()
        made = event.header("Lambda-Runtime-Trace-Id")
        self.differs(divergences.TRACE_ID, made is not None, mayfly=True, rie=False)
        if made:
            self.assertRegex(made, r"^Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;Parent=[0-9a-f]{16})?;Sampled=[01]")

    def test_each_attempt_has_an_invocation_id(self):
        event = self.invoke()
        found = event.header("Lambda-Runtime-Invocation-Id")
        self.differs(divergences.INVOCATION_ID, found is not None, mayfly=True, rie=False)

    def test_next_while_an_invocation_runs_gives_the_same_event_again(self):
        event = self.invoke(b'{"a":1}')
        again = self.runtime.next()
        self.answers(again, 200)
        self.assertEqual(again.request_id, event.request_id)
        self.assertEqual(again.body, b'{"a":1}')
        self.assertEqual(self.finish(event).body, b'"done"')

    def test_invocations_come_one_after_the_other(self):
        event = self.invoke(b'{"n":1}')
        self.finish(event, b'"first"')
        second = self.environment.begin_call(b'{"n":2}')
        event = self.parked.answer()
        self.assertEqual(event.body, b'{"n":2}')
        self.answers(self.runtime.respond(event.request_id, b'"second"'), 202)
        self.runtime.begin_next()
        self.assertEqual(second.answer().body, b'"second"')


if __name__ == "__main__":
    main()
