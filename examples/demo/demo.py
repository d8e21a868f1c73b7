"""The main job, shown: a function in C++ with the telemetry daemon beside it, in
the execution environment on this machine.

An S3 event and three orders go through the Invoke API (cold, warm, and one that
fails); the log records arrive at an OTLP/HTTP receiver that is not ours. Ends with
status 0 only if all of it is as it must be.
"""
import contextlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = ROOT / "build/release/bin"
ORDERS = ROOT / "build/release/examples/orders"
VENV = ROOT / "build/venv/bin"
PATIENCE = 60  # seconds; nothing here takes a tenth of it

GOOD = '{"id":"a1","items":[{"sku":"tea","quantity":2,"unit_price":4.5},{"sku":"cup","quantity":1,"unit_price":12}]}'
BAD = '{"id":"a2","items":[{"sku":"tea","quantity":0,"unit_price":4.5}]}'

SEVERITIES = {9: "INFO", 13: "WARN", 17: "ERROR"}  # OpenTelemetry's numbers that the daemon gives platform records

failures = []


def title(text):
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}== {text}{plain}", flush=True)


def command(*words):
    words = [str(word) for word in words]
    print("$ " + " ".join(os.path.relpath(w, ROOT) if w.startswith(str(ROOT)) else
                          (f"'{w}'" if re.search(r"[{ ]", w) else w) for w in words), flush=True)
    return words


def must(condition, what):
    if not condition:
        failures.append(what)
        print(f"NOT AS IT MUST BE: {what}", flush=True)


def s3_event(folder):
    """AWS's own sample of an S3 notification, out of the SAM CLI's package."""
    samples = pathlib.Path(importlib.util.find_spec("samcli").origin).parent / "lib/generated_sample_events"
    sample = json.loads((samples / "event-mapping.json").read_text())["s3"]["put"]
    values = {name: tag["default"] for name, tag in sample["tags"].items()} | {"bucket": "orders", "key": "batch.json"}
    text = (samples / "events/s3" / (sample["filename"] + ".json")).read_text()
    path = folder / "s3-put.json"
    path.write_text(re.sub(r"{{{(\w+)}}}", lambda match: values[match[1]], text))
    return path


@contextlib.contextmanager
def receiver(folder):
    """The backend: Python with the official opentelemetry-proto package."""
    lines, ready = folder / "records.ndjson", folder / "receiver.port"
    with lines.open("wb") as out:
        process = subprocess.Popen([VENV / "python3", ROOT / "tests/extensions/otlp_sink.py", "--json", "--port", "0",
                                    "--port-file", ready], stdout=out, stderr=subprocess.DEVNULL)
        try:
            wait_for(ready.exists, process, "the receiver")
            yield ready.read_text().strip(), lambda: [json.loads(line) for line in lines.read_text().splitlines()]
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_for(condition, process, what):
    """Until `condition` holds; the file system has no event for it, so it is asked again."""
    for _ in range(PATIENCE * 50):
        if condition():
            return
        if process.poll() is not None:
            sys.exit(f"{what} ended with status {process.returncode}")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    sys.exit(f"{what} did not start in {PATIENCE} s")


def environment_options(folder, port):
    extensions = folder / "extensions"
    extensions.mkdir(exist_ok=True)
    shutil.copy(BIN / "mayfly-telemetry", extensions)
    return ["--extensions", extensions, "--env", f"MAYFLY_TELEMETRY_DESTINATIONS=otlp+http://127.0.0.1:{port}",
            "--env", "OTEL_SERVICE_NAME=shop"]


def invoke(endpoint, payload):
    words = command(BIN / "mayfly", "invoke", "orders", "--endpoint", endpoint, "--payload", payload)
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    print(done.stdout + ("" if done.stdout.endswith("\n") else "\n") + done.stderr, end="", flush=True)
    return done


