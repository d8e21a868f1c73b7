from sandbox import equal, mayfly_run, misbehaving, telemetry_daemon, works

for value in (None, "", "carrier-pigeon://loft", "otlp+http://:bad", "file:"):
    variables = {} if value is None else {"MAYFLY_TELEMETRY_DESTINATIONS": value}
    with mayfly_run(command=misbehaving(), programs=telemetry_daemon(), variables=variables) as env:
        works(env)
        works(env)
        equal(env.stop(), 0)
        said = [line for line in env.everything().splitlines() if "telemetry is not forwarded" in line]
        equal((value, len(said)), (value, 1))
