from sandbox import equal, matches, mayfly_run, misbehaving

with mayfly_run(command=misbehaving(), extensions=["agent"]) as env:
    call = env.begin_call(b'{"act":"nothing"}')
    agent = env.actor("agent")
    agent.register(["INVOKE"])
    agent.event()  # and never done with it
    equal(call.answer().body, b"null")
    equal(env.stop(), 0)
    report = env.wait_for("^REPORT .*").group()
    assert "Status" not in report, report
    matches(env.everything(), "^stopped .* 1 call, 0 errors")
