"""The AWS services that secrets come from, played by moto's server on loopback."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile

import boto3
from sandbox import free_port, is_listening, wait_until

REGION = "eu-west-1"


class Aws:
    """`variables` lead a function there; its credentials are the environment's."""

    def __init__(self, port, log):
        self._log = log
        self.variables = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}

    def client(self, service):
        return boto3.client(service, region_name=REGION, endpoint_url=self.variables["AWS_ENDPOINT_URL"],
                            aws_access_key_id="test", aws_secret_access_key="test")

    def calls(self):
        return self._log.read_text().count('"POST / ')


@contextlib.contextmanager
def moto():
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
        port, log = free_port(), pathlib.Path(folder, "log")
        with open(log, "wb") as output:
            process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                                       stdout=output, stderr=output)
        try:
            wait_until(lambda: is_listening(port), "moto")
            yield Aws(port, log)
        finally:
            process.kill()
            process.wait()
