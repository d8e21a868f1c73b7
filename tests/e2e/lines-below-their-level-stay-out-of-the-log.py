"""With the JSON format; --log-folder has a file for each environment, with what the log shows."""

import json
import pathlib
import tempfile

from sandbox import equal, mayfly_run


def line(level):
    return json.dumps({"timestamp": "2026-11-21T10:00:00Z", "level": level, "message": "of the function"})


def logged(*options):
    """What a call with a line of each level leaves in the log file: levels and types."""
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder:
        with mayfly_run(options=["--log-folder", folder, "--name", "orders", *options]) as env:
            call = env.begin_call()
            runtime = env.actor()
            event = runtime.next()
            for text in (line("DEBUG"), line("warn"), '{"level":"fatal"}', "plain"):
                runtime.write(text + "\n")
            runtime.respond(event.request_id)
            runtime.begin_next()
            equal(call.answer().status, 200)
            env.stop()
            [file] = pathlib.Path(folder, "orders").iterdir()
            lines = file.read_text().splitlines()
            for one in lines:
                assert one in env.output(), one
            id_of_stream = runtime.environment["AWS_LAMBDA_LOG_STREAM_NAME"].rpartition("]")[2]
            if "json" in options:  # without a timestamp a line counts as INFO, and gets one
                for one in lines:
                    assert not one.startswith('{"timestamp"') or json.loads(one)["timestamp"].startswith("20"), one
            equal(file.name[10:], f"-{id_of_stream}.log")
            return [one if not one.startswith("{") else json.loads(one).get("level") or json.loads(one)["type"]
                    for one in lines]


equal(logged("--log-format", "json"), ["platform.initStart", "platform.start", "warn", "fatal", "plain", "platform.report"])
equal(logged("--log-format", "json", "--log-level", "error", "--system-log-level", "warn"), [])
equal(logged("--log-format", "json", "--log-level", "trace", "--system-log-level", "debug"),
      ["platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start", "DEBUG", "warn", "fatal", "plain",
       "platform.runtimeDone", "platform.report"])
equal([text.split()[0] for text in logged("--log-level", "error")],
      ["INIT_START", "START", "DEBUG", "warn", "fatal", "plain", "END", "REPORT"])
