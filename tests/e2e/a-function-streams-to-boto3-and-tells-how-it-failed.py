import json

from sandbox import binary, equal, is_function_error, mayfly_run
from streaming import Call

with mayfly_run(command=[binary("streaming_function")], handler="parts") as env:
    def call(parts, then=None):
        return Call(env, json.dumps({"parts": parts, "then": then}).encode())

    # What is written in parts may come in others.
    streamed, data = call(["first", "\0 second", "é"]), b""
    while data != "first\0 secondé".encode():
        data += streamed.chunk()
    equal(streamed.complete(), {})
    equal(streamed.answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-remapped-content-type"], "text/plain")
    equal(call([]).complete(), {})

    failed = call(["so far"], "Parts.Lost")
    equal(failed.chunk(), b"so far")
    complete = failed.complete()
    equal(complete["ErrorCode"], "Parts.Lost")
    equal(json.loads(complete["ErrorDetails"]),
          {"errorMessage": "behind 1", "errorType": "Parts.Lost", "stackTrace": []})

    # Who takes it whole gets it whole, and errors as errors.
    equal(env.call(b'{"parts":["a","b"]}').body, b"ab")
    is_function_error(env.call(b'{"parts":["a"],"then":"Parts.Lost"}'), "Parts.Lost", "behind 1")
    is_function_error(env.call(b'{"parts":[],"then":"Parts.None"}'), "Parts.None", "behind 0")
    equal(call(["and on"]).chunk(), b"and on")