def orders(folder, port):
    title("three orders: cold, warm, and one that fails")
    ready, log = folder / "endpoint", folder / "run.log"
    words = command(BIN / "mayfly", "run", "--listen", "127.0.0.1:0", "--ready-file", ready, "--name", "orders",
                    "--handler", "price", "--view", "timeline", *environment_options(folder, port), "--", ORDERS)
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for(ready.exists, process, "mayfly run")
        endpoint = ready.read_text().strip()
        for temperature in "cold", "warm":
            done = invoke(endpoint, GOOD)
            must(done.returncode == 0 and json.loads(done.stdout) == {"order": "a1", "pieces": 3, "total": 21},
                 f"the {temperature} order is priced")
            must(temperature in done.stderr, f"it says that the environment was {temperature}")
        done = invoke(endpoint, BAD)
        error = json.loads(done.stdout)
        must(done.returncode == 1, "a failed function makes exit status 1")
        must(error["errorType"] == "Order.Invalid", "the error has the function's own type")
        must(any("price" in frame for frame in error["stackTrace"]), "the stack trace names the function that threw")
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(PATIENCE)
    title("what the environment showed meanwhile")
    print(log.read_text(), flush=True)
    must(status == 0, "mayfly run stops with status 0")
    must("mayfly-telemetry" in log.read_text(), "the timeline has a row for the extension")


def import_from_s3(folder, port):
    title("an S3 event, in a private environment for one call")
    done = subprocess.run(command(BIN / "mayfly", "invoke", "-e", s3_event(folder), "--handler", "import",
                                  *environment_options(folder, port), "--", ORDERS),
                          capture_output=True, text=True, timeout=PATIENCE)
    print(done.stdout + ("" if done.stdout.endswith("\n") else "\n") + done.stderr, end="", flush=True)
    must(done.returncode == 0 and json.loads(done.stdout)["files"] == 1, "one file is imported")


def show_metrics_and_spans(items):
    spans = sorted((i for i in items if "span" in i), key=lambda i: (i["trace_id"], int(i["start_time_unix_nano"])))
    title(f"{len(spans)} spans, by trace")
    for span in spans:
        took = (int(span["end_time_unix_nano"]) - int(span["start_time_unix_nano"])) / 1e6
        indent = "  " if span["parent_span_id"] else ""
        error = span["attributes"].get("error.type", "")
        print(f"  …{span['trace_id'][-8:]}  {indent + span['span']:30} {took:9.2f} ms  {error}")
    values = {}
    for point in items:
        if "metric" in point and isinstance(point.get("value"), (int, float)):
            values[point["metric"]] = values.get(point["metric"], 0) + point["value"]
    title(f"{sum('metric' in i for i in items)} data points; the sums of those that count")
    for name in sorted(name for name in values if name.startswith("faas.")):
        print(f"  {name:30} {values[name]:g}")
    must(sum(span["kind"] == 2 for span in spans) == 4, "each of the four invocations is a span")
    must(values.get("faas.invocations") == 3 and values.get("faas.errors") == 1, "three successes and one error are counted")


def show(everything):
    records = [item for item in everything if "body" in item]
    title(f"{len(records)} log records, as they arrived at the OTLP receiver")
    for record in records:
        attributes = record["attributes"]
        request = attributes.get("faas.invocation_id", "")
        kind = record.get("event_name") or "function"
        body = record["body"] if isinstance(record["body"], str) else json.dumps(record["body"])
        # A function's line without its time, request id and level: they have columns of their own.
        said = body.split("\t")[-1] if kind == "function" else body.replace(f" RequestId: {request}", "").replace("\t", "  ")
        severity = record["severity_text"] or SEVERITIES.get(record["severity_number"], "-")
        print(f"  {severity:5} {request[:8]:8} {kind:30} {said if len(said) <= 100 else said[:99] + '…'}")
    resource = records[0]["resource"] if records else {}
    print("\n  resource of the first")
    for name, value in resource.items():
        print(f"    {name:20} {value}")
    bodies = [str(record["body"]) for record in records]
    must(sum("priced" in body for body in bodies) == 2, "both priced orders are in the log")
    must(sum("imported" in body for body in bodies) == 1, "the imported file is in the log")
    must(sum(record.get("event_name") == "platform.report" for record in records) == 4, "four reports arrived")
    must(resource.get("service.name") == "shop" and resource.get("cloud.provider") == "aws", "the resource is described")
    show_metrics_and_spans(everything)


def main():
    with tempfile.TemporaryDirectory(prefix="mayfly-demo-") as name:
        folder = pathlib.Path(name)
        with receiver(folder) as (port, records):
            orders(folder, port)
            import_from_s3(folder, port)
            show(records())
    if failures:
        sys.exit(f"\n{len(failures)} things were not as they must be")
    print("\nall as it must be")


main()
