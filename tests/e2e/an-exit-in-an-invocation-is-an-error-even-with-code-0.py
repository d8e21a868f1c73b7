from sandbox import act, is_function_error, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    is_function_error(act(env, "exit", 0), "Runtime.ExitError",
                      "RequestId: [0-9a-f-]{36} Error: Runtime exited without providing a reason")
    is_function_error(act(env, "exit", 42), "Runtime.ExitError",
                      "RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 42")
    works(env)
