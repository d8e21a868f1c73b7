from sandbox import act, is_function_error, mayfly_run, misbehaving

with mayfly_run(command=misbehaving(), variables={"ACT_IN_INIT": "throw"}) as env:
    answer = act(env, "nothing")
    is_function_error(answer, "Orders.Unknown", "no order 3")
    env.wait_for("Orders.Unknown")
