from sandbox import equal, mayfly_run

with mayfly_run() as env:
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"},
                    {"Host": f"evil.example:{env.port}"}):
        equal((headers, env.call(headers=headers).status), (headers, 403))
    equal(env.stage.actors(), [])
    call = env.begin_call(headers={"Host": f"localhost:{env.port}"})
    runtime = env.actor()
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        equal(runtime.request("GET", "/2018-06-01/runtime/invocation/next", headers=headers).status, 403)
    event = runtime.next()
    runtime.respond(event.request_id, b'"mine"')
    equal(call.answer().body, b'"mine"')
