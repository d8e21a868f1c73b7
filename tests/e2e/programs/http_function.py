#!/usr/bin/env python3
"""A function behind its URL: what it answers depends on the path. Says who calls."""
import http.client
import json
import os

PAGE = "<!doctype html><title>of the function</title><p id=p>waiting</p>"


def answer(event):
    path = event["rawPath"]
    print("called", event.get("requestContext", {}).get("http", {}).get("method"), path, flush=True)
    if path == "/page":
        return {"statusCode": 200, "headers": {"Content-Type": "text/html"}, "body": PAGE + event.get("body", "")}
    if path == "/bytes":
        return {"statusCode": 200, "headers": {"content-type": "application/octet-stream"}, "body": event["body"],
                "isBase64Encoded": event["isBase64Encoded"]}
    if path == "/old":
        return {"statusCode": 302, "headers": {"Location": "/new?from=old"}, "cookies": ["a=1; Path=/", "b=2; Path=/"]}
    if path == "/missing":
        return {"statusCode": 404, "headers": {"content-type": "text/plain"}, "body": "no such page"}
    if path == "/string":
        return "hello"
    if path == "/status":
        return {"statusCode": "no number"}
    if path == "/attack":
        with open(os.environ["ATTACK"]) as page:
            return {"statusCode": 200, "headers": {"content-type": "text/html"}, "body": page.read()}
    if path == "/error":
        raise ValueError("as asked")
    return event


api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    got = api.getresponse()
    event, path = json.loads(got.read()), f"/2018-06-01/runtime/invocation/{got.headers['Lambda-Runtime-Aws-Request-Id']}/"
    try:
        api.request("POST", path + "response", json.dumps(answer(event)))
    except ValueError as error:
        api.request("POST", path + "error", json.dumps({"errorType": "ValueError", "errorMessage": str(error)}),
                    {"Lambda-Runtime-Function-Error-Type": "ValueError"})
    api.getresponse().read()
