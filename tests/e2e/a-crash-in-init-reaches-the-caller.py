from sandbox import act, is_function_error, mayfly_run, misbehaving

for deed, error_type, text in (
    ("abort", "Function.Abort", r"abort \(SIGABRT\)"),
    ("exit", "Runtime.ExitError", "RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3"),
):
    with mayfly_run(command=misbehaving(), variables={"ACT_IN_INIT": deed}, timeout=1) as env:
        for _ in range(2):
            is_function_error(act(env, "nothing"), error_type, text)
