"""An ordinary user, who may make no control group: processes are stopped by
signals, and what a killed mayfly leaves is found by its variable."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

from sandbox import equal, matches, misbehaving, wait_until

if os.geteuid() != 0 or not shutil.which("runuser"):
    print("only root can become somebody else")
    sys.exit(77)


def state_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


with tempfile.TemporaryDirectory(prefix="mayfly-test-") as name:
    folder = pathlib.Path(name)
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    shutil.chown(home, "nobody")
    for program in ("mayfly", misbehaving()[0].name):
        shutil.copy(misbehaving()[0].parent / program, folder / program)

    def run(output):
        ready = home / (output + "-ready")
        command = [shutil.which("runuser"), "-u", "nobody", "--", folder / "mayfly", "run", "--listen", "127.0.0.1:0",
                   "--view", "log", "-v", "--ready-file", ready, "--", folder / misbehaving()[0].name]
        with open(folder / output, "wb") as file:
            runuser = subprocess.Popen([str(word) for word in command], stdout=file, stderr=file,
                                       stdin=subprocess.DEVNULL, cwd=home, env={"XDG_RUNTIME_DIR": str(home)})
        wait_until(ready.exists, "--ready-file")
        [child] = pathlib.Path(f"/proc/{runuser.pid}/task/{runuser.pid}/children").read_text().split()
        return runuser, int(child), ready.read_text().strip()

    def text(output):
        return (folder / output).read_text()

    runuser, pid, url = run("first")
    wait_until(lambda: "try  " in text("first"), "the banner")
    matches(text("first"), r"freeze \(signals\).*; not: memory \(")
    body = urllib.request.urlopen(url + "/2015-03-31/functions/function/invocations", b'{"act":"spawn"}').read()
    grandchild = int(body)
    wait_until(lambda: " frozen\n" in text("first"), "the freeze")
    wait_until(lambda: state_of(grandchild) == "T", "SIGSTOP")
    os.kill(pid, signal.SIGKILL)
    runuser.wait()
    equal(state_of(grandchild), "T")  # it has left its parent, which is dead

    runuser, second, url = run("second")
    wait_until(lambda: state_of(grandchild) in ("gone", "Z"), "the end of what was left")
    note = f"note: cleaned up after mayfly run (pid {pid}, killed): 1 process\n"
    wait_until(lambda: note in text("second"), "the note")
    os.kill(second, signal.SIGTERM)
    runuser.wait()
    equal(list((home / "mayfly").iterdir()), [])
