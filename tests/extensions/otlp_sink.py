#!/usr/bin/env python3
"""An OTLP/HTTP receiver that is not ours: decodes with the official
opentelemetry-proto package and prints one line for each log record, data point and span. It can be
told to misbehave. Needs the packages opentelemetry-proto and zstandard.

    otlp_sink.py --port 4318
    otlp_sink.py --status 503 --retry-after 1 --times 2   # two refusals, then well
    otlp_sink.py --json                                   # one JSON object a record
"""
import argparse
import datetime
import gzip
import http.server
import io
import json
import pathlib
import socket
import ssl
import struct
import sys
import threading
import time

import zstandard
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

MAX_BODY = 64 * 1024 * 1024


def value_of(any_value):
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(v) for v in any_value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(any_value.kvlist_value.values)
    if kind == "bytes_value":
        return any_value.bytes_value.hex()
    return getattr(any_value, kind)


def attributes_of(pairs):
    return {pair.key: value_of(pair.value) for pair in pairs}


def log_records_of(request):
    """Yields each log record as a dictionary."""
    for resource_logs in request.resource_logs:
        resource = attributes_of(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                yield {
                    "time_unix_nano": record.time_unix_nano,
                    "observed_time_unix_nano": record.observed_time_unix_nano,
                    "severity_number": record.severity_number,
                    "severity_text": record.severity_text,
                    "event_name": record.event_name,
                    "body": value_of(record.body),
                    "attributes": attributes_of(record.attributes),
                    "trace_id": record.trace_id.hex(),
                    "span_id": record.span_id.hex(),
                    "flags": record.flags,
                    "scope": scope_logs.scope.name,
                    "resource": resource,
                }


def data_points_of(request):
    for resource_metrics in request.resource_metrics:
        resource = attributes_of(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                for point in data.data_points:
                    value = point.WhichOneof("value") if kind in ("gauge", "sum") else None
                    yield {
                        "metric": metric.name,
                        "unit": metric.unit,
                        "kind": kind,
                        "temporality": getattr(data, "aggregation_temporality", None),
                        "monotonic": getattr(data, "is_monotonic", None),
                        "start_time_unix_nano": point.start_time_unix_nano,
                        "time_unix_nano": point.time_unix_nano,
                        "value": getattr(point, value) if value else None,
                        "count": getattr(point, "count", None),
                        "sum": getattr(point, "sum", None),
                        "bucket_counts": list(getattr(point, "bucket_counts", ())),
                        "explicit_bounds": list(getattr(point, "explicit_bounds", ())),
                        "attributes": attributes_of(point.attributes),
                        "scope": scope_metrics.scope.name,
                        "resource": resource,
                    }


def spans_of(request):
    for resource_spans in request.resource_spans:
        resource = attributes_of(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield {
                    "span": span.name,
                    "kind": span.kind,
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_span_id": span.parent_span_id.hex(),
                    "start_time_unix_nano": span.start_time_unix_nano,
                    "end_time_unix_nano": span.end_time_unix_nano,
                    "status": span.status.code,
                    "status_message": span.status.message,
                    "attributes": attributes_of(span.attributes),
                    "events": [{"name": event.name, "attributes": attributes_of(event.attributes)}
                               for event in span.events],
                    "scope": scope_spans.scope.name,
                    "resource": resource,
                }


# By path: what is to be decoded, what is in it, and what is answered.
SIGNALS = {
    "/v1/logs": (logs.ExportLogsServiceRequest, log_records_of, logs.ExportLogsServiceResponse,
                 "rejected_log_records"),
    "/v1/metrics": (metrics.ExportMetricsServiceRequest, data_points_of, metrics.ExportMetricsServiceResponse,
                    "rejected_data_points"),
    "/v1/traces": (traces.ExportTraceServiceRequest, spans_of, traces.ExportTraceServiceResponse, "rejected_spans"),
}


def readable(record):
    if "body" not in record:
        return json.dumps(record, ensure_ascii=False)
    when = datetime.datetime.fromtimestamp(record["time_unix_nano"] / 1e9, datetime.timezone.utc)
    severity = record["severity_text"] or severity_name(record["severity_number"])
    body = record["body"]
    rest = {k: v for k, v in record["attributes"].items() if k != "faas.invocation_id"}
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    if rest and not record["event_name"]:
        text += "  " + json.dumps(rest, ensure_ascii=False)
    return "  ".join([
        when.strftime("%H:%M:%S.") + f"{when.microsecond // 1000:03d}",
        f"{severity:<5}",
        str(record["resource"].get("faas.name", "-")),
        str(record["attributes"].get("faas.invocation_id", "-"))[:8].ljust(8),
        (record["trace_id"] or "-")[:8].ljust(8),
        text.replace("\n", "\\n"),
    ])


def severity_name(number):
    for least, name in ((21, "FATAL"), (17, "ERROR"), (13, "WARN"), (9, "INFO"), (5, "DEBUG"), (1, "TRACE")):
        if number >= least:
            return name
    return "-"


def decompress(body, encoding):
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)).read(MAX_BODY)
    if encoding == "gzip":
        return gzip.decompress(body)
    return body


class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    options = None
    output = threading.Lock()

    def do_POST(self):
        o = self.options
        with self.output:
            misbehave = o.times != 0
            o.times -= 1 if o.times > 0 else 0
        if misbehave and o.reset:
            self.rfile.read(1)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return self.connection.close()
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        while misbehave and o.hold and not o.hold.exists():
            time.sleep(0.01)
        if o.require and self.headers.get(o.require[0]) != pathlib.Path(o.require[1]).read_text():
            return self.answer(401, b"not with these headers", "text/plain")
        if misbehave and o.status != 200:
            return self.answer(o.status, o.answer.encode(), "text/plain")
        if self.path not in SIGNALS:
            return self.answer(404, b"no such signal", "text/plain")
        request_type, records_of, reply_type, rejected = SIGNALS[self.path]
        request = request_type()
        try:
            request.ParseFromString(decompress(body, self.headers.get("Content-Encoding")))
        except (DecodeError, zstandard.ZstdError, OSError) as error:
            print(f"otlp_sink: cannot decode: {error}", file=sys.stderr, flush=True)
            return self.answer(400, str(error).encode(), "text/plain")
        reply = reply_type()
        if o.reject:
            setattr(reply.partial_success, rejected, o.reject)
            reply.partial_success.error_message = "told to reject"
        with self.output:
            for record in records_of(request):
                print(json.dumps(record) if o.json else readable(record), flush=True)
        self.answer(200, reply.SerializeToString(), "application/x-protobuf")

    def answer(self, status, body, content_type):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status != 200 and self.options.retry_after is not None:
            self.send_header("Retry-After", self.options.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4318, help="0 takes a free one")
    parser.add_argument("--port-file", type=pathlib.Path, help="written once the sink listens: the port")
    parser.add_argument("--json", action="store_true", help="one JSON object a record, nothing left out")
    parser.add_argument("--status", type=int, default=200, help="what to answer instead of 200")
    parser.add_argument("--answer", default="told to refuse", help="body of such an answer")
    parser.add_argument("--retry-after", help="value of the Retry-After field of such an answer")
    parser.add_argument("--hold", type=pathlib.Path, metavar="FILE", help="answer nothing until there is this file")
    parser.add_argument("--reset", action="store_true", help="reset the connection instead of answering")
    parser.add_argument("--times", type=int, default=-1, help="how often to misbehave (default: always)")
    parser.add_argument("--reject", type=int, default=0, help="partial success: as many records are rejected")
    parser.add_argument("--require", nargs=2, metavar=("NAME", "FILE"),
                        help="answer 401 to requests whose header NAME is not what FILE holds")
    parser.add_argument("--certificate", type=pathlib.Path, help="speak HTTPS: PEM file of certificate and key")
    Sink.options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", Sink.options.port), Sink)
    server.daemon_threads = True
    if Sink.options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Sink.options.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    if Sink.options.port_file:
        partial = Sink.options.port_file.with_suffix(".part")
        partial.write_text(str(server.server_port))
        partial.rename(Sink.options.port_file)
    scheme = "https" if Sink.options.certificate else "http"
    print(f"otlp_sink: listening on {scheme}://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
