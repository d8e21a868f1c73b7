"""The samples of `sam local generate-event`, with its defaults: every HTTP event
is seen as it is, and each typed event is, read and written, the same JSON."""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import sysconfig

PROGRAM = sys.argv[1]
SAMPLES = pathlib.Path(sysconfig.get_paths()["purelib"]) / "samcli/lib/generated_sample_events"
if not SAMPLES.is_dir():
    print(f"no {SAMPLES}: ./dev test installs the packages of tests/requirements.txt")
    sys.exit(77)
MAPPING = json.loads((SAMPLES / "event-mapping.json").read_text())


def encoded(value, how):
    return base64.b64encode(value.encode()).decode() if how == "base64" else value


def sample(service, event):
    described = MAPPING[service][event]
    values, objects = {}, {}
    for name, tag in described["tags"].items():
        name = name.replace("-", "_")
        values[name] = encoded(tag.get("default", ""), tag.get("encoding"))
        if tag.get("type") == "dict":
            objects["{{{" + name + "}}}"] = json.loads(tag["default"])
        for child in tag.get("children", {}):
            values[child] = hashlib.md5(tag["default"].encode()).hexdigest()

    def filled(node):
        if isinstance(node, dict):
            return {key: filled(value) for key, value in node.items()}
        if isinstance(node, list):
            return [filled(value) for value in node]
        if not isinstance(node, str) or node in objects:
            return objects.get(node, node) if isinstance(node, str) else node
        return re.sub(r"\{\{\{(\w+)\}\}\}", lambda match: values.get(match[1], ""), node)

    return filled(json.loads((SAMPLES / "events" / service / (described["filename"] + ".json")).read_text()))


def run(kind, event):
    done = subprocess.run([PROGRAM, kind], input=json.dumps(event), capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def without_absent(node):
    """Absent members are null, or empty where they are no optionals; so is what AWS leaves out."""
    if isinstance(node, dict):
        kept = {key: without_absent(value) for key, value in node.items()}
        return {key: value for key, value in kept.items() if value not in (None, "", [], {})}
    return [without_absent(value) for value in node] if isinstance(node, list) else node


failures = []


def equal(what, got, wanted):
    if got != wanted:
        failures.append(what)
        print(f"{what}:\n  got    {json.dumps(got)}\n  wanted {json.dumps(wanted)}")


for service, event, kind in [
        ("sqs", "receive-message", "sqs"), ("sns", "notification", "sns"), ("s3", "put", "s3"), ("s3", "delete", "s3"),
        ("s3", "batch-invocation", "s3-batch"), ("kinesis", "get-records", "kinesis"),
        ("dynamodb", "update", "dynamodb"), ("cloudwatch", "scheduled-event", "eventbridge")]:
    given = sample(service, event)
    status, written = run(kind, given)
    equal(f"{service} {event}", (status, without_absent(written)), (0, without_absent(given)))

REST, HTTP_API, ALB = 0, 1, 4
BODY = '{"test":"body"}'


def check_http(service, event, expected):
    given = sample(service, event)
    status, seen = run("http", given)
    equal(f"{service} {event}", status, 0)
    for name, wanted in expected.items():
        equal(f"{service} {event}: {name}", seen.get(name), wanted)
    headers = given.get("multiValueHeaders") or {name: [value] for name, value in given["headers"].items()}
    listed = [[name, value] for name, values in headers.items() for value in values]
    equal(f"{service} {event}: headers", seen["headers"][:len(listed)], listed)
    return seen


check_http("alb", "request", {
    "source": ALB, "method": "POST", "path": "/path/to/resource", "body": BODY, "query": [["query", "1234ABCD"]],
    "source_ip": "72.12.164.125"})
check_http("apigateway", "aws-proxy", {
    "source": REST, "method": "POST", "path": "/path/to/resource", "body": BODY, "query": [["foo", "bar"]],
    "source_ip": "127.0.0.1", "stage": "prod", "route": "/{proxy+}", "param": "/path/to/resource"})
seen = check_http("apigateway", "http-api-proxy", {
    "source": HTTP_API, "method": "POST", "path": "/path/to/resource", "source_ip": "192.168.0.1/32",
    "query": [["parameter1", "value1"], ["parameter1", "value2"], ["parameter2", "value"]]})
equal("http-api-proxy: cookies", seen["headers"][-1], ["cookie", "cookie1; cookie2"])
check_http("apigateway", "request-authorizer", {"method": "GET", "path": "/request"})
status, error = run("http", sample("apigateway", "authorizer"))
equal("a token authorizer's event is no request", (status, error["errorType"]), (1, "Runtime.UnmarshalError"))

http_samples = {("alb", "request")} | {("apigateway", name) for name in MAPPING["apigateway"]}
equal("all HTTP samples are looked at", sorted(http_samples), [
    ("alb", "request"), ("apigateway", "authorizer"), ("apigateway", "aws-proxy"), ("apigateway", "http-api-proxy"),
    ("apigateway", "request-authorizer")])

_, answer = run("answer", sample("alb", "request"))
equal("alb is answered in its form", sorted(answer), ["body", "headers", "isBase64Encoded", "statusCode", "statusDescription"])
_, answer = run("answer", sample("apigateway", "aws-proxy"))
equal("REST is answered in its form", sorted(answer), ["body", "isBase64Encoded", "multiValueHeaders", "statusCode"])

sys.exit(bool(failures))
