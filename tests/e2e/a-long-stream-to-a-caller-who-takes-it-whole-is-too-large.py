from sandbox import equal, is_function_error, mayfly_run
from streaming import STREAMER

LIMIT = 6_291_556

with mayfly_run(command=STREAMER) as env:
    answer = env.call(str(LIMIT).encode())
    equal((answer.status, len(answer.body), answer.header("X-Amz-Function-Error")), (200, LIMIT, None))
    for size in (LIMIT + 1, 80_000_000):  # the second is more than would be read to its end
        is_function_error(env.call(str(size).encode()), "Function.ResponseSizeTooLarge",
                          r"Response payload size exceeded maximum allowed payload size \(6291556 bytes\)\.")
        env.wait_for(f"posted {size} 413")
    equal(env.call(b"3").body, b"\0\1\2")
