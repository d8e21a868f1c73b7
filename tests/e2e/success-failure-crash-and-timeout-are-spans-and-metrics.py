from sandbox import act, calling, equal, wait_until, with_backend

TRACE = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"


def ids_of(answers):
    return [answer.header("x-amzn-RequestId") for answer in answers]


with with_backend(signals="logs,metrics,traces", timeout=2) as (env, backend):
    printed = act(env, "print", 1, headers={"X-Amzn-Trace-Id": TRACE})
    thrown = act(env, "throw", 7)
    exited = act(env, "exit", 3)
    hung = act(env, "hang")
    last = act(env, "print", 1)
    ids = ids_of([printed, thrown, exited, hung, last])

    def roots():
        return {r["attributes"].get("faas.invocation_id"): r for r in backend.everything
                if r.get("span") == "function" and r["kind"] == 2}

    wait_until(calling(env, lambda: set(ids) <= set(roots())), "a span of each invocation")
    spans = [r for r in backend.everything if "span" in r]
    root = roots()
    equal([root[i]["status"] for i in ids], [0, 2, 2, 2, 0])
    equal([root[i]["attributes"].get("error.type") for i in ids[:1] + ids[4:]], [None, None])
    equal(root[ids[1]]["attributes"]["error.type"], "Runtime.Unknown")  # what Lambda makes of Orders.Unknown
    equal(root[ids[2]]["attributes"]["error.type"], "Runtime.ExitError")
    equal(root[ids[3]]["attributes"]["error.type"], "Sandbox.Timedout")
    equal(root[ids[3]]["status_message"], "Task timed out")

    # The first one is in X-Ray's trace, where its segment would be, and its line with it.
    first = root[ids[0]]
    equal(first["trace_id"], "67891233abcdef012345678912345678")
    equal(first["attributes"]["faas.coldstart"], True)
    equal(root[ids[1]]["attributes"]["faas.coldstart"], False)
    below = {s["span"]: s for s in spans if s["parent_span_id"] == first["span_id"]}
    equal({"init", "responseLatency", "responseDuration", "runtimeOverhead"} <= set(below), True)
    for part in below.values():
        equal((part["kind"], part["trace_id"]), (1, first["trace_id"]))
    equal(below["init"]["end_time_unix_nano"] <= first["start_time_unix_nano"] + 50_000_000, True)
    line = next(r for r in backend.everything if r.get("body") == "line 0" and
                r["attributes"]["faas.invocation_id"] == ids[0])
    equal((line["trace_id"], line["span_id"]), (first["trace_id"], first["span_id"]))

    # Two ids each, random ones; no trace is shared.
    equal(len({root[i]["trace_id"] for i in ids}), 5)
    for span in spans:
        equal((len(span["trace_id"]), len(span["span_id"]), span["scope"]), (32, 16, "mayfly-telemetry"))
        equal(span["resource"]["cloud.platform"], "aws_lambda")
        equal(span["start_time_unix_nano"] <= span["end_time_unix_nano"], True)

    def total(name):
        points = [r for r in backend.everything if r.get("metric") == name]
        for point in points:
            equal((point["kind"], point["temporality"], point["monotonic"]), ("sum", 1, True))
        return sum(p["value"] for p in points)

    def observed(name):
        points = [r for r in backend.everything if r.get("metric") == name]
        for point in points:
            equal((point["kind"], point["temporality"]), ("histogram", 1))
            equal(sum(point["bucket_counts"]), point["count"])
            equal(len(point["bucket_counts"]), len(point["explicit_bounds"]) + 1)
        return sum(p["count"] for p in points)

    # works() of `calling` above has called more often, always with success.
    wait_until(lambda: total("faas.invocations") >= 2, "the successful invocations")
    wait_until(lambda: (total("faas.errors"), total("faas.timeouts")) == (2, 1), "the failed invocations")
    equal(total("faas.coldstarts"), 3)  # the first, after the crash, after the timeout
    equal(observed("faas.invoke_duration") >= 4, True)
    equal(observed("faas.init_duration") >= 1, True)
    duration = next(r for r in backend.everything if r.get("metric") == "faas.invoke_duration")
    equal(duration["unit"], "s")
    equal(duration["explicit_bounds"], [.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10])
    equal(duration["start_time_unix_nano"] < duration["time_unix_nano"], True)
    received = [r for r in backend.everything if r.get("metric") == "mayfly.telemetry.received"]
    equal({r["attributes"]["source"] for r in received} >= {"platform", "function"}, True)
    equal(env.stop(), 0)
