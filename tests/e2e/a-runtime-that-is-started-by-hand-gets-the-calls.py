"""--no-start: the environment waits, for the first runtime and for its successor;
SIGUSR1 says what it waits for."""

import re
import shlex
import signal
import subprocess

from sandbox import actor_command, equal, mayfly_run

with mayfly_run(command=[], options=["--no-start", "--name", "orders", "--env", "GREETING=it's me"]) as env:
    env.function = "orders"
    env.process.send_signal(signal.SIGUSR1)
    env.wait_for(r"^environment 1  init for .*, 0 calls  0/128 MB$")
    early = env.begin_call(b'"early"')  # it waits, and is no call too many

    said = env.wait_for(r"^note: the environment waits for a runtime with (AWS_LAMBDA_RUNTIME_API=.*)$").group(1)
    variables = dict(word.split("=", 1) for word in shlex.split(said))
    equal(variables["AWS_LAMBDA_FUNCTION_NAME"], "orders")
    equal(variables["GREETING"], "it's me")

    def start():
        return subprocess.Popen(actor_command("runtime", env.stage), env=variables)

    first_process = start()
    first = env.actor()
    event = first.next()
    equal(event.body, b'"early"')

    # It crashes; the developer starts it again, and has the same event before him.
    first_process.kill()
    first_process.wait()
    second_process = start()
    second = env.actor()
    again = second.next()
    equal((again.body, again.request_id), (event.body, event.request_id))
    env.process.send_signal(signal.SIGUSR1)
    env.wait_for(rf"^environment 1  call #1 {event.request_id[:8]}  ")
    second.respond(again.request_id, b'"at last"')
    parked = second.begin_next()
    equal(early.answer().body, b'"at last"')

    # Between calls, too.
    second_process.kill()
    second_process.wait()
    third_process = start()
    third = env.actor()
    following = third.begin_next()
    late = env.begin_call(b'"late"')
    third.respond(following.answer().request_id, b'"soon"')
    equal(late.answer().body, b'"soon"')
    third_process.kill()
    third_process.wait()
    equal(len(re.findall("waits for a runtime", env.everything())), 1)
