from sandbox import act, is_function_error, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    for deed, signal in (("segfault", "segmentation fault"), ("abort", "aborted")):
        works(env)
        is_function_error(act(env, deed), "Runtime.ExitError",
                          f"RequestId: [0-9a-f-]{{36}} Error: Runtime exited with error: signal: {signal}")
    works(env)
