"""Real programs in the place of the actors: our runtime under both servers, and
AWS's Python runtime beside it."""

import base64
import json
import sys
import uuid

import divergences
from case import Case, main
from environment import binary

CONTEXT = {"client": {"installation_id": "i-1", "app_title": "shop", "app_version_name": "2.1"},
           "custom": {"plan": "é"}, "env": {"locale": "pl"}}
ORDER = {"id": "a1", "items": [{"sku": "tea", "quantity": 2, "unit_price": 4.5}]}

# AWS's Python runtime, answering with its context under its own names.
PYTHON_FUNCTION = '''
import os

def strings(part):
    return dict(part) if part else {}

def handler(event, context):
    client = context.client_context
    return {
        "function_name": context.function_name, "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn, "memory_limit_in_mb": int(context.memory_limit_in_mb),
        "aws_request_id": context.aws_request_id, "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "identity": {name: getattr(context.identity, name) if context.identity else None
                     for name in ("cognito_identity_id", "cognito_identity_pool_id")},
        "client_context": client and {
            "client": {name: getattr(client.client, name) for name in
                       ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
                       if getattr(client.client, name) is not None},
            "custom": strings(client.custom), "env": strings(client.env)},
        "tenant_id": getattr(context, "tenant_id", None),
        "remaining_time_in_millis": context.get_remaining_time_in_millis(),
        "epoch_deadline_time_in_ms": getattr(context, "_epoch_deadline_time_in_ms", None),
        "trace_variable": os.environ.get("_X_AMZN_TRACE_ID"),
    }
'''


class OurRuntime(Case):
    def test_events_come_back_unchanged(self):
        env = self.start(command=[binary("echo_function")])
        for payload in (b'{"a":1}', b"[]", b'"\\u0000 \xf0\x9d\x84\x9e"', b'"' + b"x" * 1_000_000 + b'"', b'{"a":2}'):
            answer = env.call(payload)
            self.answers(answer, 200)
            self.assertTrue(answer.body == payload, answer)

    def test_a_typed_function_answers(self):
        env = self.start(command=[binary("../examples/orders")], handler="price")
        answer = env.call(json.dumps(ORDER).encode())
        self.answers(answer, 200)
        self.assertEqual(answer.json(), {"order": "a1", "pieces": 2, "total": 9})

    def test_a_typed_function_names_what_is_wrong_in_an_event(self):
        env = self.start(command=[binary("../examples/orders")], handler="price")
        answer = env.call(b'{"id":"a1","items":[{"sku":"tea","quantity":"two","unit_price":1}]}')
        self.answers(answer, 200, "Runtime.UnmarshalError")
        self.assertIn("items[0].quantity", answer.json()["errorMessage"])
        self.differs(divergences.FUNCTION_ERROR, answer.header("X-Amz-Function-Error"), mayfly="Unhandled", rie=None)

    def test_an_error_has_type_message_and_stack_trace(self):
        env = self.start(command=[binary("../examples/orders")], handler="price")
        wrong = {**ORDER, "items": [{"sku": "tea", "quantity": 0, "unit_price": 1}]}
        answer = env.call(json.dumps(wrong).encode())
        self.answers(answer, 200, "Order.Invalid", "the quantity of tea is 0, it must be positive")
        self.assertTrue(any("price" in frame for frame in answer.json()["stackTrace"]), answer)

    def test_a_streamed_response_reaches_a_plain_caller_whole(self):
        env = self.start(command=[binary("streaming_function")], handler="parts")
        self.assertEqual(env.call(b'{"parts":["a","bc",""]}').body, b"abc")
        self.assertEqual(env.call(b'{"parts":[]}').body, b"")
        early = env.call(b'{"parts":[],"then":"Parts.None"}')
        self.answers(early, 200, "Parts.None", "behind 0")
        late = env.call(b'{"parts":["a"],"then":"Parts.Lost"}')
        self.differs(divergences.TRAILERS, late.body, rie=b"a",
                     mayfly=b'{"errorMessage":"behind 1","errorType":"Parts.Lost","stackTrace":[]}')
        self.assertEqual(env.call(b'{"parts":["d"]}').body, b"d")

    def test_an_http_function_answers_in_the_form_that_asked(self):
        env = self.start(command=[binary("../examples/notes")])
        v2 = {"version": "2.0", "rawPath": "/notes", "rawQueryString": "", "headers": {"host": "x.lambda-url.on.aws"},
              "body": "eyJ0ZXh0Ijoic8OpIn0=", "isBase64Encoded": True,
              "requestContext": {"http": {"method": "POST", "path": "/notes"}, "stage": "$default"}}
        answer = env.call(json.dumps(v2).encode())
        self.answers(answer, 200)
        self.assertEqual(answer.json()["statusCode"], 201)
        self.assertEqual(json.loads(answer.json()["body"]), {"text": "s\u00e9"})
        balancer = {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": "/hello/a%20b",
                    "queryStringParameters": {}, "headers": {"host": "x"}, "body": "", "isBase64Encoded": False}
        answer = env.call(json.dumps(balancer).encode()).json()
        self.assertEqual((answer["statusCode"], answer["statusDescription"], answer["body"]), (200, "200 OK", "hello a b"))
        missing = env.call(json.dumps({**balancer, "path": "/none"}).encode()).json()
        self.assertEqual(missing["statusCode"], 404)

    def test_a_batch_answers_with_the_messages_that_failed(self):
        env = self.start(command=[binary("../examples/order_queue")])
        def failed(arn, *bodies):
            records = [{"messageId": str(i), "body": body, "eventSourceARN": arn} for i, body in enumerate(bodies)]
            answer = env.call(json.dumps({"Records": records}).encode())
            self.answers(answer, 200)
            return [failure["itemIdentifier"] for failure in answer.json()["batchItemFailures"]]
        good, bad = '{"id":"a","quantity":2}', '{"id":"b","quantity":0}'
        self.assertEqual(failed("arn:aws:sqs:eu-west-1:1:q", good, bad, good, "{"), ["1", "3"])
        self.assertEqual(failed("arn:aws:sqs:eu-west-1:1:q.fifo", good, bad, good), ["1", "2"])
        self.assertEqual(failed("arn:aws:sqs:eu-west-1:1:q", good), [])

    def test_an_unknown_handler_is_an_init_error_that_lists_the_known(self):
        env = self.start(command=[binary("../examples/orders")], handler="sell")
        answer = env.call()
        self.differs(divergences.INIT_ERROR, answer.status, mayfly=200, rie=502)
        message = answer.json()["errorMessage"]
        for word in ("sell", "price", "import"):
            self.assertIn(word, message)

    def test_bootstrap_names_a_missing_shared_object(self):
        env = self.start(command=[binary("bootstrap")], handler="orders.so:price",
                         variables={} if self.on_mayfly_run else {"LAMBDA_TASK_ROOT": "/var/task"})
        answer = env.call()
        self.differs(divergences.INIT_ERROR, answer.status, mayfly=200, rie=502)
        self.assertEqual(answer.error_type, "Runtime.HandlerNotFound")
        self.assertIn("orders.so", answer.json()["errorMessage"])


