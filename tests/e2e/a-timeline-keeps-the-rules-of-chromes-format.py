"""--timeline with several environments at work, and with calls that overlap in one:
what the viewers of the format ask for, span by span."""

import collections
import json
import sys

from sandbox import contains, equal, mayfly_run, wait_until

RUNTIME = """
import http.client, os, threading
def work():
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        answer = api.getresponse()
        name = answer.read().decode().strip('"')
        while not os.path.exists(name):  # each call goes on when the test says so
            threading.Event().wait(.01)
        api.request("POST", "/2018-06-01/runtime/invocation/" + answer.getheader("Lambda-Runtime-Aws-Request-Id")
                    + "/response", "{}")
        api.getresponse().read()
for _ in range(int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "1")) - 1):
    threading.Thread(target=work, daemon=True).start()
work()
"""


def check(events):
    """Spans by track, each (begin, end, name); times in ns."""
    tracks, names = collections.defaultdict(list), {}
    for event in events:
        track = event["pid"], event["tid"]
        if event["ph"] == "M":
            names[track + (event["name"],)] = event["args"]["name"]
        elif event["ph"] == "i":
            contains("tpg", event["s"])
        else:
            equal(event["ph"], "X")
            begin, length = round(event["ts"] * 1000), round(event["dur"] * 1000)
            if begin < 0 or length < 0:
                raise AssertionError(event)
            tracks[track].append((begin, begin + length, event["name"]))
    for track, spans in tracks.items():
        contains(names, track + ("thread_name",))
        contains(names, (track[0], 0, "process_name"))
        open_spans = []
        for begin, end, name in sorted(spans, key=lambda span: (span[0], -span[1])):
            while open_spans and open_spans[-1] <= begin:
                open_spans.pop()
            if open_spans and end > open_spans[-1]:
                raise AssertionError(f"{name} overlaps another span of track {track}: {spans}")
            open_spans.append(end)
    return tracks, names


def spans_of_calls(options):
    with mayfly_run(command=[sys.executable, "-c", RUNTIME], options=[*options, "--timeline", "t.json"]) as env:
        calls = {name: env.begin_call(json.dumps(name).encode()) for name in ("first", "second", "third")}
        wait_until(lambda: len(env.output().split("START RequestId")) == 4 or env.output().count("platform.start") == 3,
                   "three calls at a time")
        # The first one begun ends neither first nor last.
        for name in ("second", "first", "third"):
            (env.folder / name).touch()
            equal(calls[name].answer().body, b"{}")
        env.stop()
        tracks, names = check(json.loads((env.folder / "t.json").read_text()))
    called = {span[2]: (track, span) for track, spans in tracks.items() for span in spans if span[2].startswith("#")}
    equal(len(called), 3)
    return called, tracks, names


called, _, _ = spans_of_calls([])
equal(len({track[0] for track, _ in called.values()}), 3)  # environments

called, tracks, names = spans_of_calls(["--max-concurrency", "4"])
equal({track[0] for track, _ in called.values()}, {1})
equal(len({track[1] for track, _ in called.values()}), 3)  # tracks
(runtime,) = [track for track, name in names.items() if name == "bootstrap"]
(busy,) = [span for span in tracks[runtime[:2]] if span[2] == "handler"]
if busy[0] > min(span[0] for _, span in called.values()) or busy[1] < max(span[1] for _, span in called.values()):
    raise AssertionError(f"the runtime works while a call is open: {busy}, {called}")
