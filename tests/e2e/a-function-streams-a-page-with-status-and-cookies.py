import subprocess

from function_url import curl, url_run
from sandbox import PATIENCE_S, binary, equal, matches

FUNCTION = {"command": [binary("streaming_function")], "handler": "page"}

with url_run("--invoke-mode", "RESPONSE_STREAM", **FUNCTION) as (env, url):
    answer = curl("-i", f"{url}/a").decode()
    head, _, body = answer.partition("\r\n\r\n")
    matches(head, r"^HTTP/1.1 200 ")
    matches(head, r"(?i)^content-type: text/html\r$")
    matches(head, r"(?i)^x-path: /a\r$")
    matches(head, r"(?i)^set-cookie: a=1\r$")
    matches(head, r"(?i)^set-cookie: b=2\r?$")
    equal(body, "<p>/a</p>")
    equal(curl("-w", "%{http_code}", f"{url}/empty"), b"404")
    equal(curl("-w", "%{http_code}", f"{url}/broken"), b"Internal Server Error502")

    # Behind the head nothing but the end of the connection can tell of a failure.
    late = subprocess.run(["curl", "--silent", "--max-time", str(PATIENCE_S), f"{url}/late"], capture_output=True)
    equal((late.returncode, late.stdout), (18, b"<p>/late"))
    equal(curl(f"{url}/b"), b"<p>/b</p>")
