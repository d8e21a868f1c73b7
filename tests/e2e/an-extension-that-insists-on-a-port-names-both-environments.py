"""Environments share this machine's network: the second one's extension fails, in
its own words or without any."""

import re
import socket

from sandbox import contains, equal, free_port, mayfly_run, wait_until

AGENT = """#!/usr/bin/python3
import http.client, os, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind(("127.0.0.1", {port}))
except OSError as error:
    {fail}
listener.listen()
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
api.request("POST", "/2020-01-01/extension/register", '{{"events":[]}}', {{"Lambda-Extension-Name": "agent"}})
answer = api.getresponse()
answer.read()
api.request("GET", "/2020-01-01/extension/event/next",
            headers={{"Lambda-Extension-Identifier": answer.getheader("Lambda-Extension-Identifier")}})
api.getresponse()
"""


def fixed_port():
    """Not one that the kernel gives to anybody who asks."""
    low = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
    return wait_until(lambda: next((port for port in range(low - 1, low - 200, -1) if is_free(port)), 0), "a port")


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


for port, fail in ((free_port(), "sys.exit(str(error))"), (fixed_port(), "os._exit(3)")):
    with mayfly_run(programs={"agent": AGENT.format(port=port, fail=fail)}) as env:
        first = env.begin_call()
        runtime = env.actor()
        event = runtime.next()
        second = env.begin_call()
        said = f"error: environment 2 did not start: extension agent cannot bind 127.0.0.1:{port}\n"
        wait_until(lambda: said in env.log(), "the line that names both")
        contains(env.log(), "  why environment 1 holds it: environments share this machine's network\n"
                            "  try mayfly run --max-environments 1\n")
        runtime.respond(event.request_id, b'"of the first"')
        runtime.begin_next()
        equal(first.answer().body, b'"of the first"')
        contains(second.answer().body.decode(), "Extension.Crash")
        equal(len(re.findall("cannot bind", env.log())), 1)  # though it was tried twice
