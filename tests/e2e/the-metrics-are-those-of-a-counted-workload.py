"""Several environments at once, failures of each kind and throttles, against the
REPORT lines and our own count."""

import concurrent.futures
import re

from sandbox import act, contains, equal, mayfly_run, misbehaving


def page(env):
    lines = env.call(None, method="GET", path="/metrics").body.decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


with mayfly_run(command=misbehaving(), timeout=1, options=["--max-environments", "3", "--memory", "256"]) as env:
    with concurrent.futures.ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda n: act(env, "nothing" if n % 3 else "throw"), range(30)))
        equal([answer.status for answer in answers], [200] * 30)
        hanging = [callers.submit(act, env, "hang") for _ in range(3)]
        while page(env)["lambda_concurrent_executions"] < 3:
            pass
        equal([act(env, "nothing").status for _ in range(2)], [429, 429])
        equal([call.result().json()["errorType"] for call in hanging], ["Sandbox.Timedout"] * 3)
    act(env, "exit", 3)
    found = page(env)
    equal(found["lambda_invocations_total"], 34)
    equal(found['lambda_errors_total{status="error"}'], 11)
    equal(found['lambda_errors_total{status="timeout"}'], 3)
    equal(found['lambda_errors_total{status="failure"}'], 0)
    equal(found["lambda_throttles_total"], 2)
    equal(found["lambda_concurrent_executions"], 0)
    equal(found["lambda_duration_seconds_count"], 34)
    equal(found['lambda_duration_seconds_bucket{le="+Inf"}'], 34)
    cold = len(re.findall("\tInit Duration: ", env.output()))
    equal(found["lambda_init_duration_seconds_count"], cold)
    equal(found['lambda_process_starts_total{process="bootstrap"}'], len(re.findall("^INIT_START", env.output(), re.M)))
    billed = [int(ms) for ms in re.findall("\tBilled Duration: ([0-9]+) ms", env.output())]
    equal(len(billed), 34)
    equal(round(found["lambda_billed_duration_seconds_total"] * 1000), sum(billed))
    equal(round(found["lambda_billed_gb_seconds_total"] * 4000), sum(billed))
    env.stop()
    contains(env.output(), f": 34 calls, 14 errors, 2 throttles, {sum(billed):,} ms, ")
