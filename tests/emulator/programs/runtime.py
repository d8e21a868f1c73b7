#!/usr/bin/env python3
"""A runtime that does what its events say.

An event is answered as it came, unless it is an object with one of these:
  exit N, signal N      end at once
  sleep S               wait before the answer
  fail TYPE             post an error with this type
  bytes N               answer with a JSON string of N bytes in all
  post [PATH, HEADERS, BODY]   post this first, and answer with status and body
  print TEXT            write a line first
  environment, headers  answer with what this process or request has
  then_exit N           end after the answer
  last_words TEXT       answer with it and end at once, without waiting for the reply
What happens before the first event is in INIT: a JSON object with exit, signal,
sleep, error (a type: post init/error and end with 1), post, internal (a list of
events: register an internal extension), linger (ignore SIGTERM), or record (a
file that gets a line at SIGTERM). With answer, a Python expression of `event`,
every event is answered by that.
"""
import http.client, json, os, signal, sys, threading, time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
INIT = json.loads(os.environ.get("INIT", "{}"))


def call(connection, method, path, body=None, headers={}):
    connection.request(method, path, body=body, headers=headers)
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read()


def end_by(plan):
    if "sleep" in plan:
        time.sleep(plan["sleep"])
    if "exit" in plan:
        os._exit(plan["exit"])
    if "signal" in plan:
        os.kill(os.getpid(), plan["signal"])
        time.sleep(10)


def on_sigterm(number, frame):
    with open(INIT["record"], "a") as out:
        out.write("SIGTERM\n")
    os._exit(0)


def internal_extension(events):
    connection = http.client.HTTPConnection(API)
    _, headers, _ = call(connection, "POST", "/2020-01-01/extension/register", json.dumps({"events": events}),
                         {"Lambda-Extension-Name": "internal"})
    me = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}

    def loop():
        while True:
            call(connection, "GET", "/2020-01-01/extension/event/next", headers=me)

    threading.Thread(target=loop, daemon=True).start()


def main():
    connection = http.client.HTTPConnection(API)
    if "record" in INIT:
        signal.signal(signal.SIGTERM, on_sigterm)
    if "linger" in INIT:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "print" in INIT:
        print(INIT["print"], flush=True)
    if "post" in INIT:
        path, headers, body = INIT["post"]
        print("post", call(connection, "POST", path, body, headers)[0], flush=True)
    if "error" in INIT:
        call(connection, "POST", "/2018-06-01/runtime/init/error",
             json.dumps({"errorType": INIT["error"], "errorMessage": "no luck"}),
             {"Lambda-Runtime-Function-Error-Type": INIT["error"]})
        sys.exit(1)
    end_by(INIT)
    if "internal" in INIT:
        internal_extension(INIT["internal"])
    while True:
        _, headers, event = call(connection, "GET", "/2018-06-01/runtime/invocation/next")
        request = headers["Lambda-Runtime-Aws-Request-Id"]
        base = f"/2018-06-01/runtime/invocation/{request}/"
        try:
            plan = json.loads(event)
        except ValueError:
            plan = {}
        if not isinstance(plan, dict):
            plan = {}
        if "answer" in INIT:
            try:
                plan = {"text": json.dumps(eval(INIT["answer"], {"event": plan}))}
            except Exception as error:
                plan = {"fail": type(error).__name__}
        if "print" in plan:
            print(plan["print"], flush=True)
        end_by(plan)
        answer, path = event, base + "response"
        sent = {"Lambda-Runtime-Invocation-Id": headers["Lambda-Runtime-Invocation-Id"]}
        if "fail" in plan:
            answer, path = json.dumps({"errorType": plan["fail"], "errorMessage": "as asked"}), base + "error"
            sent["Lambda-Runtime-Function-Error-Type"] = plan["fail"]
        if "text" in plan:
            answer = plan["text"]
        if "bytes" in plan:
            answer = '"' + "x" * (plan["bytes"] - 2) + '"'
        if "environment" in plan:
            answer = json.dumps(dict(os.environ))
        if "headers" in plan:
            answer = json.dumps({name.lower(): value for name, value in headers.items()})
        if "post" in plan:
            to, fields, body = plan["post"]
            status, _, text = call(connection, "POST", to.replace("ID", request), body, fields)
            answer = json.dumps({"status": status, "body": text.decode()})
        if "get" in plan:
            status, _, text = call(http.client.HTTPConnection(API), "GET", plan["get"], headers=plan.get("with", {}))
            answer = json.dumps({"status": status, "body": text.decode()})
        if "script" in plan:
            answer = json.dumps(eval(plan["script"], dict(globals())))
        if "last_words" in plan:
            connection.request("POST", path, json.dumps(plan["last_words"]), sent)
            os._exit(0)
        status, _, text = call(connection, "POST", path, answer, sent)
        if status != 202:
            print("answer", status, text.decode().strip(), flush=True)
        if "then_exit" in plan:
            os._exit(plan["then_exit"])


main()
