from sandbox import equal, mayfly_run, misbehaving

with mayfly_run(command=misbehaving("farewell")) as env:
    equal(env.call(b'"hello"').body, b'"hello"')
    equal(env.stop(), 0)
    env.wait_for("the function says goodbye")
