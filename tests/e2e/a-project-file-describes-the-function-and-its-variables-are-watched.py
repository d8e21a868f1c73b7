"""mayfly.toml, above the folder that mayfly is started in."""

import pathlib
import shutil
import subprocess
import tempfile
from types import SimpleNamespace

from sandbox import actor_command, binary, contains, equal, mayfly_run, write_program

folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))


def configure(mode, memory=256):
    (folder / "mayfly.toml").write_text(f"""
[run]
command = ["./app", "--fast"]
memory = {memory}
watch = true

[env]
MODE = "{mode}"
""")


def answered(call, runtime, event, body):
    """Returns the `next` that follows."""
    runtime.respond(event.request_id, body)
    following = runtime.begin_next()
    equal(call.answer().body, body)
    return following


try:
    words = " ".join(f"'{word}'" for word in actor_command("runtime", SimpleNamespace(name=""))[:-1])
    write_program(folder / "app", f"#!/bin/sh\nexec {words} \"$(cat .stage)\"\n")
    (folder / "src").mkdir()
    configure("first")
    said = subprocess.run([binary("mayfly"), "run", "--show-config"], cwd=folder / "src", text=True,
                          capture_output=True, check=True).stdout
    contains(said, "command = ./app --fast                  ../mayfly.toml\n")
    contains(said, "MODE = first                            ../mayfly.toml:8\n")

    # No command behind --, and no option for the memory.
    with mayfly_run(command=[], folder=folder / "src") as env:
        (folder / ".stage").write_text(env.stage.name)
        call = env.begin_call()
        first = env.actor()
        answered(call, first, first.next(), b'"one"')
        equal(first.environment["MODE"], "first")
        equal(first.environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256")
        equal(first.environment["LAMBDA_TASK_ROOT"], str(folder))
        contains(env.everything(), "config     ../mayfly.toml")

        configure("second", memory=512)
        env.wait_for(r"^reloaded \./mayfly\.toml \(")
        env.wait_for(r"^note: \.\./mayfly\.toml: only variables are taken over now, other settings by the next mayfly run$")
        first.wait_until_gone()
        call = env.begin_call()
        second = env.actor()
        following = answered(call, second, second.next(), b'"two"')
        equal(second.environment["MODE"], "second")
        equal(second.environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256")

        (folder / "mayfly.toml").write_text("[rum]\n")
        env.wait_for(r"^error: \.\./mayfly\.toml:1: unknown section \[rum\]$")
        call = env.begin_call()  # it runs on as it was
        answered(call, second, following.answer(), b'"three"')
finally:
    shutil.rmtree(folder, ignore_errors=True)
