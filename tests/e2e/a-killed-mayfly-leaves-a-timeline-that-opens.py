import json

from sandbox import act, equal, mayfly_run, misbehaving, wait_until


def events(env):
    return json.loads((env.folder / "timeline.json").read_text())


def statuses(env):
    return [event["args"]["status"] for event in events(env) if event["tid"] == 0 and event["ph"] == "X"]


with mayfly_run(command=misbehaving(), options=["--timeline", "timeline.json"]) as env:
    act(env, "nothing")
    act(env, "exit", 3)
    act(env, "nothing")
    wait_until(lambda: len(statuses(env)) == 3, "the third call in the timeline")
    env.process.kill()
    env.wait()
    equal(statuses(env), ["success", "error", "success"])
    equal([event["name"] for event in events(env) if event["ph"] == "i"], ["killed", "reset: failure"])
