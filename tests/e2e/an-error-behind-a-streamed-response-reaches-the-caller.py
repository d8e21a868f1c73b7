from sandbox import equal, is_function_error, matches, mayfly_run
from streaming import Call, Response, error_trailers

ERROR = b'{"errorMessage":"too late\\n","errorType":"Orders.Late"}'

with mayfly_run() as env:
    call = Call(env)
    runtime = env.actor()
    response = Response(runtime, runtime.next(), "Trailer: Lambda-Runtime-Function-Error-Type\r\n")
    response.chunk(b"so far")
    equal(call.chunk(), b"so far")
    equal(response.end(error_trailers("Orders.Late", ERROR)).status, 202)
    equal(call.complete(), {"ErrorCode": "Orders.Late", "ErrorDetails": ERROR.decode()})
    parked = runtime.begin_next()
    report = env.wait_for("^REPORT .*")[0]
    assert "Status" not in report, report  # a success of the function, as on Lambda

    # To a caller who takes it whole it is an error like any other.
    pending = env.begin_call()
    response = Response(runtime, parked.answer())
    response.chunk(b"so far")
    response.end(error_trailers("Orders.Late", ERROR))
    is_function_error(pending.answer(), "Orders.Late", "too late\n")
    runtime.begin_next()
