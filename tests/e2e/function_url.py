"""A function with a URL, and callers of it."""

import contextlib
import pathlib
import subprocess
import sys

from sandbox import PATIENCE_S, mayfly_run

HTTP_FUNCTION = [sys.executable, "-I", "-S",
                 str(pathlib.Path(__file__).resolve().parent / "programs" / "http_function.py")]


@contextlib.contextmanager
def url_run(*options, **named):
    """mayfly_run() with --url; yields the environment and "http://HOST:PORT"."""
    with mayfly_run(options=["--url", "127.0.0.1:0", *options], **named) as env:
        yield env, env.wait_for(r"^  function   (http://\S+)/ ")[1]


def curl(*words):
    """What curl writes, as bytes."""
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", str(PATIENCE_S), *words],
                          capture_output=True, check=True)
    return done.stdout
