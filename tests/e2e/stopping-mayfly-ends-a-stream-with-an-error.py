from botocore.exceptions import EventStreamError

from sandbox import equal, mayfly_run
from streaming import Call, Response

with mayfly_run() as env:
    call = Call(env)
    runtime = env.actor()
    Response(runtime, runtime.next()).chunk(b"so far")
    equal(call.chunk(), b"so far")
    equal(env.stop(), 0)
    try:
        raise AssertionError(call.event())
    except EventStreamError as error:
        equal(error.response["Error"]["Code"], "ServiceException")
