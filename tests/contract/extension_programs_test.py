"""Extensions of ours as programs: the examples and mayfly-telemetry. The official
emulator has no Telemetry API on demand, and one for Managed Instances."""

import gzip
import http.client
import http.server
import json
import pathlib
import threading

from actor import PATIENCE_S
from case import Case, main
from environment import binary, free_port, wait_until

BUILD = pathlib.Path("../examples/build")


def example(name):
    """As {name: script} for Environment(programs=…)."""
    return {name: f"#!/bin/sh\nexec {binary(BUILD / name / 'extensions' / name)}\n"}


class Backend:
    """Takes anything; `requests` are (path, body)."""

    def __init__(self):
        self.requests = []
        backend = self

        class Take(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                backend.requests.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, path, text):
        wait_until(lambda: any(p == path and text in body for p, body in list(self.requests)), f"{text} on {path}")

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Programs(Case):
    def start_with(self, programs, variables=None, managed=False):
        if managed:
            return self.start_managed(command=[binary("echo_function")], programs=programs, variables=variables)
        options = ["--no-freeze"] if self.on_mayfly_run else []
        return self.start(command=[binary("echo_function")], programs=programs, variables=variables, options=options)

    def call(self, env, payload=b'{"n":1}'):
        answer = wait_until(lambda: (a := env.call(payload)).status != 400 and a, "a worker")
        self.assertEqual((answer.status, answer.body), (200, payload))

    def said(self, env, text):
        wait_until(lambda: text in env.everything(), text)

    def daemon(self, managed=False):
        backend = Backend()
        self.addCleanup(backend.close)
        self.receiver = free_port()
        variables = {"MAYFLY_TELEMETRY_DESTINATIONS": f"otlp+http://127.0.0.1:{backend.port}#compression=none",
                     "MAYFLY_TELEMETRY_TYPES": "platform,function",
                     "MAYFLY_TELEMETRY_RECEIVER": f"127.0.0.1:{self.receiver}"}
        script = f"#!/bin/sh\nexec {binary('mayfly-telemetry')}\n"
        return self.start_with({"mayfly-telemetry": script}, variables, managed), backend

    def export_a_log(self, text):
        """What an SDK of the function would send."""
        body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": text}}]}]}]}
        client = http.client.HTTPConnection("127.0.0.1", self.receiver, timeout=PATIENCE_S)
        client.request("POST", "/v1/logs", gzip.compress(json.dumps(body).encode()),
                       {"Content-Type": "application/json", "Content-Encoding": "gzip"})
        answer = client.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b"{}"))
        client.close()

    def parameters(self, managed=False):
        folder = self.folder_with({"parameters.json": '{"/orders/key":"k-1"}'})
        folder.chmod(0o755)  # the official emulator's user reads it, too
        port = free_port()
        program = binary(BUILD / "extension_parameters" / "extensions" / "extension_parameters")
        # Only the function and its extensions know the token that the cache asks for.
        script = f"#!/bin/sh\nunset AWS_SESSION_TOKEN\nexec {program}\n"
        env = self.start_with({"extension_parameters": script}, {
            "PARAMETERS_FILE": str(folder / "parameters.json"),
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(port)}, managed)
        self.call(env)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        client.request("GET", "/systemsmanager/parameters/get?name=%2Forders%2Fkey")
        answer = client.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["Parameter"]["Value"]), (200, "k-1"))
        client.close()

    # -- on demand --

    def test_the_parameter_cache_serves_the_function(self):
        self.parameters()

    def test_the_minimal_extension_hears_of_calls(self):
        env = self.start_with(example("extension_minimal"))
        self.call(env)
        self.said(env, "invoked request=")
        self.call(env)
        if self.on_mayfly:
            self.said(env, "report request=")
        else:
            self.said(env, "There is no Telemetry API here: no records will come")

    def test_the_metrics_extension_writes_embedded_metrics(self):
        env = self.start_with(example("extension_metrics"))
        self.call(env)
        self.call(env)
        if self.on_mayfly:
            self.said(env, '{"_aws":{"Timestamp":')

    def test_the_daemon_forwards_where_there_is_telemetry_and_idles_where_there_is_none(self):
        env, backend = self.daemon()
        self.call(env)
        if self.on_mayfly:
            backend.wait_for("/v1/logs", b"platform.initStart")
        else:
            self.said(env, "there is no Telemetry API here: nothing to forward")
        self.call(env)

    def test_what_an_sdk_exports_is_forwarded_everywhere(self):
        env, backend = self.daemon()
        self.call(env)
        self.export_a_log("from an SDK")
        self.call(env)
        backend.wait_for("/v1/logs", b"from an SDK")

    # -- on Managed Instances --

    def test_on_managed_instances_an_extension_lives_without_hearing_of_calls(self):
        env = self.start_with({**example("extension_minimal"), **example("extension_metrics")}, managed=True)
        self.call(env)
        self.said(env, '{"_aws":{"Timestamp":')
        self.said(env, '"message":"report"')  # logs are JSON there
        self.assertNotIn('"message":"invoked"', env.everything())

    def test_on_managed_instances_the_parameter_cache_serves_too(self):
        self.parameters(managed=True)

    def test_on_managed_instances_the_daemon_forwards_by_time(self):
        env, backend = self.daemon(managed=True)
        self.call(env)
        backend.wait_for("/v1/logs", b"platform.initReport")
        backend.wait_for("/v1/logs", b"platform.report")
        self.export_a_log("from an SDK")
        backend.wait_for("/v1/logs", b"from an SDK")


if __name__ == "__main__":
    main()
