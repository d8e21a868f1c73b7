// Reads OTLP requests as they arrive at a backend, with protozero's reader and
// nothing of what wrote them.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// One log record as it arrived. Values of attributes as text: "i:5" for the
// integer, "s:x" for the string, "d:", "b:", "[...]", "{k=v,...}".
struct LogRecord {
  std::uint64_t time = 0;
  std::uint64_t observed = 0;
  int severity = 0;
  std::string severity_text;
  std::string body;
  std::string event_name;
  std::string trace_id;  // hexadecimal
  std::string span_id;
  std::uint32_t flags = 0;
  std::map<std::string, std::string> attributes;
  std::map<std::string, std::string> resource;
};
// Decodes an ExportLogsServiceRequest; throws when it is none.
std::vector<LogRecord> decode_logs(const std::string& request);

struct Span {
  std::string name;
  int kind = 0;          // 1 internal, 2 server
  std::string trace_id;  // hexadecimal
  std::string span_id;
  std::string parent_id;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint32_t flags = 0;
  int status = 0;  // 2: error
  std::string message;
  std::vector<std::string> links;  // "trace id/span id"
  std::map<std::string, std::string> attributes;
  std::map<std::string, std::string> resource;
};
// Decodes an ExportTraceServiceRequest; throws when it is none.
std::vector<Span> decode_spans(const std::string& request);

struct Point {
  std::map<std::string, std::string> attributes;
  std::uint64_t start = 0;
  std::uint64_t time = 0;
  double value = 0;  // of a sum or a gauge; the sum of a histogram
  bool integer = false;
  std::uint64_t count = 0;  // of a histogram, as all below
  double min = 0;
  double max = 0;
  std::vector<double> bounds;
  std::vector<std::uint64_t> buckets;
};
struct Metric {
  std::string name;
  std::string unit;
  std::string description;
  std::string kind;     // sum, gauge, histogram
  int temporality = 0;  // 1: delta
  bool monotonic = false;
  std::vector<Point> points;
  std::map<std::string, std::string> resource;
};
// Decodes an ExportMetricsServiceRequest; throws when it is none.
std::map<std::string, Metric> decode_metrics(const std::string& request);
