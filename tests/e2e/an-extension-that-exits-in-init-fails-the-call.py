from sandbox import is_function_error, mayfly_run, misbehaving

with mayfly_run(command=misbehaving(), extensions=["agent"]) as env:
    call = env.begin_call(b'{"act":"nothing"}')
    for _ in range(2):  # the Init phase and its second try
        agent = env.actor("agent")
        agent.register()
        agent.report_failure("init", "Extension.NoConfig")
        agent.exit(1)
    is_function_error(call.answer(), "Extension.InitError", ".*")
