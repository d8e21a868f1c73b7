from sandbox import act, equal, is_function_error, mayfly_run, misbehaving, works

LIMIT = 6_291_556

with mayfly_run(command=misbehaving()) as env:
    answer = act(env, "bytes", LIMIT)
    equal((answer.status, len(answer.body), answer.header("X-Amz-Function-Error")), (200, LIMIT, None))
    is_function_error(act(env, "bytes", LIMIT + 1), "Function.ResponseSizeTooLarge",
                      r"Response payload size .*exceeded maximum allowed payload size \(6291556 bytes\)\.")
    works(env)
