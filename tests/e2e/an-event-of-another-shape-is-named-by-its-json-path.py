from sandbox import is_function_error, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    for payload, message in (
        (b'{"n":1}', r"\$\.act: a required field is missing"),
        (b'{"act":7}', r"\$\.act: expected a string, found number"),
        (b'{"act":"exit","n":"zero"}', r"\$\.n: expected a number, found string"),
        (b"[]", r"\$: expected an object, found array"),
    ):
        is_function_error(env.call(payload), "Runtime.UnmarshalError", message)
    works(env)
