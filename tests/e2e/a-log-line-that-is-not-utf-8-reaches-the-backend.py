from sandbox import act, with_backend

with with_backend() as (env, backend):
    act(env, "print bytes")
    backend.wait_for("not \N{REPLACEMENT CHARACTER} UTF-8, \N{HONEYBEE} is")
