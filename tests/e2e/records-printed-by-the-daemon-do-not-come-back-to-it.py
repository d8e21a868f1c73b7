from sandbox import act, equal, mayfly_run, misbehaving, telemetry_daemon

with mayfly_run(command=misbehaving(), programs=telemetry_daemon(),
                variables={"MAYFLY_TELEMETRY_DESTINATIONS": "stdout:",
                           "MAYFLY_TELEMETRY_TYPES": "platform,function,extension"}) as env:
    act(env, "print", 1)
    env.wait_for('"record":"line 0')
    for _ in range(3):
        act(env, "nothing")
    equal(env.stop(), 0)
    equal(env.everything().count('"record":"line 0'), 1)
