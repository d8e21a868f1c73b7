"""The clients that people have: boto3 and the AWS CLI against the Invoke API,
our own `mayfly invoke` beside them. They get no answer they can use from the
official emulator, which knows but one function name."""

import json
import os
import pathlib
import subprocess
import sys

from actor import PATIENCE_S
from case import Case, main
from environment import binary

ORDER = {"id": "a1", "items": [{"sku": "tea", "quantity": 2, "unit_price": 4.5}]}
PRICED = {"order": "a1", "pieces": 2, "total": 9}
WRONG = {"id": "a1", "items": [{"sku": "tea", "quantity": 0, "unit_price": 4.5}]}


class Clients(Case):
    def setUp(self):
        if self.on_rie:
            self.skipTest("it knows only the name function")
        self.start(command=[binary("../examples/orders")], handler="price")
        self.endpoint = f"http://127.0.0.1:{self.environment.port}"

    def boto3(self):
        import boto3
        from botocore.config import Config
        config = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S, proxies={})
        return boto3.client("lambda", endpoint_url=self.endpoint, region_name="us-east-1", config=config,
                            aws_access_key_id="AKIA", aws_secret_access_key="none")

    def test_boto3_invokes(self):
        answer = self.boto3().invoke(FunctionName="orders", Payload=json.dumps(ORDER), LogType="Tail")
        self.assertEqual(answer["StatusCode"], 200)
        self.assertEqual(answer["ExecutedVersion"], "$LATEST")
        self.assertNotIn("FunctionError", answer)
        self.assertEqual(json.load(answer["Payload"]), PRICED)
        self.assertTrue(answer["LogResult"])

    def test_boto3_sees_a_function_error(self):
        answer = self.boto3().invoke(FunctionName="orders", Payload=json.dumps(WRONG))
        self.assertEqual((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"))
        self.assertEqual(json.load(answer["Payload"])["errorType"], "Order.Invalid")

    def test_boto3_raises_what_the_service_refuses(self):
        client = self.boto3()
        with self.assertRaises(client.exceptions.InvalidRequestContentException):
            client.invoke(FunctionName="orders", Payload=b'{"id":')
        # The service has sent this code, which its own model does not know.
        with self.assertRaisesRegex(client.exceptions.ClientError, "RequestEntityTooLargeException"):
            client.invoke(FunctionName="orders", Payload=b'"' + b"x" * (6 * 1024 * 1024) + b'"')

    def test_boto3_calls_by_arn(self):
        arn = "arn:aws:lambda:us-east-1:123456789012:function:orders:$LATEST"
        answer = self.boto3().invoke(FunctionName=arn, Payload=json.dumps(ORDER))
        self.assertEqual(json.load(answer["Payload"]), PRICED)

    def test_boto3_finds_the_function_there_and_active(self):
        client = self.boto3()
        for waiter in ("function_exists", "function_active_v2", "function_updated_v2"):
            client.get_waiter(waiter).wait(FunctionName="orders", WaiterConfig={"MaxAttempts": 1})
        found = client.get_function(FunctionName="orders")
        configuration = found["Configuration"]
        self.assertEqual((configuration["FunctionName"], configuration["Handler"]), ("orders", "price"))
        self.assertEqual(configuration["CodeSize"], binary("../examples/orders").stat().st_size)
        self.assertEqual(client.get_function_configuration(FunctionName="orders")["RevisionId"],
                         configuration["RevisionId"])
        pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
        self.assertEqual(len([function for page in pages for function in page["Functions"]]), 1)
        self.assertEqual(client.get_account_settings()["AccountUsage"]["FunctionCount"], 1)
        with self.assertRaisesRegex(client.exceptions.ClientError, "DELETE /2015-03-31/functions/orders is not served"):
            client.delete_function(FunctionName="orders")

    def test_boto3_invokes_without_waiting(self):
        client = self.boto3()
        self.assertEqual(client.invoke_async(FunctionName="orders", InvokeArgs=json.dumps(ORDER))["Status"], 202)
        answer = client.invoke(FunctionName="orders", Payload=json.dumps(ORDER), InvocationType="Event")
        self.assertEqual((answer["StatusCode"], answer["Payload"].read()), (202, b""))
        self.assertEqual(client.invoke(FunctionName="orders", InvocationType="DryRun")["StatusCode"], 204)

    def aws(self, *words):
        home = self.folder_with({})
        variables = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_ACCESS_KEY_ID": "AKIA",
                     "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1",
                     "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL_LAMBDA": self.endpoint}
        aws = pathlib.Path(sys.executable).parent / "aws"
        ended = subprocess.run([sys.executable, aws, "lambda", *words, "--output", "text"], env=variables, cwd=home,
                               text=True, capture_output=True, timeout=4 * PATIENCE_S)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout

    def test_the_aws_cli_waits_for_the_function(self):
        self.assertEqual(self.aws("wait", "function-active-v2", "--function-name", "orders"), "")
        self.assertEqual(self.aws("list-functions", "--query", "Functions[].Runtime"), "provided.al2023\n")

    def test_the_aws_cli_invokes(self):
        out = self.folder_with({}) / "out.json"
        status, version, log = self.aws("invoke", "--function-name", "orders", "--payload", json.dumps(ORDER),
                                        "--log-type", "Tail", "--query", "[StatusCode,ExecutedVersion,LogResult]",
                                        str(out)).split()
        self.assertEqual((status, version), ("200", "$LATEST"))
        self.assertTrue(log)
        self.assertEqual(json.loads(out.read_text()), PRICED)

    def test_mayfly_invoke_invokes(self):
        command = [binary("mayfly"), "invoke", "orders", "--endpoint", self.endpoint, "--payload"]
        for payload, status in ((ORDER, 0), (WRONG, 1)):
            ended = subprocess.run([*command, json.dumps(payload)], text=True, capture_output=True, timeout=PATIENCE_S)
            self.assertEqual(ended.returncode, status, ended.stderr)
            answer = json.loads(ended.stdout)
            if status == 0:
                self.assertEqual(answer, PRICED)
            else:
                self.assertEqual(answer["errorType"], "Order.Invalid")
                self.assertIn("error: ", ended.stderr)


if __name__ == "__main__":
    main()
