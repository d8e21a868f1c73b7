from sandbox import is_function_error, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    for payload, path in ((b'{"n":1}', "act"), (b'{"act":7}', "act"), (b'{"act":"exit","n":"zero"}', "n"), (b"[]", "")):
        is_function_error(env.call(payload), "Runtime.UnmarshalError", rf".*\b{path}\b.*")
    works(env)
