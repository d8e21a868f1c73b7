from sandbox import MARKER, equal, is_listening, mayfly_run, misbehaving, processes_with, wait_until

with mayfly_run(command=misbehaving(), extensions=["agent"]) as env:
    call = env.begin_call(b'{"act":"spawn"}')
    agent = env.actor("agent")
    marker = agent.environment[MARKER]
    agent.register(["SHUTDOWN"])
    agent.begin_event()
    grandchild = int(call.answer().body)
    assert grandchild in processes_with(marker)
    equal(len(processes_with(marker)), 3)
    equal(env.stop(), 0)
    wait_until(lambda: not processes_with(marker), "the end of all processes")
    equal(is_listening(env.port), False)
