import pathlib
import sys

from sandbox import contains, equal, mayfly_run

QUOTA, PERIOD = 1447, 20_000  # microseconds: 128 of 1,769 MB


def limit_of(process):
    """Quota and period of the control group that a process is in."""
    for line in process.run("open('/proc/self/cgroup').read()").splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            folder = pathlib.Path("/sys/fs/cgroup") / controllers / path[1:]
            return [int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")]
        folder = pathlib.Path("/sys/fs/cgroup") / path[1:] / "cpu.max"
        if not controllers and folder.exists():
            return [int(word) for word in folder.read_text().split()]
    return None


with mayfly_run(options=["--throttle-cpu"]) as env:
    enforced = next(line for line in env.output().splitlines() if "enforced" in line)
    if "CPU" in enforced.partition("not: ")[2]:
        print(enforced)
        sys.exit(77)
    env.begin_call()
    equal(limit_of(env.actor()), [QUOTA, PERIOD])

with mayfly_run() as env:
    contains(env.output(), "CPU (--throttle-cpu)")
