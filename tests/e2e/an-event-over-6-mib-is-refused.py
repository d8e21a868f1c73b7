from sandbox import contains, equal, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    answer = env.call(b'"' + b"x" * (6 * 1024 * 1024) + b'"')
    equal(answer.status, 413)
    equal(answer.header("x-amzn-ErrorType"), "RequestEntityTooLargeException")
    contains(answer.json()["message"], "limit 6291456 bytes")
    works(env)
