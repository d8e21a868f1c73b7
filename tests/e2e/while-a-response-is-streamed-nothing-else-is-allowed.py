from sandbox import equal, mayfly_run
from streaming import Call, Response

with mayfly_run() as env:
    call = Call(env)
    runtime = env.actor()
    event = runtime.next()
    response = Response(runtime, event)
    response.chunk(b"begun")
    equal(call.chunk(), b"begun")

    def is_refused(answer, target):
        error = answer.json()
        equal((answer.status, error["errorType"]), (403, "InvalidStateTransition"))
        equal(error["errorMessage"], f"State transition from InvocationResponse to {target} failed for runtime. "
              "Error: State transition is not allowed")

    is_refused(runtime.next(), "Ready")
    is_refused(runtime.respond(event.request_id), "InvocationResponse")
    is_refused(runtime.respond(event.request_id, headers={"Lambda-Runtime-Function-Response-Mode": "streaming"}),
               "InvocationResponse")
    is_refused(runtime.fail(event.request_id), "InvocationErrorResponse")
    is_refused(runtime.fail_init(), "InitError")
    equal(runtime.respond("some-other-id").status, 400)

    equal(response.end().status, 202)
    equal(call.complete(), {})
    equal(runtime.respond(event.request_id).json()["errorMessage"],
          "State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. "
          "Error: State transition is not allowed")
    runtime.begin_next()
