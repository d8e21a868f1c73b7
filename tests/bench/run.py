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
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

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

    def run(self, payload, warm_up, count, command, pinned=True, real_time=True):
        def place():
            if pinned:
                os.sched_setaffinity(0, {self.processor})
                if self.real_time and real_time:
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
    """Rows of a floor beside one of our programs."""

    def __init__(self, ours, floor="raw socket"):
        self.broken = []
        self.lines = [f"| | {floor} | {ours} | ratio | promise |", "|---|---|---|---|---|"]

    def pairs(self, name, unit, pairs, promise=""):
        """`promise`: "<= 1.5x" of the ratio, "<= 2.5 MB" or ">= 8,000" (in `unit`) of ours."""
        raw, ours = (statistics.median(side) for side in zip(*pairs))
        ratio = statistics.median(b / a for a, b in pairs) if all(a for a, _ in pairs) else None
        floor = f"{number(raw)} {unit}".strip() if ratio else ""
        self.lines.append(f"| {name} | {floor} | {number(ours)} {unit}".rstrip() + f" | {f'{ratio:.2f}' if ratio else ''} | {promise} |")
        found = ratio if promise.endswith("x") else ours
        limit = float(re.sub(r"[^\d.]", "", promise) or 0)
        if promise and (found < limit if promise.startswith(">=") else found > limit):
            self.broken.append(f"{name}: {found:.2f}, promised {promise}")

    def floor(self, name, unit, values):
        """Of the floor alone."""
        self.lines.append(f"| {name} | {number(statistics.median(values))} {unit} | | | |")

    def __str__(self):
        return "\n".join(self.lines)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)


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


