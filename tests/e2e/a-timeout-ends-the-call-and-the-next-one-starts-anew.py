from sandbox import act, is_function_error, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving(), timeout=1) as env:
    works(env)
    is_function_error(act(env, "hang"), "Sandbox.Timedout",
                      r"RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds")
    env.wait_for("^REPORT.*Status: timeout")
    works(env)
