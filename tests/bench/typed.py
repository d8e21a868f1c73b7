#!/usr/bin/env python3
"""Typed events beside Rust's and Go's: an SQS batch of 256 KB is read, an order of
100 KB is read and written. Parsing alone, in each program's own process, one after
the other on one processor; medians of the rounds, ratios to ours."""

import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPED = ROOT / "tests" / "bench" / "typed"
BUILD = ROOT / "build" / "bench-typed"
ROUNDS, WORK = 7, 400


def sqs_batch():
    """100 messages; their bodies are JSON, so every quote in them is escaped."""
    def message(i):
        body = json.dumps({"order": f"a{i}", "lines": [{"sku": f"s{n:05}", "text": "two lines\nof text, é", "n": n}
                                                       for n in range(22)]})
        return {"messageId": f"19dd0b57-b21e-4ac1-bd88-{i:012}", "receiptHandle": "AQEB" + "x" * 300, "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1523232000000", "SenderId": "AIDA",
                               "ApproximateFirstReceiveTimestamp": "1523232000001"},
                "messageAttributes": {"kind": {"stringValue": "order", "stringListValues": [], "binaryListValues": [],
                                               "dataType": "String"}},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders", "awsRegion": "us-east-1"}
    return json.dumps({"Records": [message(i) for i in range(100)]}, ensure_ascii=False)


def order():
    numbers = random.Random(1)
    items = [{"sku": f"sku-{i:06}", "title": "a \"good\" thing, and another: été", "quantity": numbers.randrange(1000),
              "price": round(numbers.random() * 1000, 2), "gift": i % 3 == 0, "tags": ["new", "blue", "sale"]}
             for i in range(690)]
    return json.dumps({"id": "a1", "customer": "c-77", "note": None, "items": items}, ensure_ascii=False,
                      separators=(",", ":"))


def programs():
    yield "mayfly", ROOT / "build" / "release" / "bench" / "typed_bench"
    if shutil.which("cargo") and subprocess.run(
            ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", TYPED / "rust" / "Cargo.toml"],
            env={**os.environ, "CARGO_TARGET_DIR": str(BUILD)}).returncode == 0:
        yield "Rust, serde_json", BUILD / "release" / "typed-bench"
    if shutil.which("go") and subprocess.run(
            ["go", "build", "-o", BUILD / "typed-bench-go", "."], cwd=TYPED / "go").returncode == 0:
        yield "Go, encoding/json", BUILD / "typed-bench-go"


def main():
    BUILD.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found = list(programs())
    print("| | " + " | ".join(name for name, _ in found) + " |\n|---|" + "---|" * len(found))
    behind = False
    with tempfile.TemporaryDirectory() as folder:
        for kind, text, name in (("sqs", sqs_batch(), "SQS batch, read"), ("order", order(), "order, read and written")):
            file = pathlib.Path(folder) / kind
            file.write_text(text)
            times = {program: [] for program, _ in found}
            for _ in range(ROUNDS):
                for program, path in found:
                    done = subprocess.run([path, kind, file, str(WORK)], capture_output=True, text=True, check=True)
                    times[program].append(float(done.stdout))
            medians = [statistics.median(times[program]) for program, _ in found]
            behind |= min(medians) < medians[0]
            cells = [f"{m / 1000:,.0f} us" + (f" ({m / medians[0]:.2f}x)" if i else "") for i, m in enumerate(medians)]
            print(f"| {name}, {file.stat().st_size:,} bytes | " + " | ".join(cells) + " |")
    return behind


if __name__ == "__main__":
    sys.exit(main())
