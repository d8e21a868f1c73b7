import os
import sys

from sandbox import TESTS, equal, foreign, mayfly_run, run

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": "t/o+k=="}
NODE = TESTS / "foreign" / "node"
os.environ.update(KEYS)  # which mayfly run finds


def orders(handler):
    return mayfly_run(command=[*foreign("node"), handler], handler=handler, folder=NODE, options=[
        "--name", "orders", "--memory", "512", "--max-environments", "1", "--verify-signatures"])


with orders("function.handler") as whole, orders("function.stream") as parts:
    done = run(["node", NODE / "client.mjs", foreign("node_modules"), f"http://127.0.0.1:{whole.port}",
                f"http://127.0.0.1:{parts.port}"], {"PATH": os.environ["PATH"]})
    sys.stderr.write(done.stderr)
    equal(done.returncode, 0)
