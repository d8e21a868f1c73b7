from sandbox import MARKER, act, is_function_error, mayfly_run, misbehaving, processes_with, wait_until, works

with mayfly_run(command=misbehaving()) as env:
    grandchild = int(act(env, "spawn").body)
    is_function_error(act(env, "exit", 3), "Runtime.ExitError", ".*exit status 3")
    wait_until(lambda: grandchild not in processes_with(env.variables[MARKER]), "the end of what it has started")
    works(env)
