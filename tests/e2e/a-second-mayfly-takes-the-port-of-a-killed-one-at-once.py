import signal

from sandbox import equal, mayfly_run, misbehaving, works

with mayfly_run(command=misbehaving()) as env:
    works(env)
    env.process.send_signal(signal.SIGKILL)
    env.wait()
    with mayfly_run(command=misbehaving(), options=["--listen", f"127.0.0.1:{env.port}"]) as second:
        equal(second.port, env.port)
        works(second)
