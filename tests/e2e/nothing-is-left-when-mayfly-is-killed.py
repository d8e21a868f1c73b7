import signal

from sandbox import MARKER, equal, is_listening, mayfly_run, misbehaving, processes_with, wait_until

for state in ("init", "invoke", "idle"):
    with mayfly_run(command=misbehaving(), extensions=["agent"]) as env:
        call = env.begin_call(b'{"act":"hang"}' if state == "invoke" else b'{"act":"nothing"}')
        agent = env.actor("agent")
        marker = agent.environment[MARKER]
        if state != "init":
            agent.register([])
            agent.begin_event()
            env.wait_for("START RequestId")
        if state == "idle":
            call.answer()
        env.process.send_signal(signal.SIGKILL)
        env.wait()
        wait_until(lambda: not processes_with(marker), f"the end of all processes, killed in {state}")
        equal(is_listening(env.port), False)
