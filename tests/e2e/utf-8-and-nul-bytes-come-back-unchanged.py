from sandbox import act, binary, equal, mayfly_run, misbehaving

with mayfly_run(command=[binary("echo_function")]) as env:
    for payload in ('"Łódź 日本 𝄞 \\u0000 é"'.encode(), b'{"\\u0000":"\\ud834\\udd1e"}', b'"\x7f"'):
        equal(env.call(payload).body, payload)
with mayfly_run(command=misbehaving()) as env:
    answer = act(env, "nul")
    equal(answer.status, 200)
    equal(answer.body, b"a\0b\xff\xfe")
