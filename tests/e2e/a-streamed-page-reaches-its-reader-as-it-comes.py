import http.client

from function_url import curl, url_run
from sandbox import equal
from streaming import Response, error_trailers

PRELUDE_TYPE = "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
PRELUDE = b'{"statusCode":201,"headers":{"content-type":"text/html","x-a":"1"},"cookies":["c=1","d=2"]}' + bytes(8)


class Page:
    """A GET under way."""

    def __init__(self, url, path="/"):
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        self.connection.request("GET", path)

    def head(self):
        self.answer = self.connection.getresponse()
        return self.answer

    def read(self, size):
        return self.answer.read(size)


with url_run("--invoke-mode", "RESPONSE_STREAM") as (env, url):
    # A prelude in two pieces, then a body whose parts arrive one by one.
    page = Page(url)
    runtime = env.actor()
    event = runtime.next()
    equal(event.json()["rawPath"], "/")
    response = Response(runtime, event, PRELUDE_TYPE)
    response.chunk(PRELUDE[:-3])
    response.chunk(PRELUDE[-3:] + b"first")
    head = page.head()
    equal((head.status, head.getheader("content-type"), head.getheader("x-a")), (201, "text/html", "1"))
    equal(head.headers.get_all("set-cookie"), ["c=1", "d=2"])
    equal(head.getheader("x-amzn-requestid"), event.request_id)
    equal(page.read(5), b"first")
    response.chunk(bytes(8) + b"more")
    equal(page.read(12), bytes(8) + b"more")
    equal(response.end().status, 202)
    equal(page.read(1), b"")

    # Without the type, all of it is the body.
    parked = runtime.begin_next()
    page = Page(url)
    response = Response(runtime, parked.answer(), "Content-Type: text/event-stream\r\n")
    response.chunk(PRELUDE)
    head = page.head()
    equal((head.status, head.getheader("content-type")), (200, "text/event-stream"))
    equal(page.read(len(PRELUDE)), PRELUDE)
    response.end()

    # What breaks off ends without an end; what fails before it begins, and a prelude that is none, is an error page.
    parked = runtime.begin_next()
    page = Page(url)
    response = Response(runtime, parked.answer(), "Content-Type: text/plain\r\n")
    response.chunk(b"half")
    page.head()
    equal(page.read(4), b"half")
    response.end(error_trailers("Handler.Broken", b"{}"))
    try:
        page.read(1)
        raise AssertionError("the page ended well")
    except http.client.IncompleteRead:
        pass
    for chunk, trailers in ((None, error_trailers("Handler.Broken", b"{}")), (b"{" + bytes(8), ""), (b"{}", "")):
        parked = runtime.begin_next()
        page = Page(url)
        response = Response(runtime, parked.answer(), PRELUDE_TYPE)
        if chunk:
            response.chunk(chunk)
        response.end(trailers)
        head = page.head()
        equal((head.status, head.read()), (502, b"Internal Server Error"))

    # What was not streamed comes as it is, envelope and all.
    parked = runtime.begin_next()
    page = Page(url)
    event = parked.answer()
    runtime.respond(event.request_id, b'{"statusCode": 404}')
    head = page.head()
    equal((head.status, head.read()), (200, b'{"statusCode": 404}'))
    runtime.begin_next()

# A URL that does not stream makes one page of it: prelude, NULs and all.
with url_run() as (env, url):
    page = Page(url)
    runtime = env.actor()
    response = Response(runtime, runtime.next(), PRELUDE_TYPE)
    response.chunk(PRELUDE + b"body")
    response.end()
    head = page.head()
    equal((head.status, head.read()), (200, PRELUDE + b"body"))
    runtime.begin_next()
