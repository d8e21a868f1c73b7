from sandbox import act, equal, with_backend

with with_backend() as (env, backend):
    for _ in range(3):
        act(env, "print", 500)
    equal(env.stop(), 0)
    lines = [record.get("body") for record in backend.records if str(record.get("body")).startswith("line ")]
    equal(lines, [f"line {number}" for number in range(500)] * 3)
