import json
import os
import tempfile

from function_url import HTTP_FUNCTION, curl, url_run
from sandbox import equal, matches

STATUS = "\n%{http_code} %{content_type}"

with url_run(command=HTTP_FUNCTION) as (env, url):
    event = json.loads(curl("-H", "X-A: 1", "-H", "x-a: 2", "-b", "k=v; l=w", f"{url}/a%20b?x=1&x=2&y=a+b%21"))
    equal(event["rawPath"], "/a%20b")
    equal(event["rawQueryString"], "x=1&x=2&y=a+b%21")
    equal(event["queryStringParameters"], {"x": "1,2", "y": "a b!"})
    equal(event["headers"]["x-a"], "1,2")
    equal(event["headers"]["host"], url.removeprefix("http://"))
    equal(event["cookies"], ["k=v", "l=w"])
    equal(event["requestContext"]["http"]["method"], "GET")
    equal(event["isBase64Encoded"], False)

    form = json.loads(curl("-d", "a=1&b=2", url))
    equal((form["body"], form["isBase64Encoded"]), ("YT0xJmI9Mg==", True))
    text = json.loads(curl("-H", "Content-Type: application/json", "-d", '{"ä":1}', url))
    equal((text["body"], text["isBase64Encoded"]), ('{"ä":1}', False))

    with tempfile.NamedTemporaryFile() as file:
        data = os.urandom(1_000_000)
        file.write(data)
        file.flush()
        equal(curl("--data-binary", f"@{file.name}", f"{url}/bytes") == data, True)
        equal(curl("-T", file.name, f"{url}/bytes") == data, True)
        # In chunks.
        equal(curl("-T", file.name, "-H", "Transfer-Encoding: chunked", f"{url}/bytes") == data, True)

    # A redirect with cookies, followed with them.
    event = json.loads(curl("-L", "-c", "/dev/null", f"{url}/old"))
    equal((event["rawPath"], event["rawQueryString"], event["cookies"]), ("/new", "from=old", ["b=2", "a=1"]))

    equal(curl("-w", STATUS, f"{url}/missing"), b"no such page\n404 text/plain")
    equal(curl("-w", STATUS, f"{url}/string"), b"hello\n200 application/json")
    equal(curl("-w", STATUS, f"{url}/status"), b"Internal Server Error\n502 application/json")
    equal(curl("-w", STATUS, f"{url}/error"), b"Internal Server Error\n502 application/json")
    head = curl("-I", f"{url}/missing").decode()
    matches(head, r"^HTTP/1.1 404 Not Found\r$")
    matches(head, r"^Content-Length: 12\r$")
    matches(head, r"^x-amzn-RequestId: [0-9a-f-]{36}\r$")
