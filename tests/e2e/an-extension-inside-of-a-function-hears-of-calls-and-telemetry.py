"""A function of ours that has an internal extension: a thread beside mayfly::run."""
from sandbox import binary, equal, mayfly_run, wait_until

with mayfly_run(command=[binary("watched_function")], options=("--no-freeze",)) as env:
    for payload in (b'{"n":1}', b'{"n":2}'):
        answer = env.call(payload)
        equal(answer.body, payload)
        request_id = answer.header("x-amzn-RequestId")
        env.wait_for(f"the watch hears of an invocation id={request_id}")
        env.wait_for(f"the watch sees that it is done id={request_id}")
    env.wait_for("^EXTENSION\tName: watch\tState: Ready\tEvents: \\[INVOKE\\]")
    equal(env.stop(), 0)
    env.wait_for("the watch is off")

# What it throws is told, and ends the function: the next call has a new one.
with mayfly_run(command=[binary("watched_function")], variables={"WATCH": "throws"}) as env:
    env.call(b"1")
    env.wait_for("FATAL\t.*the watch stopped errorType=Extension.runtime_error")
    env.call(b"2")
    wait_until(lambda: env.everything().count("Name: watch\tState: Ready") == 2, "a second life")
