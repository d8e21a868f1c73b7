from sandbox import binary, contains, equal, run

for program in ("echo_function", "bootstrap", "mayfly-telemetry"):
    for address, said in ((None, "not set"), ("", "AWS_LAMBDA_RUNTIME_API"), ("127.0.0.1", "host:port"),
                          ("127.0.0.1:http", "from 1 to 65535"), ("127.0.0.1:70000", "from 1 to 65535"),
                          ("http://127.0.0.1:9001", "host:port"), ("127.0.0.1:9001/2018-06-01", "path")):
        ended = run([binary(program)], {} if address is None else {"AWS_LAMBDA_RUNTIME_API": address})
        equal((program, address, ended.returncode), (program, address, 1))
        contains(ended.stdout + ended.stderr, "AWS_LAMBDA_RUNTIME_API")
        contains(ended.stdout + ended.stderr, said)
        equal(len((ended.stdout + ended.stderr).splitlines()), 1)
