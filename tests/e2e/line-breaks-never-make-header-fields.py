import base64
import json

from sandbox import act, equal, mayfly_run, misbehaving, works

with mayfly_run() as env:
    # From the caller to the runtime: in a client context, where JSON allows them and where not.
    for context, taken in ((b'{"custom":{"a":"b\r\nX-Injected: yes"}}', False),
                           (b'{"custom":\r\n\r\n{"a":"b"}\n}', True)):
        headers = {"X-Amz-Client-Context": base64.b64encode(context).decode()}
        if not taken:
            equal(env.call(headers=headers).status, 400)
    call = env.begin_call(headers=headers)
    runtime = env.actor()
    event = runtime.next()
    equal(event.header("X-Injected"), None)
    equal(json.loads(event.header("Lambda-Runtime-Client-Context")), {"custom": {"a": "b"}})
    equal(event.body, b"{}")
    runtime.respond(event.request_id, b"{}", {"Content-Type": "text/plain"})
    runtime.begin_next()
    answer = call.answer()
    equal(answer.header("X-Injected"), None)
with mayfly_run(command=misbehaving()) as env:
    # From the function to the Runtime API: an error type with line breaks.
    answer = act(env, "bad error type")
    equal(answer.header("X-Amz-Function-Error"), "Unhandled")
    equal(answer.json()["errorMessage"], "evil\r\nX-Injected: yes")
    works(env)
