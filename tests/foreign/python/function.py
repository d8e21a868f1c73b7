"""A function of awslambdaric that does what its event asks; see ../acts.md."""

import os
import signal
import socket
import sys

calls = 0


class OrderInvalid(Exception):
    pass


def report(context):
    client = context.client_context
    return {
        "calls": calls, "pid": os.getpid(),
        "request_id": context.aws_request_id, "arn": context.invoked_function_arn, "tenant": context.tenant_id or "",
        "remaining_ms": context.get_remaining_time_in_millis(), "trace": os.environ.get("_X_AMZN_TRACE_ID", ""),
        "client": client and client.client.installation_id, "custom": client and client.custom,
        "name": context.function_name, "version": context.function_version, "memory": int(context.memory_limit_in_mb),
        "group": context.log_group_name, "stream": context.log_stream_name,
    }


def wait(port):
    """For as long as the test holds the connection."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.recv(1)


def dive(depth):
    return dive(depth + 1) + 1


def handler(event, context):
    global calls
    calls += 1
    act = event["act"]
    if act == "echo":
        return event["value"]
    if act == "fail":
        raise OrderInvalid("no tea " * event["n"])
    if act == "dive":
        return dive(0)
    if act == "exit":
        os._exit(event["n"])
    if act == "wait":
        wait(event["port"])
    return report(context)


def on_sigterm(*_):
    print("the function hears SIGTERM", flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, on_sigterm)
