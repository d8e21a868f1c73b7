from sandbox import is_function_error, mayfly_run, misbehaving

with mayfly_run(command=misbehaving(), extensions=["agent"]) as env:
    call = env.begin_call(b'{"act":"hang"}')
    agent = env.actor("agent")
    agent.register()
    agent.event()
    agent.exit(7)
    is_function_error(call.answer(), "Extension.Crash", ".*exit status 7.*|.*exit code 7.*")
    call = env.begin_call(b'{"act":"nothing"}')
    agent = env.actor("agent")
    agent.register([])
    agent.begin_event()
    assert call.answer().body == b"null"
