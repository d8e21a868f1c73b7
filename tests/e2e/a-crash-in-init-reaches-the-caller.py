from sandbox import act, is_function_error, mayfly_run, misbehaving

for deed, text in (("abort", "signal: aborted"), ("exit", "exit status 3")):
    with mayfly_run(command=misbehaving(), variables={"ACT_IN_INIT": deed}) as env:
        for _ in range(2):
            is_function_error(act(env, "nothing"), "Runtime.ExitError",
                              f"RequestId: [0-9a-f-]{{36}} Error: Runtime exited with error: {text}")