class Contexts(Case):
    """Our context and that of AWS's Python runtime, field by field."""

    def context_of(self, headers, **named):
        env = self.start(handler="function.handler", **named)
        answer = env.call(b"{}", headers=headers)
        self.answers(answer, 200)
        context = answer.json()
        # Of the invocation or the moment, not of the runtime.
        self.assertGreater(context.pop("remaining_time_in_millis"), 0)
        self.assertGreater(context.pop("epoch_deadline_time_in_ms") or 1, 0)
        if self.on_mayfly:
            self.assertRegex(context.pop("log_stream_name"), r"^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$")
        context.pop("trace_id", None)
        return context

    def compare(self, headers):
        python = self.folder_with({"function.py": PYTHON_FUNCTION})
        headers = {"X-Amzn-RequestId": str(uuid.uuid4()), **headers}
        variables = {} if self.on_mayfly_run else {"LAMBDA_TASK_ROOT": str(python)}
        ours = self.context_of(headers, command=[binary("echo_context")])
        aws = self.context_of(headers, command=[sys.executable, "-m", "awslambdaric", "function.handler"],
                              folder=python, variables=variables)
        if "trace_variable" in ours and self.on_mayfly and "X-Amzn-Trace-Id" not in headers:
            for context in (ours, aws):
                self.assertRegex(context.pop("trace_variable"), "^Root=1-")
        self.assertEqual(ours, aws)
        self.assertEqual(ours["aws_request_id"], headers["X-Amzn-RequestId"])
        return ours

    def test_a_plain_invocation(self):
        self.compare({})

    def test_client_context_tenant_and_trace(self):
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        encoded = base64.b64encode(json.dumps(CONTEXT).encode()).decode()
        context = self.compare({"X-Amz-Client-Context": encoded, "X-Amz-Tenant-Id": "blue",
                                "X-Amzn-Trace-Id": trace})
        self.assertEqual(context["client_context"], CONTEXT)
        self.assertEqual(context["tenant_id"], "blue")
        self.differs(divergences.TRACE_ID, context["trace_variable"], mayfly=trace, rie=None)


if __name__ == "__main__":
    main()
