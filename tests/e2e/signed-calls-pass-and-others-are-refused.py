import json
import os
import pathlib
import sys

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions

from function_url import HTTP_FUNCTION, curl, url_run
from sandbox import PATIENCE_S, binary, contains, equal, run

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cr3t+/canary", "AWS_SESSION_TOKEN": "t/o+k=="}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
EVENT = json.dumps({"rawPath": "/string"})
os.environ.update(KEYS)  # which mayfly run finds


def client(env, secret=KEYS["AWS_SECRET_ACCESS_KEY"], key=KEYS["AWS_ACCESS_KEY_ID"], region="us-east-1"):
    config = botocore.config.Config(retries={"max_attempts": 0}, read_timeout=PATIENCE_S)
    return boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{env.port}", region_name=region, config=config,
                        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=KEYS["AWS_SESSION_TOKEN"])


def refusal(of):
    try:
        of.invoke(FunctionName="orders", Payload=EVENT)
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError("not refused")


def signed(*words):
    """The words for curl to sign with the keys."""
    return ["--aws-sigv4", "aws:amz:us-east-1:lambda", "--user",
            KEYS["AWS_ACCESS_KEY_ID"] + ":" + KEYS["AWS_SECRET_ACCESS_KEY"], "-H",
            "X-Amz-Security-Token: " + KEYS["AWS_SESSION_TOKEN"], *words]


def by_botocore(auth, url, method="GET", **named):
    """The URL and the fields of a signed request."""
    credentials = botocore.credentials.Credentials(*KEYS.values())
    request = botocore.awsrequest.AWSRequest(method=method, url=url, **named)
    auth(credentials, "lambda", "us-east-1").add_auth(request)
    return [word for name, value in request.headers.items() for word in ("-H", f"{name}: {value}")] + [request.url]


with url_run("--verify-signatures", "--auth-type", "AWS_IAM", command=HTTP_FUNCTION) as (env, url):
    # The Invoke API, as boto3, the AWS CLI and curl sign.
    for name in ("orders", ARN, "orders:$LATEST"):
        equal(client(env).invoke(FunctionName=name, Payload=EVENT, LogType="Tail")["Payload"].read(), b'"hello"')
    equal(client(env).invoke(FunctionName=ARN, Qualifier="$LATEST", Payload=EVENT)["Payload"].read(), b'"hello"')
    stream = client(env).invoke_with_response_stream(FunctionName="orders", Payload=EVENT)["EventStream"]
    equal(next(iter(stream))["PayloadChunk"]["Payload"], b'"hello"')
    aws = pathlib.Path(sys.executable).parent / "aws"
    done = run([sys.executable, aws, "lambda", "invoke", "--function-name", ARN, "--payload", EVENT, "--region",
                "us-east-1", "--endpoint-url", f"http://127.0.0.1:{env.port}", "/dev/stdout"],
               {**KEYS, "HOME": "/nonexistent", "PATH": os.environ["PATH"]})
    contains(done.stdout, '"hello"')
    api = f"http://127.0.0.1:{env.port}/2015-03-31/functions/orders/invocations"
    equal(curl(*signed("-d", EVENT, api)), b'"hello"')

    command = [binary("mayfly"), "invoke", ARN, "--qualifier", "$LATEST", "--endpoint", str(env.port), "--payload", EVENT]
    equal(run(command, KEYS).stdout, '"hello"')
    equal(run(command).returncode, 4)

    equal(refusal(client(env, secret="wrong")), (403, "InvalidSignatureException"))
    equal(refusal(client(env, key="AKIDOTHER")), (403, "UnrecognizedClientException"))
    equal(refusal(client(env, region="eu-west-1")), (403, "InvalidSignatureException"))
    equal(json.loads(curl("-d", EVENT, api)), {"message": "Missing Authentication Token"})

    # The URL, with and without a body, and as a presigned link.
    equal(json.loads(curl(*signed(url + "/a/b")))["requestContext"]["authorizer"]["iam"]["accessKey"], "AKIDEXAMPLE")
    equal(json.loads(curl(*signed("-d", "body", url + "/a")))["body"], "Ym9keQ==")
    equal(json.loads(curl(*by_botocore(botocore.auth.SigV4Auth, url + "/a%20b//c?z=%C3%A9&y=1&y")))["rawPath"],
          "/a%20b//c")
    link = by_botocore(botocore.auth.SigV4QueryAuth, url + "/string?x=1")
    equal(curl("--path-as-is", *link), b"hello")
    contains(curl(*link[:-1], link[-1].replace("x=1", "x=2")).decode(), "The Canonical String for this request")
    equal(curl("-w", " %{http_code}", url), b'{"Message":"Forbidden"} 403')

    # Nothing that is said or kept holds the secret.
    equal([text for text in (env.output(), env.log()) if "canary" in text], [])
