#!/usr/bin/env python3
"""What mayfly-telemetry costs: the function's start, each invocation, memory, CPU.

Starts: in turns with raw_extension, the same calls on a bare socket, against the
same bare server. "All settings": every variable set, with destinations of every
kind. "A fourteenth": see echo.py. Everything else: telemetry_bench, which is
Lambda around the daemon and a backend behind it, on another processor; where it
is allowed with real-time priority, so that nothing else comes between.

Ends with 1 if a promise does not hold.
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import echo
import run as measure

# The backend of these never is there: nothing is sent before the first `next`.
ALL_SETTINGS = {
    "MAYFLY_TELEMETRY_DESTINATIONS": " ".join([
        "otlp+https://user:secret@collector.example:4318/base#compression=gzip&headers=x-tenant%3Dshop,x-key%3D${ssm:/shop/key}&timeout=2000",
        "otlp+http://127.0.0.1:9/base#signals=logs,traces&types=function",
        "ndjson+https://logs.example/in#compression=zstd&headers=authorization%3D${secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:logs%23token}",
        "ndjson+http://127.0.0.1:9/in#types=platform,function",
        "file:/tmp/mayfly-bench-records.ndjson#types=function",
        "stdout:#types=platform"]),
    "MAYFLY_TELEMETRY_TYPES": "platform,function,extension",
    "MAYFLY_TELEMETRY_FLUSH": "adaptive",
    "MAYFLY_TELEMETRY_QUEUE_BYTES": "4194304",
    "MAYFLY_TELEMETRY_SPOOL": "/tmp/mayfly-bench-spool",
    "MAYFLY_TELEMETRY_RETRY_500": "on",
    "MAYFLY_TELEMETRY_RECEIVER": "on",
    "OTEL_EXPORTER_OTLP_HEADERS": "api-key=abc%20def,x-scope=all",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "5000",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "/etc/ssl/certs/ca-certificates.crt",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_SERVICE_NAME": "shop",
    "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=production,team=orders,host.note=a%2Cb",
}


class Variables:
    """Of this process and so of what it starts, in a with-block."""

    def __init__(self, variables):
        self.variables = variables

    def __enter__(self):
        os.environ.update(self.variables)

    def __exit__(self, *_):
        for name in self.variables:
            del os.environ[name]


def starts_table(bench, daemon, rounds):
    raw, ours = [bench.programs / "raw_extension"], [daemon]
    kinds = {"": {}, ", all settings": ALL_SETTINGS}
    results = {kind: [] for kind in kinds}
    share = {kind: [] for kind in kinds} if echo.share_works() else {}
    for turn in range(rounds):
        measure.progress(f"telemetry, starts, round {turn + 1} of {rounds}")
        for kind, variables in kinds.items():
            with Variables(variables):
                order = (raw, ours) if turn % 2 == 0 else (ours, raw)
                both = {str(command[0]): bench.starts(command, True) for command in order}
                results[kind].append((both[str(raw[0])], both[str(ours[0])]))
                if share:
                    share[kind].append(tuple(echo.start_in_share(bench, command) for command in (raw, ours)))
    table = measure.Table("mayfly-telemetry")
    for kind in kinds:
        def pick(name, scale=1):
            return [(a[name] * scale, b[name] * scale) for a, b in results[kind]]
        table.pairs(f"exec to first `next`{kind}", "ms", pick("start_ms"), "" if kind else "<= 1.5x")
        table.pairs(f"CPU from exec to first `next`{kind}", "ms", pick("start_cpu_ms"), "<= 1.4 ms")
        if share:
            table.pairs(f"exec to first `next`{kind}, a fourteenth of a processor", "ms", share[kind], "" if kind else "<= 1.5x")
        table.pairs(f"resident at the first `next`{kind}", "MB", pick("resident_kb", 1 / 1024), "<= 4 MB")
    return table


class Driver:
    """telemetry_bench, once a call."""

    def __init__(self, bench, daemon):
        self.bench, self.daemon = bench, daemon

    def __call__(self, what, **variables):
        def place():
            if self.bench.real_time:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        done = subprocess.run([self.bench.programs / "telemetry_bench", self.daemon, str(self.bench.processor), what,
                               *(f"{name}={value}" for name, value in variables.items())],
                              preexec_fn=place, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"telemetry_bench {what}: {done.stderr}")
        return json.loads(done.stdout)


def cost_table(bench, daemon, rounds):
    driver = Driver(bench, daemon)
    found = {}
    for turn in range(rounds):
        measure.progress(f"telemetry, costs, round {turn + 1} of {rounds}")
        for name, what, variables in (("end", "after", {"MAYFLY_TELEMETRY_FLUSH": "end"}), ("busy", "busy", {}), ("dead", "dead", {}),
                                      ("memory", "memory", {"MAYFLY_TELEMETRY_QUEUE_BYTES": "8388608"}),
                                      ("secure", "secure", {}), ("throughput", "throughput", {})):
            found.setdefault(name, []).append(driver(what, **variables))
    encode = bench.programs / "telemetry_encode"
    floors = [json.loads(subprocess.run([encode], capture_output=True, text=True, check=True).stdout) for _ in range(rounds)] \
        if encode.exists() else []

    def ours(name, field, scale=1, floor=None):
        return [(r[floor] * scale if floor else 0, r[field] * scale) for r in found[name]]

    table = measure.Table("mayfly-telemetry", "floor")
    table.pairs("`end`: response to `next`, p50; the floor is Lambda's buffer and a round trip", "ms", ours("end", "added_p50_ms", floor="floor_p50_ms"))
    table.pairs("of these, its own", "ms", [(0, r["added_p50_ms"] - r["floor_p50_ms"]) for r in found["end"]], "<= 2 ms")
    table.pairs("`adaptive`, calls without a pause: response to `next`, p50", "ms", ours("busy", "added_p50_ms"))
    table.pairs("the same, p99", "ms", ours("busy", "added_p99_ms"), "<= 1 ms")
    table.pairs("backend dead: the first invocation", "ms", ours("dead", "first_ms"), "<= 200 ms")
    table.pairs("backend dead: those that follow, p50", "ms", ours("dead", "then_p50_ms"), "<= 1 ms")
    table.pairs("from socket to backend, one processor", "records/s", ours("throughput", "records_per_s"), ">= 1,500,000")
    table.pairs("the same, CPU for a record, the kernel's work with it", "ns", ours("throughput", "cpu_ns_per_record"))
    for form in floors[0] if floors else []:
        alone = [f[form] for f in floors]
        what = f"a record of {form}, {alone[0]['record_bytes']:.0f} bytes"
        parts = ("memcpy", "simdjson", "zstd")
        table.pairs(f"{what}: read, encoded, compressed; the floor is {', '.join(parts)} alone", "ns",
                    [(sum(f[f"{part}_ns"] for part in parts), f["road_ns"]) for f in alone], "<= 600 ns" if form == "text" else "")
        for part in parts:
            table.floor(f"of the floor: {part}", "ns", [f[f"{part}_ns"] for f in alone])
        table.pairs(f"{what}: heap allocations", "", [(0, f["allocations"]) for f in alone], "<= 0.01")
    table.pairs("resident after 100 invocations", "MB", ours("memory", "used_kb", 1 / 1024), "<= 4 MB")
    table.pairs("resident after 100 invocations over TLS", "MB", ours("secure", "used_kb", 1 / 1024), "<= 12 MB")
    table.pairs("resident with 100,000 records for a dead backend, a queue of 8 MiB", "MB", ours("memory", "dead_most_kb", 1 / 1024), "<= 14 MB")
    table.pairs("resident once they are out", "MB", ours("memory", "after_kb", 1 / 1024), "<= 6 MB")
    return table


def response_table(bench, mayfly, daemon, rounds):
    """What a caller waits for, without and with the daemon beside the function. The
    daemon is not on the way of a response; `mayfly run` thaws a second process and
    tells it of the invocation, some 0.1 ms. No promise: it is not the daemon's."""
    calls, pause = 25, 0.06  # the pause is over before the next call: what comes after a response is not in its way

    def p50(options, variables):
        command = [mayfly, "run", "--listen", "PORT", "-q", *options, "--", bench.programs / "bench_echo"]
        with measure.Serving(command, {**os.environ, **variables}) as serving:
            taken = []
            connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=60)
            for _ in range(calls):
                time.sleep(pause)
                began = time.monotonic()
                connection.request("POST", "/2015-03-31/functions/function/invocations", body=b"{}")
                answer = connection.getresponse()
                answer.read()
                taken.append((time.monotonic() - began) * 1000)
                if answer.status != 200:
                    sys.exit(f"mayfly run answered {answer.status}")
            return statistics.median(taken[5:])

    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(daemon, pathlib.Path(folder) / "mayfly-telemetry")
        with_daemon = ["--extensions", folder, "--env", "MAYFLY_TELEMETRY_DESTINATIONS=otlp+http://127.0.0.1:9"]
        for turn in range(rounds):
            measure.progress(f"telemetry, responses, round {turn + 1} of {rounds}")
            sides = {False: [], True: with_daemon}
            order = (False, True) if turn % 2 == 0 else (True, False)
            found = {side: p50(sides[side], {}) for side in order}
            pairs.append((found[False], found[True]))
    table = measure.Table("with mayfly-telemetry", "function alone")
    table.pairs("response to the caller under `mayfly run`", "ms", pairs)
    return table


