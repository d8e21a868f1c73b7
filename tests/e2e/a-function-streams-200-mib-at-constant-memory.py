import hashlib
import json

from sandbox import binary, equal, mayfly_run
from streaming import lambda_client

LIMIT = 200 * 1024 * 1024
PIECE = bytes(range(256)) * 256

with mayfly_run(command=[binary("streaming_function")], handler="steps") as env:
    client = lambda_client(env)

    def stream(size):
        """Digest and number of the bytes that came, the last event, and what the function said of it."""
        digest, number = hashlib.sha256(), 0
        answer = client.invoke_with_response_stream(FunctionName="function", Payload=json.dumps({"bytes": size}))
        for event in answer["EventStream"]:
            if "InvokeComplete" in event:
                request_id = answer["ResponseMetadata"]["RequestId"]
                said = env.wait_for(rf"{request_id} took (\d+) of \d+, (\d+) kB")
                return digest.digest(), number, event["InvokeComplete"], int(said[1]), int(said[2])
            digest.update(event["PayloadChunk"]["Payload"])
            number += len(event["PayloadChunk"]["Payload"])

    small = stream(len(PIECE))
    equal(small[:4], (hashlib.sha256(PIECE).digest(), len(PIECE), {}, len(PIECE)))
    expected = hashlib.sha256()
    for _ in range(LIMIT // len(PIECE)):
        expected.update(PIECE)
    large = stream(LIMIT)
    equal(large[:4], (expected.digest(), LIMIT, {}, LIMIT))
    assert large[4] - small[4] < 512, f"{small[4]} kB before, {large[4]} kB at most"

    # A reader who wants no more is an error value, and the function goes on.
    refused = stream(2 * LIMIT)
    equal(refused[2]["ErrorCode"], "Function.ResponseSizeTooLarge")
    assert LIMIT <= refused[3] < 2 * LIMIT, refused
    equal(stream(1)[:4], (hashlib.sha256(b"\0").digest(), 1, {}, 1))
