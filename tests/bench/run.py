#!/usr/bin/env python3
"""Measures what SPECIFICATION.md promises and prints its tables.

Our programs and clients on bare sockets run in turns against the same bare
server (bench_server.cc), so that what disturbs the machine disturbs both. Each
number is the median of the rounds, each ratio the median of the ratios of the
rounds. "Pinned": server and program share one processor, which takes waking the
other one out of the picture; where it is allowed they have real-time priority,
so that nothing else on the machine comes between. "Free": the scheduler decides.
Instructions and allocations are those of valgrind, as the difference of two runs
of different length; they do not depend on the machine's load.

Ends with 1 if a promise does not hold.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# payload, its name, warm-up invocations, counted invocations
SIZES = [(256, "256 B", 200, 3000), (100_000, "100 KB", 50, 500), (1_000_000, "1 MB", 20, 150), (6_000_000, "6 MB", 5, 30)]
VALGRIND_SHORT, VALGRIND_LONG = 200, 1200
STARTS_PER_ROUND = 9


def may_be_real_time():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        return True
    except PermissionError:
        return False


class Bench:
    def __init__(self, build, processor):
        self.programs = build / "bench"
        self.server = self.programs / "bench_server"
        self.processor = processor
        self.real_time = may_be_real_time()

    def run(self, payload, warm_up, count, command, pinned=True):
        def place():
            if pinned:
                os.sched_setaffinity(0, {self.processor})
                if self.real_time:
                    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

        done = subprocess.run([self.server, str(payload), str(warm_up), str(count), *map(str, command)],
                              preexec_fn=place, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"{command[0]} under bench_server {payload} {warm_up} {count}:\n{done.stderr}")
        return json.loads(done.stdout)

    def starts(self, command, pinned):
        runs = [self.run(256, 0, 0, command, pinned) for _ in range(STARTS_PER_ROUND)]
        return {name: statistics.median(r[name] for r in runs) for name in ("start_ms", "start_cpu_ms", "start_faults", "resident_kb")}

    def valgrind(self, command):
        """Instructions and heap allocations of one warm invocation."""
        def total(tool, pattern, count):
            with tempfile.NamedTemporaryFile("r") as log:
                self.run(256, 0, count, ["/usr/bin/valgrind", *tool, f"--log-file={log.name}", *command])
                found = re.search(pattern, log.read())
            if not found:
                sys.exit(f"valgrind {tool} says nothing of {pattern}")
            return int(found.group(1).replace(",", ""))

        def difference(tool, pattern):
            few, many = (total(tool, pattern, n) for n in (VALGRIND_SHORT, VALGRIND_LONG))
            return (many - few) / (VALGRIND_LONG - VALGRIND_SHORT)

        return (difference(["--tool=callgrind", "--callgrind-out-file=/dev/null"], r"Collected : ([\d,]+)"),
                difference(["--tool=memcheck", "--leak-check=no"], r"total heap usage: ([\d,]+) allocs"))


def stripped_kb(program):
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(program, folder)
        subprocess.run(["strip", copy], check=True)
        return os.path.getsize(copy) / 1024


def number(value):
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Table:
    """Rows of a raw client beside one of our programs."""

    def __init__(self, ours):
        self.broken = []
        self.lines = [f"| | raw socket | {ours} | ratio | promise |", "|---|---|---|---|---|"]

    def pairs(self, name, unit, pairs, promise=""):
        """`promise`: "<= 1.5x" of the ratio, "<= 2.5 MB" (in `unit`) of ours."""
        raw, ours = (statistics.median(side) for side in zip(*pairs))
        ratio = statistics.median(b / a for a, b in pairs) if all(a for a, _ in pairs) else None
        self.lines.append(f"| {name} | {' '.join([number(raw), unit]).strip()} | {' '.join([number(ours), unit]).strip()} | {f'{ratio:.2f}' if ratio else ''} | {promise} |")
        found = ratio if promise.endswith("x") else ours
        if promise and found > float(re.sub(r"[^\d.]", "", promise)):
            self.broken.append(f"{name}: {found:.2f}, promised {promise}")

    def __str__(self):
        return "\n".join(self.lines)


def progress(text):
    print(text, file=sys.stderr, flush=True)


def function_table(bench, rounds):
    raw, ours = [bench.programs / "raw_function"], [bench.programs / "bench_echo"]
    results = {}
    for turn in range(rounds):
        progress(f"function, round {turn + 1} of {rounds}")
        # Whoever goes first pays for what ran before: take turns at that, too.
        order = (raw, ours) if turn % 2 == 0 else (ours, raw)
        for pinned in (True, False):
            both = {str(command[0]): bench.starts(command, pinned) for command in order}
            results.setdefault((pinned, "start"), []).append((both[str(raw[0])], both[str(ours[0])]))
            for payload, size, warm_up, count in SIZES:
                both = {str(command[0]): bench.run(payload, warm_up, count, command, pinned) for command in order}
                results.setdefault((pinned, size), []).append((both[str(raw[0])], both[str(ours[0])]))

    def pick(key, name, scale=1):
        return [(a[name] * scale, b[name] * scale) for a, b in results[key]]

    table = Table("echo function")
    for pinned, where in ((True, "pinned"), (False, "free")):
        table.pairs(f"exec to first `next`, {where}", "ms", pick((pinned, "start"), "start_ms"), "<= 1.25x" if pinned else "")
    table.pairs("CPU from exec to first `next`", "ms", pick((True, "start"), "start_cpu_ms"), "<= 1.447 ms")
    table.pairs("page faults from exec to first `next`", "", pick((True, "start"), "start_faults"))
    for pinned, where in ((True, "pinned"), (False, "free")):
        for _, size, _, _ in SIZES:
            promise = {"256 B": "<= 1.08x", "1 MB": "<= 1.3x", "6 MB": "<= 1.3x"}.get(size, "") if pinned else ""
            table.pairs(f"cycle {size}, {where}", "us", pick((pinned, size), "cycle_p50_us"), promise)
            table.pairs(f"invocation p99 {size}, {where}", "us", pick((pinned, size), "invoke_p99_us"))
    for _, size, _, _ in SIZES:
        table.pairs(f"CPU per invocation {size}, pinned", "us", pick((True, size), "cpu_us"))
    table.pairs("resident at the first `next`", "MB", pick((True, "start"), "resident_kb", 1 / 1024), "<= 2.5 MB")
    table.pairs("resident after 256 B invocations", "MB", pick((True, "256 B"), "resident_kb", 1 / 1024), "<= 2.5 MB")
    table.pairs("resident after 6 MB invocations", "MB", pick((True, "6 MB"), "resident_kb", 1 / 1024))
    table.pairs("stripped size", "KB", [(stripped_kb(raw[0]), stripped_kb(ours[0]))], "<= 450 KB")
    progress("function, instructions and allocations")
    counted = bench.valgrind(raw), bench.valgrind(ours)
    table.pairs("instructions per warm invocation, 256 B", "", [(counted[0][0], counted[1][0])], "<= 20,000")
    table.pairs("heap allocations per warm invocation", "", [(counted[0][1], counted[1][1])], "<= 0")
    return table


def extension_table(bench, daemon, rounds):
    raw, ours = [bench.programs / "raw_extension"], [daemon]
    pinned, free = [], []
    for turn in range(rounds):
        progress(f"extension, round {turn + 1} of {rounds}")
        for where, results in ((True, pinned), (False, free)):
            order = (raw, ours) if turn % 2 == 0 else (ours, raw)
            both = {str(command[0]): bench.starts(command, where) for command in order}
            results.append((both[str(raw[0])], both[str(ours[0])]))
    table = Table("mayfly-telemetry")
    table.pairs("exec to first `event/next`, pinned", "ms", [(a["start_ms"], b["start_ms"]) for a, b in pinned], "<= 1.5x")
    table.pairs("exec to first `event/next`, free", "ms", [(a["start_ms"], b["start_ms"]) for a, b in free])
    table.pairs("CPU from exec to first `event/next`", "ms", [(a["start_cpu_ms"], b["start_cpu_ms"]) for a, b in pinned], "<= 1.4 ms")
    table.pairs("resident at the first `event/next`", "MB", [(a["resident_kb"] / 1024, b["resident_kb"] / 1024) for a, b in pinned], "<= 4 MB")
    table.pairs("stripped size", "KB", [(stripped_kb(raw[0]), stripped_kb(ours[0]))], "<= 1,536 KB")
    return table


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    load = os.getloadavg()[0]
    return (f"{model.group(1) if model else platform.processor()}, {os.cpu_count()} processors, kernel {platform.release()}, "
            f"{system.group(1) if system else 'Linux'}, load {load:.1f} at the start; commit {commit or 'unknown'}; "
            f"`{shlex.join(['./dev', 'bench', *sys.argv[1:]])}`")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds of each measurement (7)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", metavar="DIR", help="where `benchmarks` was built (build/release)")
    arguments = parser.parse_args()
    bench = Bench(arguments.build.resolve(), max(os.sched_getaffinity(0)))
    if not bench.server.exists():
        parser.error(f"{bench.server} does not exist: ./dev bench builds it")
    where = machine()
    function = function_table(bench, arguments.rounds)
    extension = extension_table(bench, arguments.build.resolve() / "bin/mayfly-telemetry", arguments.rounds)
    priority = "with" if bench.real_time else "without"
    print(f"{where}. Pinned {priority} real-time priority. Median of {arguments.rounds} interleaved rounds.\n\n{function}\n\n{extension}")
    broken = function.broken + extension.broken
    for line in broken:
        progress(f"broken: {line}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
