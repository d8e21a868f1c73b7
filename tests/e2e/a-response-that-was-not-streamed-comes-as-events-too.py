from sandbox import equal, mayfly_run
from streaming import Call, lambda_client

with mayfly_run() as env:
    call = Call(env)
    runtime = env.actor()
    event = runtime.next()
    equal(runtime.respond(event.request_id, b"x" * 300_000).status, 202)
    equal([len(call.chunk()) for _ in range(3)], [131_072, 131_072, 300_000 - 2 * 131_072])
    equal(call.complete(), {})
    equal(call.answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-remapped-content-type"], "application/json")

    call = Call(env)
    event = runtime.next()
    equal(runtime.fail(event.request_id, b'{"errorType":"Orders.Unknown"}').status, 202)
    equal(call.complete(), {"ErrorCode": "Unhandled", "ErrorDetails": '{"errorType":"Orders.Unknown"}'})
    parked = runtime.begin_next()

    # The service's own errors come before the stream, as statuses.
    client = lambda_client(env)
    for arguments, error in (({"Payload": b"not JSON"}, "InvalidRequestContentException"),
                             ({"FunctionName": "no/name"}, "ValidationException"),
                             ({"InvocationType": "Event"}, "ValidationException")):
        try:
            client.invoke_with_response_stream(**{"FunctionName": "function", **arguments})
            raise AssertionError(f"no {error}")
        except client.exceptions.ClientError as refused:
            equal(refused.response["Error"]["Code"], error)
    equal(client.invoke_with_response_stream(FunctionName="function", InvocationType="DryRun")["StatusCode"], 204)
