#!/usr/bin/env python3
"""A runtime of many workers, each with a connection of its own, that do what
their events say. An event is answered as it came, unless it is an object with
one of these:
  print TEXT     write a line first
  gate FILE      wait until the file is there
  exit N         end at once
  sigkill        be killed
  leave          the worker ends: its connection is closed, the others go on
  fail TYPE      post an error with this type
  stream TEXT    stream this, byte by byte; with "then" FILE the last byte comes once it is there
  environment, headers   answer with what this process or request has
  report         write down the status that the answer got
INIT, a JSON object, says with how many workers (workers N, else
AWS_LAMBDA_MAX_CONCURRENCY), and what happens before: exit N, error TYPE (init/error, then exit 1),
register [NAME, EVENTS] (an internal extension; its status is printed).
"""
import http.client, json, os, signal, sys, threading, time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
INIT = json.loads(os.environ.get("INIT", "{}"))
RUNTIME = "/2018-06-01/runtime/"


def call(connection, method, path, body=None, headers={}):
    connection.request(method, path, body=body, headers=headers)
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read()


def wait_for(file):
    while not os.path.exists(file):
        time.sleep(0.005)


def say(text):
    os.write(1, (text + "\n").encode())  # one write: lines of workers do not mix


def streamed(plan):
    for byte in plan["stream"][:-1]:
        yield byte.encode()
    if "then" in plan:
        wait_for(plan["then"])
    yield plan["stream"][-1:].encode()


def work():
    connection = http.client.HTTPConnection(API)
    while True:
        _, headers, event = call(connection, "GET", RUNTIME + "invocation/next")
        request = headers["Lambda-Runtime-Aws-Request-Id"]
        plan = json.loads(event)
        if not isinstance(plan, dict):
            plan = {}
        if "print" in plan:
            say(plan["print"])
        if "gate" in plan:
            wait_for(plan["gate"])
        if "exit" in plan:
            os._exit(plan["exit"])
        if "sigkill" in plan:
            os.kill(os.getpid(), signal.SIGKILL)
        if "leave" in plan:
            call(connection, "POST", f"{RUNTIME}invocation/{request}/response", event)
            connection.request("GET", RUNTIME + "invocation/next")
            connection.close()
            say("left")
            return
        answer, what = event, "response"
        sent = {"Lambda-Runtime-Invocation-Id": headers["Lambda-Runtime-Invocation-Id"]}
        if "fail" in plan:
            answer, what = json.dumps({"errorType": plan["fail"], "errorMessage": "as asked"}), "error"
            sent["Lambda-Runtime-Function-Error-Type"] = plan["fail"]
        if "environment" in plan:
            answer = json.dumps(dict(os.environ))
        if "headers" in plan:
            answer = json.dumps({name.lower(): value for name, value in headers.items()})
        if "stream" in plan:
            answer = streamed(plan)
            sent["Lambda-Runtime-Function-Response-Mode"] = "streaming"  # an iterator is sent in chunks
        try:
            status, _, text = call(connection, "POST", f"{RUNTIME}invocation/{request}/{what}", answer, sent)
        except OSError as problem:
            status, text = "none", str(problem).encode()
            connection = http.client.HTTPConnection(API)
        if "report" in plan or status not in (202, "none"):
            say(f"answer {status} {text.decode().strip()}")


def main():
    connection = http.client.HTTPConnection(API)
    if "exit" in INIT:
        os._exit(INIT["exit"])
    if "error" in INIT:
        call(connection, "POST", RUNTIME + "init/error",
             json.dumps({"errorType": INIT["error"], "errorMessage": "no luck"}),
             {"Lambda-Runtime-Function-Error-Type": INIT["error"]})
        sys.exit(1)
    if "register" in INIT:
        name, events = INIT["register"]
        status, _, text = call(connection, "POST", "/2020-01-01/extension/register", json.dumps({"events": events}),
                               {"Lambda-Extension-Name": name})
        say(f"register {status} {text.decode().strip()}")
    workers = INIT.get("workers", int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"]))
    for _ in range(workers):
        threading.Thread(target=work, daemon=True).start()
    threading.Event().wait()


main()
