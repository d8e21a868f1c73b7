import json
import pathlib

from sandbox import binary, equal, is_function_error, mayfly_run

ORDER_QUEUE = str(pathlib.Path(binary("mayfly")).resolve().parent.parent / "examples" / "order_queue")


def batch(arn, *bodies):
    return json.dumps({"Records": [{"messageId": str(i), "body": body, "eventSourceARN": arn}
                                   for i, body in enumerate(bodies)]}).encode()


def failed(answer):
    return [failure["itemIdentifier"] for failure in json.loads(answer.body)["batchItemFailures"]]


GOOD, BAD, BROKEN = '{"id":"a","quantity":2}', '{"id":"b","quantity":0}', "{"
with mayfly_run(command=[ORDER_QUEUE]) as env:
    equal(failed(env.call(batch("arn:aws:sqs:eu-west-1:1:q", GOOD, BAD, GOOD, BROKEN))), ["1", "3"])
    env.wait_for('a record failed itemIdentifier=1 errorType=Order.Invalid errorMessage="quantity must be positive"')
    env.wait_for("a record failed itemIdentifier=3 errorType=Order.Unreadable")
    equal(failed(env.call(batch("arn:aws:sqs:eu-west-1:1:q.fifo", GOOD, BAD, GOOD))), ["1", "2"])
    equal(failed(env.call(batch("arn:aws:sqs:eu-west-1:1:q", GOOD))), [])
    is_function_error(env.call(b'{"Records":[{"messageId":"0"}]}'), "Runtime.UnmarshalError",
                      r"\$\.Records\[0\]\.body: a required field is missing")
