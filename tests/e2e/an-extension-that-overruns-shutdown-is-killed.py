from sandbox import equal, mayfly_run, misbehaving

with mayfly_run(command=misbehaving(), extensions=["agent"]) as env:
    call = env.begin_call(b'{"act":"nothing"}')
    agent = env.actor("agent")
    agent.register(["SHUTDOWN"])
    agent.run("sigterm_exits = False")
    shutdown = agent.begin_event()
    call.answer()
    env.begin_stop()
    equal(shutdown.answer().json()["eventType"], "SHUTDOWN")
    equal(env.wait(), 0)
    agent.wait_until_gone()
    assert agent.signals.empty(), "extensions get no SIGTERM"
