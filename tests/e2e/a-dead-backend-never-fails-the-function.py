from sandbox import act, equal, free_port, mayfly_run, misbehaving, telemetry_daemon

with mayfly_run(command=misbehaving(), programs=telemetry_daemon(),
                variables={"MAYFLY_TELEMETRY_DESTINATIONS": f"otlp+http://127.0.0.1:{free_port()}"}) as env:
    for _ in range(20):
        equal(act(env, "print", 10).body, b"null")
    equal(env.stop(), 0)
    complaints = [line for line in env.everything().splitlines() if "otlp" in line or "backend" in line.lower()]
    assert len(complaints) <= 3, complaints
