"""A function in Python with OpenTelemetry's own SDK, which is told nothing but
the address of the receiver: logs, metrics and spans, plain and packed with gzip.
It exports while it is initialized, too, and flushes before it answers."""
import importlib.util
import sys

from sandbox import (Backend, MARKER, binary, equal, free_port, mayfly_run, telemetry_daemon, write_program)

if not all(importlib.util.find_spec(name) for name in ("awslambdaric", "opentelemetry.sdk")):
    print("awslambdaric or opentelemetry-sdk is not installed")
    sys.exit(77)

import pathlib  # noqa: E402
import tempfile  # noqa: E402

FUNCTION = """
import logging
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=3_600_000)
meters = MeterProvider(metric_readers=[reader])
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
logger = logging.getLogger("shop")
logger.addHandler(LoggingHandler(logger_provider=logs))
logger.setLevel(logging.INFO)
sold = meters.get_meter("shop").create_counter("shop.sold", unit="{book}")
took = meters.get_meter("shop").create_histogram("shop.took", unit="s")

with traces.get_tracer("shop").start_as_current_span("warm up"):
    pass
assert traces.force_flush(), "the receiver was not there in time"

def handler(event, context):
    with traces.get_tracer("shop").start_as_current_span("sell", attributes={"book": event["book"]}):
        logger.warning("sold %s", event["book"], extra={"copies": 2})
        sold.add(2, {"book": event["book"]})
        took.record(0.25)
    return [provider.force_flush() for provider in (traces, meters, logs)]
"""
RUNTIME = """
import os
os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.12"
from awslambdaric.__main__ import main
main(["bootstrap", "function.handler"])
"""


def check(compression):
    port = free_port()
    variables = {"MAYFLY_TELEMETRY_RECEIVER": f"127.0.0.1:{port}", "MAYFLY_TELEMETRY_TYPES": "function",
                 "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://localhost:{port}",
                 "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    with tempfile.TemporaryDirectory(prefix="mayfly-test-") as folder, Backend(pathlib.Path(folder)) as backend:
        variables["MAYFLY_TELEMETRY_DESTINATIONS"] = f"otlp+http://127.0.0.1:{backend.port}"
        function = write_program(pathlib.Path(folder) / "function.py", FUNCTION).parent
        with mayfly_run(command=[sys.executable, "-c", RUNTIME], programs=telemetry_daemon(), variables=variables,
                        handler="function.handler", folder=function) as env:
            equal(env.call(b'{"book": "Emma"}').json(), [True, True, True])
            log = backend.wait_for("sold Emma")
            span = backend.wait_for_one(span="sell")
            point = backend.wait_for_one(metric="shop.sold")
            histogram = backend.wait_for_one(metric="shop.took")
            warm_up = backend.wait_for_one(span="warm up")
            equal(env.stop(), 0)
        equal((log["severity_text"], log["attributes"]["copies"]), ("WARN", 2))
        equal((log["trace_id"], log["span_id"]), (span["trace_id"], span["span_id"]))
        equal((span["scope"], span["attributes"]), ("shop", {"book": "Emma"}))
        equal((point["value"], point["unit"], point["attributes"]), (2, "{book}", {"book": "Emma"}))
        equal((histogram["kind"], histogram["count"], histogram["sum"]), ("histogram", 1, 0.25))
        for record in (log, span, point, histogram, warm_up):
            resource = record["resource"]
            equal({name: resource.get(name) for name in ("service.name", "faas.name", "cloud.provider",
                                                         "telemetry.sdk.language")},
                  {"service.name": "function", "faas.name": "function", "cloud.provider": "aws",
                   "telemetry.sdk.language": "python"})
        instances = {record["resource"].get("faas.instance") for record in (log, span, point)}
        equal(len(instances), 1)


check("none")
check("gzip")
