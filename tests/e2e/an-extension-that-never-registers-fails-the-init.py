from sandbox import equal, contains, mayfly_run, misbehaving

with mayfly_run(command=misbehaving(), extensions=["silent"], timeout=1) as env:
    answer = env.call()
    equal(answer.status, 200)
    equal(answer.header("X-Amz-Function-Error"), "Unhandled")
    contains(answer.body.decode(), "Task timed out after 1.00 seconds")
    env.wait_for("^INIT_REPORT .*Phase: init\tStatus: timeout")
    first = env.actor("silent")
    assert first.gone.is_set()
