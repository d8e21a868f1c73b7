import contextlib
import glob
import os
import pathlib
import secrets
import sys
import tempfile

from sandbox import binary, equal, mayfly_run, wait_until

HERE = pathlib.Path(__file__).resolve().parent
if str(binary("mayfly").resolve()).startswith("/tmp/") or str(HERE).startswith("/tmp/") or sys.executable.startswith("/tmp/"):
    sys.exit(77)  # what lies in /tmp has no other /tmp over it


def files_with(text):
    """Files "mine" with that text, of any run."""
    found = []
    for path in glob.glob("/tmp/mayfly-run-*/*/mine"):
        with contextlib.suppress(OSError):
            found += [path] if pathlib.Path(path).read_text() == text else []
    return found


with tempfile.NamedTemporaryFile(dir="/tmp") as ours, mayfly_run(folder=HERE, extensions=["agent"]) as env:
    # Extensions in /tmp: it is the machine's then, and a word in the banner says why.
    env.wait_for(r"enforced .*read-only files; not: .*own /tmp \(/tmp/.*/opt/extensions is in it\)")
    call = env.begin_call()
    agent = env.actor("agent")
    equal(agent.run(f"__import__('os').path.exists({ours.name!r})"), True)
    agent.register([])
    agent.begin_event()
    runtime = env.actor()
    runtime.respond(runtime.next().request_id)
    runtime.begin_next()
    call.answer()

with tempfile.NamedTemporaryFile(dir="/tmp") as ours, mayfly_run(folder=HERE) as env:
    env.wait_for("own /tmp")
    first_call = env.begin_call()
    first = env.actor()
    first.next()
    env.begin_call()
    second = env.actor()  # in another environment

    equal(first.run("os.listdir('/tmp')"), [])
    equal(first.run("oct(os.stat('/tmp').st_mode)"), "0o41777")
    word = secrets.token_hex()
    first.run(f"open('/tmp/mine', 'w').write({word!r})")
    equal(len(files_with(word)), 1)
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
equal(files_with(word), [])

# What a killed run leaves of them, the next one removes.
with mayfly_run(folder=HERE) as env:
    env.begin_call()
    runtime = env.actor()
    runtime.run(f"open('/tmp/mine', 'w').write({word!r})")
    env.process.kill()
    env.process.wait()
    runtime.wait_until_gone()
    with mayfly_run(folder=HERE):
        wait_until(lambda: not files_with(word), "the end of what was left")

with mayfly_run(folder=HERE, options=["--shared-files"]) as env:
    env.wait_for(r"not: .*read-only files \(--shared-files\), own /tmp$")
    env.begin_call()
    runtime = env.actor()
    equal(runtime.run("os.path.exists('/tmp')"), True)
    equal(runtime.run("os.statvfs('/etc').f_flag & os.ST_RDONLY"), os.statvfs("/etc").f_flag & os.ST_RDONLY)
    equal(runtime.run("__import__('socket').gethostbyname('sandbox.localdomain')"), "127.0.0.1")
