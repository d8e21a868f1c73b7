from sandbox import act, with_backend

with with_backend("--reset", "--times", "2") as (env, backend):
    for _ in range(3):
        act(env, "print", 3)
    for number in range(3):
        backend.wait_for(f"line {number}", calls_of=env)