class Serving:
    """A program that serves the Invoke API, in a with-block. `command` takes the
    port it is to listen on; without PORT in it, it says one itself."""

    def __init__(self, command, variables=None):
        self.port = free_port()
        self.says_port = "PORT" not in " ".join(map(str, command))
        self.command = [str(word).replace("PORT", str(self.port)) for word in command]
        self.variables = variables

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, env=self.variables, text=True,
                                        stdout=subprocess.PIPE if self.says_port else subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        if self.says_port:
            self.port = int(self.process.stdout.readline())
        else:
            wait_for(self.port)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def cpu_us(self):
        """Used by the server itself until now, in its kernel calls too."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, stat[11:13])) * 1_000_000 / os.sysconf("SC_CLK_TCK")

    def pin(self, server, children):
        """Where the scheduler lets them run changes what a call takes by a fifth, within one run."""
        os.sched_setaffinity(self.process.pid, {server})
        for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            os.sched_setaffinity(int(child), {children})


def exec_to_ready_ms(mayfly, function):
    """Until it says that calls can come in."""
    started = time.monotonic()
    with subprocess.Popen([mayfly, "run", "--listen", "0", "--json", "--", *function], stdout=subprocess.PIPE) as run:
        run.stdout.readline()
        taken = time.monotonic() - started
        run.send_signal(signal.SIGINT)
        run.stdout.read()
    return taken * 1000


def official_rie():
    """The binary inside the aws-sam-cli wheel; nothing where it is not installed."""
    found = sorted((ROOT / "build/venv").glob("lib/python3*/site-packages/samcli/**/aws-lambda-rie-x86_64"))
    return found[0] if found else None


def environment_table(bench, mayfly, rounds, long_run):
    """`mayfly run` beside the least that can relay invocations."""
    echo = [bench.programs / "bench_echo"]
    relay, ours = [bench.programs / "bare_relay", *echo], [mayfly, "run", "--listen", "PORT", "-q", "--", *echo]

    def load(port, invocations, callers, warm_up=200, cpu=None):
        pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
        done = subprocess.run([*pinned, bench.programs / "invoke_load", str(port), "256", str(max(warm_up, callers)),
                               str(invocations), str(callers)], capture_output=True, text=True, timeout=1800)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return json.loads(done.stdout)

    one, many, ready, idle, rie = [], [], [], [], []
    for turn in range(rounds):
        progress(f"environment, round {turn + 1} of {rounds}")
        results = {}
        ready.append((0, statistics.median(exec_to_ready_ms(mayfly, echo) for _ in range(STARTS_PER_ROUND))))
        for command in (relay, ours) if turn % 2 == 0 else (ours, relay):
            with Serving(command) as serving:
                if command is ours:
                    idle.append((0, serving.resident_mb()))
                results[command[0]] = load(serving.port, 5000, 1)
                if command is ours:
                    many.append((0, load(serving.port, 30_000, 16, 2000)["calls_per_s"]))
        one.append((results[relay[0]], results[ours[0]]))
        if binary := official_rie():
            with Serving([binary, "--runtime-interface-emulator-address", "127.0.0.1:PORT",
                          "--runtime-api-address", f"127.0.0.1:{free_port()}", *echo]) as serving:
                rie.append((load(serving.port, 3000, 1)["calls_per_s"], many[-1][1]))
    progress(f"environment, {long_run:,} invocations")
    calls, cpus = 20_000, sorted(os.sched_getaffinity(0))
    with Serving(ours) as old, Serving(ours) as fresh:
        for serving in (old, fresh):
            load(serving.port, calls, 16, 2000)
            serving.pin(cpus[-1], cpus[0])
        before = old.resident_mb()
        load(old.port, long_run, 16, cpu=cpus[0])
        grown = old.resident_mb() - before
        aged, aged_cpu = [], []
        for _ in range(rounds):
            results = []
            for serving in (fresh, old):
                used = serving.cpu_us()
                result = load(serving.port, calls, 16, 0, cpu=cpus[0])
                results.append((result["p50_us"], (serving.cpu_us() - used) / calls))
            aged.append((results[0][0], results[1][0]))
            aged_cpu.append((results[0][1], results[1][1]))

    table = Table("mayfly run", "bare relay")
    table.pairs("exec to ready", "ms", ready, "<= 10 ms")
    table.pairs("warm invocation 256 B", "us", [(a["p50_us"], b["p50_us"]) for a, b in one], "<= 2x")
    table.pairs("warm invocation 256 B, p99", "us", [(a["p99_us"], b["p99_us"]) for a, b in one])
    table.pairs("invocations a second, one caller", "", [(a["calls_per_s"], b["calls_per_s"]) for a, b in one])
    table.pairs("invocations a second, 16 callers and environments", "", many, ">= 8,000")
    if rie:
        table.pairs("the same beside the official emulator, which takes one caller", "", rie, ">= 5x")
    table.pairs("resident before the first invocation", "MB", idle, "<= 8 MB")
    table.pairs(f"after {long_run:,} invocations beside a fresh one, 16 callers, pinned", "us", aged, "<= 1.2x")
    table.pairs("CPU of an invocation, the same two", "us", aged_cpu, "<= 1.2x")
    table.pairs("resident memory grown meanwhile", "MB", [(0, grown)])
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
    parser.add_argument("--long", type=int, default=1_000_000, metavar="N", help="invocations of the long run (1,000,000)")
    arguments = parser.parse_args()
    bench = Bench(arguments.build.resolve(), max(os.sched_getaffinity(0)))
    if not bench.server.exists():
        parser.error(f"{bench.server} does not exist: ./dev bench builds it")
    where = machine()
    function = function_table(bench, arguments.rounds)
    environment = environment_table(bench, arguments.build.resolve() / "bin/mayfly", arguments.rounds, arguments.long)
    priority = "with" if bench.real_time else "without"
    print(f"{where}. Pinned {priority} real-time priority. Median of {arguments.rounds} interleaved rounds.\n\n{function}\n\n{environment}")
    broken = function.broken + environment.broken
    for line in broken:
        progress(f"broken: {line}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
