from sandbox import equal, mayfly_run, misbehaving

with mayfly_run(command=misbehaving("farewell"), extensions=["agent"]) as env:
    call = env.begin_call(b'"hello"')
    agent = env.actor("agent")
    agent.register(["SHUTDOWN"])
    shutdown = agent.begin_event()
    equal(call.answer().body, b'"hello"')
    env.begin_stop()
    equal(shutdown.answer().json()["shutdownReason"], "spindown")
    agent.write("the extension hears of it\n")
    agent.exit(0)
    equal(env.wait(), 0)
    lines = env.everything()
    assert lines.index("the function says goodbye") < lines.index("the extension hears of it"), lines
