from prometheus_client.parser import text_string_to_metric_families

from sandbox import act, equal, mayfly_run, misbehaving


def page(env):
    answer = env.call(None, method="GET", path="/metrics")
    equal((answer.status, answer.header("Content-Type")), (200, "text/plain; version=0.0.4; charset=utf-8"))
    samples = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            samples[sample.name, *sample.labels.values()] = sample.value
    return samples


with mayfly_run(command=misbehaving()) as env:
    equal(page(env)["lambda_invocations_total",], 0)
    act(env, "nothing")
    act(env, "throw")
    act(env, "exit", 3)
    found = page(env)
    equal(found["lambda_invocations_total",], 3)
    equal(found["lambda_errors_total", "error"], 2)
    equal(found["lambda_duration_seconds_bucket", "+Inf"], 3)
    equal(found["lambda_process_starts_total", "bootstrap"], 1)
    equal(round(8000 * found["lambda_billed_gb_seconds_total",]),
          round(1000 * found["lambda_billed_duration_seconds_total",]))
    assert found["lambda_process_peak_memory_bytes", "bootstrap"] > 500_000, found

    equal(env.call(None, method="GET", path="/metrics", headers={"Origin": "http://evil.example"}).status, 403)
    equal(env.call(None, method="GET", path="/metrics", headers={"Host": "evil.example"}).status, 403)
    equal(env.call(method="POST", path="/metrics").status, 405)
