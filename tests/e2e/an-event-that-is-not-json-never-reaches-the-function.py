from sandbox import contains, equal, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    for payload in (b'{"act":', b"act", b'"\xff"', b'{"act":"exit"} trailing', b"\0"):
        answer = env.call(payload)
        equal(answer.status, 400)
        equal(answer.header("x-amzn-ErrorType"), "InvalidRequestContentException")
        contains(answer.json()["message"], "Could not parse request body into json")
    equal(env.output().count("START RequestId"), 0)
    works(env)
