import http.client
import json
import pathlib
import tempfile

from sandbox import (MARKER, PATIENCE_S, equal, listening_ports, mayfly_run, misbehaving, process_named,
                     telemetry_daemon, wait_until, works)


def record(text):
    return json.dumps({"time": "2026-01-01T00:00:00.000Z", "type": "function", "record": text}, separators=(",", ":"))


BATCHES = (
    f'[{record("one")},{{"time":7,"type":[],"record":null}},{record("two")}]',
    f'[{record("three")},{{}},17,"text",null,{record("four")}]',
    f'[{record("five")},{{"time":"2026-01-01T00:00:00.000Z","type":"platform.new","record":{{}}}},{record("six")}]',
    "not JSON", "[", "{}", "",
    f'[{record("seven")}]',
)

with tempfile.TemporaryDirectory() as folder, mayfly_run(
        command=misbehaving(), programs=telemetry_daemon(), options=("--no-freeze",),
        variables={"MAYFLY_TELEMETRY_DESTINATIONS": f"file:{folder}/records.ndjson"}) as env:
    records = pathlib.Path(folder) / "records.ndjson"
    works(env)
    [port] = listening_ports(process_named("mayfly-telemetry", env.variables[MARKER]))
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    for batch in BATCHES:
        caller.request("POST", "/", batch.encode(), {"Content-Type": "application/json"})
        answer = caller.getresponse()
        answer.read()
        equal((batch, answer.status), (batch, 200))
    works(env)
    for word in ("one", "two", "three", "four", "five", "six", "seven"):
        wait_until(lambda: f'"record":"{word}"' in records.read_text(), f"the record {word}")
