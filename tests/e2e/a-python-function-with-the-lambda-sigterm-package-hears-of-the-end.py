"""AWS's Python runtime with an internal extension that is not ours."""
import importlib.util
import sys

from sandbox import equal, mayfly_run, write_program

if not all(importlib.util.find_spec(name) for name in ("awslambdaric", "lambda_sigterm")):
    print("awslambdaric or lambda-sigterm is not installed")
    sys.exit(77)

FUNCTION = """
import signal, sys
import lambda_sigterm

def on_sigterm(number, frame):
    print("the Python function hears SIGTERM", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, on_sigterm)
lambda_sigterm.register()

def handler(event, context):
    return event
"""

# It hears signals while it waits only where it believes to be on 3.12 or later.
RUNTIME = """
import os
os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.12"
from awslambdaric.__main__ import main
main(["bootstrap", "function.handler"])
"""

with mayfly_run(command=[sys.executable, "-c", RUNTIME], handler="function.handler") as env:
    write_program(env.folder / "function.py", FUNCTION)
    equal(env.call(b'{"a": 1}').json(), {"a": 1})
    env.wait_for("^EXTENSION\tName: lambda-sigterm\tState: Ready\tEvents: \\[\\]")
    equal(env.stop(), 0)
    env.wait_for("the Python function hears SIGTERM")
