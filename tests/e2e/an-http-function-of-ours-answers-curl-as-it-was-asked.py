import json
import os
import tempfile

from function_url import curl, url_run
from sandbox import binary, equal, matches

with url_run(command=[binary("http_mirror")]) as (env, url):
    seen = json.loads(curl("-b", "j=0; k=v", f"{url}/seen/a%20b%2Fc?q=x+y%26&q=2"))
    equal(seen, {"method": "GET", "path": "/seen/a%20b%2Fc", "id": "a b/c", "query": "x y&", "cookie": "v"})
    with tempfile.NamedTemporaryFile() as file:
        data = os.urandom(4_000_000)
        file.write(data)
        file.flush()
        equal(curl("--data-binary", f"@{file.name}", "-H", "Content-Type: image/png", f"{url}/mirror") == data, True)
    reply = curl("-i", "-d", "größer", "-H", "Content-Type: text/plain", f"{url}/mirror").decode()
    matches(reply, "(?i)^content-type: text/plain\r$")
    matches(reply, "(?i)^x-many: 1,2\r$")
    matches(reply, "(?i)^set-cookie: a=1; HttpOnly\r$")
    matches(reply, "(?i)^set-cookie: b=2\r$")
    equal(reply.endswith("\r\n\r\ngrößer"), True)

    status = "%{http_code} %header{allow}"
    equal(curl("-w", status, f"{url}/nothing"), b'{"message":"Not Found"}404 ')
    equal(curl("-w", status, f"{url}/mirror"), b'{"message":"Method Not Allowed"}405 POST')
    equal(curl("-w", status, "-o", "/dev/null", "-I", f"{url}/bytes/7"), b"200 ")
    # 6,291,556 bytes with the envelope; base64 makes 4 of 3.
    equal(len(curl(f"{url}/bytes/4718000")), 4_718_000)
    equal(curl("-w", status, f"{url}/bytes/4719000"), b"Internal Server Error502 ")
    env.wait_for("a body of 4719000 bytes, in base64 6292000, exceeds the 6291556 bytes of a response")
    # An exception is the function's error; the function lives on.
    equal(curl("-w", status, f"{url}/bytes/many"), b"Internal Server Error502 ")
    env.wait_for("errorType=std::invalid_argument")
    equal(curl(f"{url}/bytes/0"), b"")
