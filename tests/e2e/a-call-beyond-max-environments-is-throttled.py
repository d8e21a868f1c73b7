import boto3
from botocore.config import Config
from sandbox import equal, mayfly_run

with mayfly_run(options=("--max-environments", "1")) as env:
    first = env.begin_call()
    runtime = env.actor()
    event = runtime.next()
    client = boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{env.port}", region_name="us-east-1",
                          aws_access_key_id="k", aws_secret_access_key="s", config=Config(retries={"max_attempts": 0}))
    try:
        client.invoke(FunctionName="function", Payload=b"{}")
        raise AssertionError("not throttled")
    except client.exceptions.TooManyRequestsException as error:
        equal(error.response["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded")
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 429)
    runtime.respond(event.request_id)
    equal(first.answer().status, 200)
    following = runtime.begin_next()
    second = env.begin_call()
    runtime.respond(following.answer().request_id)
    equal(second.answer().status, 200)
