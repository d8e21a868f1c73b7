import os

from sandbox import contains, equal, is_function_error, mayfly_run, write_program, run, binary

with mayfly_run(command=["./gone"], options=["--unchecked"]) as env:
    is_function_error(env.call(), "Runtime.InvalidEntrypoint",
                      r"RequestId: .* Error: Couldn't find valid bootstrap\(s\): \[.*/gone\]")
    write_program(env.folder / "gone", "#!/bin/sh\n", mode=0o644)
    is_function_error(env.call(), "Runtime.InvalidEntrypoint", "RequestId: .* Error: .*gone.*permission denied.*")
    (env.folder / "gone").unlink()
    os.symlink(binary("echo_function"), env.folder / "gone")
    equal(env.call(b'"found"').body, b'"found"')

# Without --unchecked it is said before anybody calls.
ended = run([binary("mayfly"), "run", "--listen", "127.0.0.1:0", "--", "./gone"])
equal(ended.returncode, 5)
contains(ended.stderr, "./gone")
