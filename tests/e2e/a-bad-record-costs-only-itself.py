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
    # Over the listener's limit, which costs one record in the count; not UTF-8; deep.
    "[" + record("x" * 16 * 1024 * 1024) + "]",
    f'[{record("eight")},'.encode() + record("?").encode().replace(b"?", b"\xff\xc3") + f',{record("nine")}]'.encode(),
    f'[{record("ten")},' + '{"time":"2026-01-01T00:00:00.000Z","type":"platform.report","record":' + "[" * 100_000 +
    "]" * 100_000 + "}," + record("eleven") + "]",
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
        body = batch if isinstance(batch, bytes) else batch.encode()
        caller.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = caller.getresponse()
        answer.read()
        equal((body[:200], answer.status), (body[:200], 200))
    works(env)
    for word in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"):
        wait_until(lambda: f'"record":"{word}"' in records.read_text(), f"the record {word}")
    equal(env.stop(), 0)
    # By batch: 1, 4, 0; 1 each for what is no array; 1 each for too long, not UTF-8, too deep.
    env.wait_for("some telemetry was lost.*malformed=11 ")
