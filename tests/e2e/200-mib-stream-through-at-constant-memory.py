import hashlib
import pathlib

from sandbox import equal, mayfly_run
from streaming import STREAMER, lambda_client

LIMIT = 200 * 1024 * 1024
PIECE = bytes(range(256)) * 256

with mayfly_run(command=STREAMER) as env:
    client = lambda_client(env)

    def stream(size):
        """Digest and number of the bytes that came, and how they ended."""
        digest, number = hashlib.sha256(), 0
        answer = client.invoke_with_response_stream(FunctionName="function", Payload=str(size))
        for event in answer["EventStream"]:
            if "InvokeComplete" in event:
                return digest.digest(), number, event["InvokeComplete"]
            digest.update(event["PayloadChunk"]["Payload"])
            number += len(event["PayloadChunk"]["Payload"])

    def peak_kb():
        status = pathlib.Path(f"/proc/{env.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])

    stream(LIMIT // 10)  # whose buffers stay
    before = peak_kb()
    expected = hashlib.sha256()
    for _ in range(LIMIT // len(PIECE)):
        expected.update(PIECE)
    equal(stream(LIMIT), (expected.digest(), LIMIT, {}))
    env.wait_for(f"posted {LIMIT} 202")
    assert peak_kb() - before < 8192, f"{before} kB before, {peak_kb()} kB at most"

    digest, number, complete = stream(LIMIT + 1)
    assert number <= LIMIT, number
    equal(complete["ErrorCode"], "Function.ResponseSizeTooLarge")
    env.wait_for(f"posted {LIMIT + 1} 413")
    equal(stream(1), (hashlib.sha256(b"\0").digest(), 1, {}))
