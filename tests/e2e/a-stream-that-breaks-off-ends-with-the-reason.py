import json
import signal

from sandbox import equal, matches, mayfly_run
from streaming import Call, Response

with mayfly_run(timeout=2) as env:
    def begin():
        """A call whose response has begun, its runtime, and the response."""
        call = Call(env)
        runtime = env.actor()
        response = Response(runtime, runtime.next())
        response.chunk(b"so far")
        equal(call.chunk(), b"so far")
        return call, runtime, response

    def ends_with(call, code, message):
        complete = call.complete()
        equal(complete["ErrorCode"], code)
        details = json.loads(complete["ErrorDetails"])
        equal(details["errorType"], code)
        matches(details["errorMessage"], message)

    call, runtime, response = begin()
    runtime.die_of(signal.SIGKILL)
    ends_with(call, "Runtime.ExitError", "Error: Runtime exited with error: signal: killed$")

    call, runtime, response = begin()
    ends_with(call, "Sandbox.Timedout", r"Error: Task timed out after 2\.00 seconds$")

    call, runtime, response = begin()
    response.cut()
    # The runtime lives and goes on: the same process takes the next event.
    parked = runtime.begin_next()
    ends_with(call, "Runtime.TruncatedResponse", "Error: Response was truncated$")
    call = Call(env)
    equal(runtime.respond(parked.answer().request_id, b"well").status, 202)
    equal(call.chunk(), b"well")
    equal(call.complete(), {})
