"""The example extension_parameters: a file as the source, SSM's own API over HTTP,
and a function's point of view on both."""
import http.client
import http.server
import json
import os
import pathlib
import tempfile
import threading

from sandbox import PATIENCE_S, binary, equal, free_port, mayfly_run, misbehaving, works

PROGRAM = binary("../examples/build/extension_parameters/extensions/extension_parameters")
ASKED = []
os.environ |= {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


class Ssm(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ASKED.append((self.headers["X-Amz-Target"], body))
        good = body["Name"] == "/orders/key"
        text = json.dumps({"Parameter": {"Name": body["Name"], "Value": "s3cr3t"}} if good
                          else {"__type": "ParameterNotFound"}).encode()
        self.send_response(200 if good else 400)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def check(variables, calls):
    port = free_port()
    with mayfly_run(command=misbehaving(), programs={"extension_parameters": f"#!/bin/sh\nexec {PROGRAM}\n"},
                    variables={"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(port), **variables},
                    options=("--no-freeze", "--credentials", "env")) as env:
        works(env)

        def get(target, token="token"):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            client.request("GET", target, headers={"x-aws-parameters-secrets-token": token})
            answer = client.getresponse()
            return answer.status, answer.read().decode()

        for target, expected in calls:
            status, body = get(target)
            equal((target, status, json.loads(body)["Parameter"]["Value"] if status == 200 else body),
                  (target, *expected))
        equal(get("/systemsmanager/parameters/get?name=x", "another")[0], 401)
        works(env)
        equal(env.stop(), 0)


GET = "/systemsmanager/parameters/get?"
with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
    file = pathlib.Path(folder) / "parameters.json"
    file.write_text(json.dumps({"/orders/key": "s3cr3t", "plain": "\u00e9\""}))
    check({"PARAMETERS_FILE": str(file)}, [
        (GET + "name=%2Forders%2Fkey", (200, "s3cr3t")),
        (GET + "withDecryption=true&name=plain", (200, "\u00e9\"")),
        (GET + "name=none", (400, "ParameterNotFound: none")),
        ("/secretsmanager/get?secretId=x", (404, "no such path")),
    ])

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ssm)
threading.Thread(target=server.serve_forever, daemon=True).start()
check({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}, [
    (GET + "name=%2Forders%2Fkey&withDecryption=true", (200, "s3cr3t")),
    (GET + "name=%2Forders%2Fkey&withDecryption=true", (200, "s3cr3t")),
    (GET + "name=other", (400, "ParameterNotFound: other")),
])
equal(ASKED, [("AmazonSSM.GetParameter", {"Name": "/orders/key", "WithDecryption": True}),
              ("AmazonSSM.GetParameter", {"Name": "other", "WithDecryption": False})])
