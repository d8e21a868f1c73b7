#!/usr/bin/env python3
"""The echo function beside those of AWS's Rust and Go runtimes, and many workers
beside one.

All programs run in turns against the same bare server, pinned to one processor
with it; medians of the rounds, ratios to ours. "A fourteenth": with 1.447 ms of
processor in every 20 ms, the share of a function with 128 MB, in a new cgroup
for each start; what does not fit the first slice waits for the next.

Workers: `mayfly run --max-concurrency` with as many callers as workers. What the
function itself takes of the processor for an invocation must not grow with their
number, and nobody may wait for a lock.

Ends with 1 if ours is behind Rust's in a row that is a promise.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

import run as measure

ROOT = measure.ROOT
ECHO = ROOT / "tests" / "bench" / "echo"
BUILD = ROOT / "build" / "bench-echo"
QUOTA_US, PERIOD_US = 1447, 20000
QUOTA_STARTS, QUOTA_REST = 5, 0.1


def peers():
    """name, command"""
    if shutil.which("cargo") and subprocess.run(
            ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", ECHO / "rust" / "Cargo.toml"],
            env={**os.environ, "CARGO_TARGET_DIR": str(BUILD)}).returncode == 0:
        yield "Rust, one thread", [BUILD / "release" / "echo"]
        yield "Rust, default", [BUILD / "release" / "echo", "threads"]
    if shutil.which("go") and subprocess.run(["go", "build", "-ldflags=-s", "-o", BUILD / "echo-go", "."],
                                             cwd=ECHO / "go").returncode == 0:
        yield "Go", [BUILD / "echo-go"]


class Share:
    """A cgroup with a fourteenth of a processor, in a with-block."""

    def __init__(self):
        one = pathlib.Path("/sys/fs/cgroup/cpu")
        self.first_version = one.is_dir()
        self.folder = (one if self.first_version else pathlib.Path("/sys/fs/cgroup")) / f"mayfly-bench-{os.getpid()}"

    def __enter__(self):
        self.folder.mkdir()
        if self.first_version:
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
        else:
            (self.folder / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
        os.environ["BENCH_CGROUP_PROCS"] = str(self.folder / "cgroup.procs")

    def __exit__(self, *_):
        del os.environ["BENCH_CGROUP_PROCS"]
        for _ in range(100):
            try:
                return self.folder.rmdir()
            except OSError:
                time.sleep(0.02)


def start_in_share(bench, command):
    taken = []
    for _ in range(QUOTA_STARTS):
        with Share():
            # Real-time tasks are under another quota; the slice is given to one processor at a time.
            taken.append(bench.run(256, 0, 0, command, real_time=False)["start_ms"])
        time.sleep(QUOTA_REST)
    return statistics.median(taken)


def share_works():
    try:
        with Share():
            return True
    except OSError as error:
        measure.progress(f"no start under a CPU quota: {error}")
        return False


def measure_once(bench, command, with_share):
    starts = bench.starts(command, True)
    found = {"exec to first `next`": (starts["start_ms"], "ms"), "CPU to the first `next`": (starts["start_cpu_ms"], "ms"),
             "resident at the first `next`": (starts["resident_kb"] / 1024, "MB")}
    if with_share:
        found["exec to first `next`, a fourteenth of a processor"] = (start_in_share(bench, command), "ms")
    for payload, size, warm_up, count in measure.SIZES:
        result = bench.run(payload, warm_up, count, command)
        found[f"cycle {size}"] = (result["cycle_p50_us"], "us")
        found[f"CPU per invocation {size}"] = (result["cpu_us"], "us")
    return found


def peer_table(bench, rounds):
    programs = [("raw socket", [bench.programs / "raw_function"]), ("mayfly", [bench.programs / "bench_echo"]), *peers()]
    with_share = share_works()
    found = {name: {} for name, _ in programs}
    units = {}
    for turn in range(rounds):
        measure.progress(f"echo, round {turn + 1} of {rounds}")
        for name, command in programs if turn % 2 == 0 else reversed(programs):
            for row, (value, unit) in measure_once(bench, command, with_share).items():
                found[name].setdefault(row, []).append(value)
                units[row] = unit
    lines = ["| | " + " | ".join(name for name, _ in programs) + " |", "|---|" + "---|" * len(programs)]
    behind = []
    for row, unit in units.items():
        ours = found["mayfly"][row]
        cells = []
        for name, _ in programs:
            ratio = statistics.median(theirs / our for theirs, our in zip(found[name][row], ours) if our)
            cells.append(f"{measure.number(statistics.median(found[name][row]))} {unit}" + ("" if name == "mayfly" else f" ({ratio:.2f}x)"))
            if name.startswith("Rust") and ratio < 1:
                behind.append(f"{row}: {name} needs {ratio:.2f} of ours")
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines), behind


def function_of(mayfly):
    """The process that serves, once it is there."""
    while True:
        children = pathlib.Path(f"/proc/{mayfly}/task/{mayfly}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.02)


def cpu_us(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) * 1_000_000 / os.sysconf("SC_CLK_TCK")


def lock_waits(pid, load):
    """futex(2) calls of all threads of the process while `load` runs; None without strace."""
    if not shutil.which("strace"):
        return None
    tracer = subprocess.Popen(["strace", "-f", "-e", "trace=futex", "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:
        if "attached" in line:
            break
    load()
    tracer.send_signal(signal.SIGINT)
    return len(re.findall(r"futex\(", tracer.stderr.read()))


def worker_table(bench, mayfly, rounds, calls=20_000, traced=2_000):
    counts = (1, 4, 16)
    used, rate, waits = ({n: [] for n in counts} for _ in range(3))
    for turn in range(rounds):
        measure.progress(f"workers, round {turn + 1} of {rounds}")
        for workers in counts if turn % 2 == 0 else reversed(counts):
            command = [mayfly, "run", "--listen", "PORT", "-q", "--max-concurrency", str(workers), "--", bench.programs / "bench_echo"]
            with measure.Serving(command) as serving:
                def load(number=calls):
                    done = subprocess.run([bench.programs / "invoke_load", str(serving.port), "256", str(max(200, workers)),
                                           str(number), str(workers)], capture_output=True, text=True, timeout=300, check=True)
                    return float(re.search(r'"calls_per_s":([\d.]+)', done.stdout).group(1))
                load(1000)
                function = function_of(serving.process.pid)
                before = cpu_us(function)
                rate[workers].append(load())
                used[workers].append((cpu_us(function) - before) / calls)
                if turn == 0:
                    waits[workers].append(lock_waits(function, lambda: load(traced)))
    lines = ["| workers | " + " | ".join(map(str, counts)) + " |", "|---|" + "---|" * len(counts)]
    lines.append("| the function's CPU for an invocation | " + " | ".join(f"{statistics.median(used[n]):.1f} us" for n in counts) + " |")
    lines.append("| invocations a second, with the emulator on the same processors | "
                 + " | ".join(f"{statistics.median(rate[n]):,.0f}" for n in counts) + " |")
    if waits[1][0] is not None:
        lines.append(f"| waits for a lock in {traced:,} invocations | " + " | ".join(str(waits[n][0]) for n in counts) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of each measurement (5)")
    rounds = parser.parse_args().rounds
    BUILD.mkdir(parents=True, exist_ok=True)
    build = ROOT / "build" / "release"
    bench = measure.Bench(build, max(os.sched_getaffinity(0)))
    peer_lines, behind = peer_table(bench, rounds)
    print(f"{peer_lines}\n\n{worker_table(bench, build / 'bin' / 'mayfly', min(rounds, 3))}")
    for line in behind:
        measure.progress(f"behind: {line}")
    return bool(behind)


if __name__ == "__main__":
    sys.exit(main())
