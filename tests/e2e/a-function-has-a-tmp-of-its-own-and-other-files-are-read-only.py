import glob
import os
import pathlib
import sys
import tempfile

from sandbox import binary, contains, equal, matches, mayfly_run, wait_until

HERE = pathlib.Path(__file__).resolve().parent
if str(binary("mayfly").resolve()).startswith("/tmp/") or str(HERE).startswith("/tmp/") or sys.executable.startswith("/tmp/"):
    sys.exit(77)  # what lies in /tmp has no other /tmp over it


def files_of_runs():
    return set(glob.glob("/tmp/mayfly-run-*"))


def answered(runtime, call):
    event = runtime.next()
    runtime.respond(event.request_id)
    following = runtime.begin_next()
    call.answer()
    return following


before = files_of_runs()
with tempfile.NamedTemporaryFile(dir="/tmp") as ours, mayfly_run(folder=HERE, extensions=["agent"]) as env:
    # Extensions in /tmp: it is the machine's then, and a word in the banner says why.
    matches(env.output(), r"enforced .*read-only files; not: .*own /tmp \(/tmp/.*/opt/extensions is in it\)")
    call = env.begin_call()
    agent = env.actor("agent")
    equal(agent.run(f"__import__('os').path.exists({ours.name!r})"), True)
    agent.register([])
    agent.begin_event()
    answered(env.actor(), call)

with tempfile.NamedTemporaryFile(dir="/tmp") as ours, mayfly_run(folder=HERE) as env:
    contains(env.output(), "own /tmp")
    first_call = env.begin_call()
    first = env.actor()
    first.next()
    env.begin_call()
    second = env.actor()  # in another environment

    equal(first.run("os.listdir('/tmp')"), [])
    equal(first.run("oct(os.stat('/tmp').st_mode)"), "0o41777")
    first.run("open('/tmp/mine', 'w').write('kept')")
    equal(second.run("os.listdir('/tmp')"), [])
    equal(os.path.exists("/tmp/mine"), False)

    for place in (HERE, "/usr", "/etc/hosts", "/dev/shm"):  # all else can be read, not written
        equal(first.run(f"os.statvfs({str(place)!r}).f_flag & os.ST_RDONLY"), os.ST_RDONLY)
    first.run("open('/proc/self/comm', 'w').write('renamed')")
    first.run("open('/dev/null', 'w').write('gone')")
    equal(first.run("__import__('socket').gethostbyname('sandbox.localdomain')"), "127.0.0.1")

    # A reset ends the processes and leaves /tmp.
    first.exit(1)
    equal(first_call.answer().json()["errorType"], "Runtime.ExitError")
    env.begin_call()  # the second environment still has its own
    again = env.actor()
    equal(again.run("os.listdir('/tmp')"), ["mine"])
equal(files_of_runs() - before, set())

# What a killed run leaves of them, the next one removes.
with mayfly_run(folder=HERE) as env:
    env.begin_call()
    runtime = env.actor()
    runtime.run("open('/tmp/mine', 'w').write('left')")
    left = files_of_runs() - before
    env.process.kill()
    env.process.wait()
    runtime.wait_until_gone()
    with mayfly_run(folder=HERE):
        wait_until(lambda: not left & files_of_runs(), f"the end of {left}")

with mayfly_run(folder=HERE, options=["--shared-files"]) as env:
    matches(env.output(), r"not: .*read-only files \(--shared-files\), own /tmp$")
    env.begin_call()
    runtime = env.actor()
    equal(runtime.run("os.path.exists('/tmp')"), True)
    equal(runtime.run("os.statvfs('/etc').f_flag & os.ST_RDONLY"), os.statvfs("/etc").f_flag & os.ST_RDONLY)
    equal(runtime.run("__import__('socket').gethostbyname('sandbox.localdomain')"), "127.0.0.1")
