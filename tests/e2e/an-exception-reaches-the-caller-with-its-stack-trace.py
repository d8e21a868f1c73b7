from sandbox import act, contains, is_function_error, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    answer = act(env, "throw", 17)
    is_function_error(answer, "Orders.Unknown", "no order 17")
    contains(str(answer.json()["stackTrace"]), "perform")
    report = env.wait_for("^REPORT.*Status: error.*").group()
    contains(report, "Error Type: ")
    works(env)
