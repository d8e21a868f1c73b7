from sandbox import act, with_backend

with with_backend("--status", "503", "--retry-after", "1", "--times", "2") as (env, backend):
    act(env, "print", 3)
    for number in range(3):
        backend.wait_for(f"line {number}", calls_of=env)
    assert [record.get("body") for record in backend.records].count("line 0") == 1
