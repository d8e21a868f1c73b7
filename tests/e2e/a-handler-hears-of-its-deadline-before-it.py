import json

from sandbox import binary, equal, mayfly_run

with mayfly_run(command=[binary("meeting_function")], timeout=2) as env:
    for margin in (1700, 900):
        answer = env.call(json.dumps({"until": margin}).encode())
        equal(answer.status, 200)
        assert 0 < answer.json() <= margin, answer
