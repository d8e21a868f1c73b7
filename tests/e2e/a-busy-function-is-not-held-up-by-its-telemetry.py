"""Calls in quick succession are soon not held open for their telemetry any more;
their logs, spans and metrics are at the backend in the end, each once."""

from sandbox import act, equal, with_backend

with with_backend(signals="logs,metrics,traces") as (env, backend):
    for _ in range(12):
        act(env, "print", 3)
    equal(env.stop(), 0)
    records = backend.everything

lines = [record["body"] for record in records if str(record.get("body")).startswith("line ")]
equal(lines, [f"line {number}" for number in range(3)] * 12)
SERVER = 2
equal(sum(1 for record in records if "span" in record and record["kind"] == SERVER), 12)
equal(sum(record["value"] for record in records if record.get("metric") == "faas.invocations"), 12)
# Each held invocation has grown it, so it is in at most as many batches.
held = sum(1 for record in records if record.get("metric") == "mayfly.telemetry.added_time")
assert 1 <= held <= 8, held
