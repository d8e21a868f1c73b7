from sandbox import act, equal, with_backend

with with_backend() as (env, backend):
    answer = act(env, "print", 3)
    equal(answer.body, b"null")
    for number in range(3):
        record = backend.wait_for(f"line {number}")
        equal(record["attributes"]["faas.invocation_id"], answer.header("x-amzn-RequestId"))
        equal(record["resource"]["faas.name"], "function")
