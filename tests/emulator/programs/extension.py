#!/usr/bin/env python3
"""An external extension that does what EXTENSIONS says of its name: an object

  events      list to register with, default INVOKE and SHUTDOWN
  before      {"exit": N}, {"signal": N}, {"sleep": S}: instead of registering
  name        register under another name
  init_error, exit_error   a type: post it after registering, end with 1
  silent      never call next
  on_invoke, on_shutdown   {"exit": N}, {"sleep": S} or {"signal": N}
  subscribe   body of a telemetry subscription; PORT in it is the listener's
  refuse      answer the first N batches with 503

It appends a JSON line for all it hears to the file NAME.ndjson in RECORDS.
"""
import http.client, http.server, json, os, signal, sys, threading, time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
NAME = os.path.basename(sys.argv[0])
PLAN = json.loads(os.environ.get("EXTENSIONS", "{}")).get(NAME, {})
refuse = PLAN.get("refuse", 0)


def record(what):
    with open(os.path.join(os.environ["RECORDS"], NAME + ".ndjson"), "a") as out:
        out.write(json.dumps(what) + "\n")


def act(plan):
    time.sleep(plan.get("sleep", 0))
    if "exit" in plan:
        os._exit(plan["exit"])
    if "signal" in plan:
        os.kill(os.getpid(), plan["signal"])
        time.sleep(10)


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global refuse
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = refuse > 0
        refuse -= 1
        record({"batch": self.path, "refused": refused, "events": json.loads(body)})
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def call(connection, method, path, body=None, headers={}):
    connection.request(method, path, body=body, headers=headers)
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read()


def subscribe(connection, me):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    body = json.dumps(PLAN["subscribe"]).replace("PORT", str(server.server_port))
    status, _, text = call(connection, "PUT", "/2022-07-01/telemetry", body, me)
    record({"subscribed": status, "body": text.decode()})


def main():
    signal.signal(signal.SIGTERM, lambda *_: record({"signal": "SIGTERM"}))
    record({"environment": dict(os.environ)})
    connection = http.client.HTTPConnection(API)
    act(PLAN.get("before", {}))
    status, headers, body = call(connection, "POST", "/2020-01-01/extension/register",
                                 json.dumps({"events": PLAN.get("events", ["INVOKE", "SHUTDOWN"])}),
                                 {"Lambda-Extension-Name": PLAN.get("name", NAME),
                                  "Lambda-Extension-Accept-Feature": "accountId"})
    record({"registered": status, "body": json.loads(body)})
    me = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
    if "subscribe" in PLAN:
        subscribe(connection, me)
    for kind in ("init", "exit"):
        if kind + "_error" in PLAN:
            typed = dict(me, **{"Lambda-Extension-Function-Error-Type": PLAN[kind + "_error"]})
            call(connection, "POST", f"/2020-01-01/extension/{kind}/error", "{}", typed)
            sys.exit(1)
    if PLAN.get("silent"):
        time.sleep(60)
    while True:
        _, _, body = call(connection, "GET", "/2020-01-01/extension/event/next", headers=me)
        event = json.loads(body)
        record({"event": event, "at": time.time()})
        if event["eventType"] == "SHUTDOWN":
            act(PLAN.get("on_shutdown", {}))
            time.sleep(0.05)
            sys.exit(0)
        act(PLAN.get("on_invoke", {}))
        print(NAME, "saw", event["requestId"], flush=True)


main()
