"""With --watch; without it one note says that the program is not the one that runs."""

import os
import pathlib
import re
import shutil
import tempfile
from types import SimpleNamespace

from sandbox import actor_command, equal, mayfly_run, wait_until, write_program


def bootstrap(folder, text):
    """Puts a program that is an actor into its place, as a build does. Its stage
    is in a file that no watch looks at."""
    words = " ".join(f"'{word}'" for word in actor_command("runtime", SimpleNamespace(name=""))[:-1])
    write_program(folder / "bootstrap.new", f"#!/bin/sh\n# {text}\nexec {words} \"$(cat .stage)\"\n")
    os.rename(folder / "bootstrap.new", folder / "bootstrap")


def answered(runtime, event, call, body):
    """Returns the `next` that follows."""
    runtime.respond(event.request_id, body)
    following = runtime.begin_next()
    equal(call.answer().body, body)
    return following


folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
try:
    (folder / "function.env").write_text("MODE=first\n")
    watch = ["--watch", "--env-file", "function.env"]
    bootstrap(folder, "first")
    with mayfly_run(command=["./bootstrap"], folder=folder, options=watch) as env:
        (folder / ".stage").write_text(env.stage.name)
        call = env.begin_call()
        old = env.actor()
        event = old.next()
        bootstrap(folder, "second")
        env.wait_for(r"^reloaded \./bootstrap \(\d+ m?s old\)$")
        answered(old, event, call, b'"of the first"')
        old.wait_until_gone()

        call = env.begin_call()
        new = env.actor()
        equal(new.environment["MODE"], "first")
        answered(new, new.next(), call, b'"of the second"')
        (folder / "function.env").write_text("MODE=third\n")
        env.wait_for(r"^reloaded \./function\.env \(")
        new.wait_until_gone()

        call = env.begin_call()
        third = env.actor()
        equal(third.environment["MODE"], "third")
        answered(third, third.next(), call, b'"of the third"')

    with mayfly_run(command=["./bootstrap"], folder=folder) as env:
        (folder / ".stage").write_text(env.stage.name)
        call = env.begin_call()
        runtime = env.actor()
        following = answered(runtime, runtime.next(), call, b'"one"')
        bootstrap(folder, "changed")
        note = r"^note: \./bootstrap has changed since the function was started: mayfly run --watch starts it anew$"

        def noted():
            global following
            call = env.begin_call()
            following = answered(runtime, following.answer(), call, b'"still the first"')
            return re.search(note, env.everything(), re.MULTILINE)

        wait_until(noted, "the note")
        noted()
        equal(len(re.findall(note, env.everything(), re.MULTILINE)), 1)
finally:
    shutil.rmtree(folder, ignore_errors=True)
