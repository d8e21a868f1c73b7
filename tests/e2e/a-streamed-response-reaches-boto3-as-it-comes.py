import base64

from sandbox import equal, matches, mayfly_run
from streaming import Call, Response, error_trailers

with mayfly_run() as env:
    call = Call(env, b'{"a":1}', LogType="Tail")
    runtime = env.actor()
    event = runtime.next()
    equal(event.json(), {"a": 1})
    response = Response(runtime, event, "Content-Type: text/event-stream\r\n")
    for data in (b"first", b"\x00\r\n\xff", b"last"):
        response.chunk(data)  # and the next one only when this one has arrived
        equal(call.chunk(), data)
    headers = call.answer["ResponseMetadata"]["HTTPHeaders"]
    equal(call.answer["StatusCode"], 200)
    equal(call.answer["ExecutedVersion"], "$LATEST")
    equal(headers["content-type"], "application/vnd.amazon.eventstream")
    equal(headers["x-amzn-remapped-content-type"], "text/event-stream")
    equal(headers["x-amzn-requestid"], event.request_id)
    equal(response.end().status, 202)
    parked = runtime.begin_next()
    complete = call.complete()
    equal(list(complete), ["LogResult"])
    matches(base64.b64decode(complete["LogResult"]).decode(), rf"^REPORT RequestId: {event.request_id}\t")

    # Without the log, nobody waits for the runtime's next call.
    call = Call(env)
    event = parked.answer()
    response = Response(runtime, event)
    equal(response.end().status, 202)
    equal(call.complete(), {})
    equal(call.answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-remapped-content-type"], "application/octet-stream")
    parked = runtime.begin_next()

    # Who sends chunks need not say that they are to be streamed: aws-lambda-go does not.
    call = Call(env)
    event = parked.answer()
    response = Response(runtime, event, mode="")
    response.chunk(b"first")
    equal(call.chunk(), b"first")
    equal(response.end(error_trailers("Orders.Broken", b"{}")).status, 202)
    equal(call.complete(), {"ErrorCode": "Orders.Broken", "ErrorDetails": "{}"})
    runtime.begin_next()