def sizes_table(build):
    table = measure.Table("mayfly-telemetry", "")
    table.pairs("stripped", "KB", [(0, measure.stripped_kb(build / "bin" / "mayfly-telemetry"))], "<= 1,536 KB")
    for name, pattern, promise in (("TLS module, stripped", "**/libmayfly-tls.so", "<= 6,144 KB"), ("layer, zipped", "layers/mayfly-telemetry.zip", "<= 3,072 KB")):
        for path in sorted(build.glob(pattern))[:1]:
            size = measure.stripped_kb(path) if path.suffix == ".so" else path.stat().st_size / 1024
            table.pairs(name, "KB", [(0, size)], promise)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of each measurement (5)")
    parser.add_argument("--build", type=pathlib.Path, default=measure.ROOT / "build/release", metavar="DIR")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    bench = measure.Bench(build, max(os.sched_getaffinity(0)))
    daemon = build / "bin" / "mayfly-telemetry"
    where = measure.machine()
    tables = [starts_table(bench, daemon, arguments.rounds), cost_table(bench, daemon, arguments.rounds),
              response_table(bench, build / "bin" / "mayfly", daemon, arguments.rounds), sizes_table(build)]
    print(where + ".\n\n" + "\n\n".join(map(str, tables)))
    broken = [line for table in tables for line in table.broken]
    for line in broken:
        measure.progress(f"broken: {line}")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
