#include "extensions/telemetry/otlp_message.h"

namespace mayfly::telemetry {
namespace {

using Field = OtlpField;
using Message = OtlpMessage;
using Form = OtlpField::Form;
using protozero::pbf_tag_type;

constexpr bool kRepeated = true;

constexpr Field one(std::string_view name, pbf_tag_type tag, const Message& message) {
  return {name, tag, Form::message, &message};
}
constexpr Field many(std::string_view name, pbf_tag_type tag, const Message& message) {
  return {name, tag, Form::message, &message, kRepeated};
}

// ---- common.proto, resource.proto; values hold values

extern const Message kAnyValue;

constexpr Field kKeyValueFields[] = {{"key", 1, Form::string}, one("value", 2, kAnyValue)};
constexpr Message kKeyValue{kKeyValueFields};
constexpr Field kKvlistFields[] = {many("values", 1, kKeyValue)};
constexpr Message kKvlist{kKvlistFields};
constexpr Field kArrayFields[] = {many("values", 1, kAnyValue)};
constexpr Message kArray{kArrayFields};
constexpr Field kAnyValueFields[] = {
    {"stringValue", 1, Form::string}, {"boolValue", 2, Form::boolean}, {"intValue", 3, Form::int64},
    {"doubleValue", 4, Form::real},   one("arrayValue", 5, kArray),    one("kvlistValue", 6, kKvlist),
    {"bytesValue", 7, Form::base64},
};
constinit const Message kAnyValue{kAnyValueFields};

constexpr Field kEntityRefFields[] = {
    {"schemaUrl", 1, Form::string},
    {"type", 2, Form::string},
    {"idKeys", 3, Form::string, nullptr, kRepeated},
    {"descriptionKeys", 4, Form::string, nullptr, kRepeated},
};
constexpr Message kEntityRef{kEntityRefFields};
constexpr Field kResourceFields[] = {
    many("attributes", 1, kKeyValue),
    {"droppedAttributesCount", 2, Form::uint32},
    many("entityRefs", 3, kEntityRef),
};
constexpr Message kResource{kResourceFields};
constexpr Field kScopeFields[] = {
    {"name", 1, Form::string},
    {"version", 2, Form::string},
    many("attributes", 3, kKeyValue),
    {"droppedAttributesCount", 4, Form::uint32},
};
constexpr Message kScope{kScopeFields};

// ---- logs.proto

constexpr Field kLogRecordFields[] = {
    {"timeUnixNano", 1, Form::fixed64},
    {"observedTimeUnixNano", 11, Form::fixed64},
    {"severityNumber", 2, Form::enumeration},
    {"severityText", 3, Form::string},
    one("body", 5, kAnyValue),
    many("attributes", 6, kKeyValue),
    {"droppedAttributesCount", 7, Form::uint32},
    {"flags", 8, Form::fixed32},
    {"traceId", 9, Form::hex},
    {"spanId", 10, Form::hex},
    {"eventName", 12, Form::string},
};
constexpr Message kLogRecord{kLogRecordFields};

// ---- trace.proto

constexpr Field kEventFields[] = {
    {"timeUnixNano", 1, Form::fixed64},
    {"name", 2, Form::string},
    many("attributes", 3, kKeyValue),
    {"droppedAttributesCount", 4, Form::uint32},
};
constexpr Message kEvent{kEventFields};
constexpr Field kLinkFields[] = {
    {"traceId", 1, Form::hex},
    {"spanId", 2, Form::hex},
    {"traceState", 3, Form::string},
    many("attributes", 4, kKeyValue),
    {"droppedAttributesCount", 5, Form::uint32},
    {"flags", 6, Form::fixed32},
};
constexpr Message kLink{kLinkFields};
constexpr Field kStatusFields[] = {{"message", 2, Form::string}, {"code", 3, Form::enumeration}};
constexpr Message kStatus{kStatusFields};
constexpr Field kSpanFields[] = {
    {"traceId", 1, Form::hex},
    {"spanId", 2, Form::hex},
    {"traceState", 3, Form::string},
    {"parentSpanId", 4, Form::hex},
    {"flags", 16, Form::fixed32},
    {"name", 5, Form::string},
    {"kind", 6, Form::enumeration},
    {"startTimeUnixNano", 7, Form::fixed64},
    {"endTimeUnixNano", 8, Form::fixed64},
    many("attributes", 9, kKeyValue),
    {"droppedAttributesCount", 10, Form::uint32},
    many("events", 11, kEvent),
    {"droppedEventsCount", 12, Form::uint32},
    many("links", 13, kLink),
    {"droppedLinksCount", 14, Form::uint32},
    one("status", 15, kStatus),
};
constexpr Message kSpan{kSpanFields};

// ---- metrics.proto

constexpr Field kExemplarFields[] = {
    many("filteredAttributes", 7, kKeyValue),
    {"timeUnixNano", 2, Form::fixed64},
    {"asDouble", 3, Form::real},
    {"asInt", 6, Form::sfixed64},
    {"spanId", 4, Form::hex},
    {"traceId", 5, Form::hex},
};
constexpr Message kExemplar{kExemplarFields};
constexpr Field kNumberFields[] = {
    many("attributes", 7, kKeyValue),   {"startTimeUnixNano", 2, Form::fixed64},
    {"timeUnixNano", 3, Form::fixed64}, {"asDouble", 4, Form::real},
    {"asInt", 6, Form::sfixed64},       many("exemplars", 5, kExemplar),
    {"flags", 8, Form::uint32},
};
constexpr Message kNumber{kNumberFields};
constexpr Field kHistogramPointFields[] = {
    many("attributes", 9, kKeyValue),
    {"startTimeUnixNano", 2, Form::fixed64},
    {"timeUnixNano", 3, Form::fixed64},
    {"count", 4, Form::fixed64},
    {"sum", 5, Form::real},
    {"bucketCounts", 6, Form::fixed64, nullptr, kRepeated},
    {"explicitBounds", 7, Form::real, nullptr, kRepeated},
    many("exemplars", 8, kExemplar),
    {"flags", 10, Form::uint32},
    {"min", 11, Form::real},
    {"max", 12, Form::real},
};
constexpr Message kHistogramPoint{kHistogramPointFields};
constexpr Field kBucketsFields[] = {
    {"offset", 1, Form::sint32},
    {"bucketCounts", 2, Form::uint64, nullptr, kRepeated},
};
constexpr Message kBuckets{kBucketsFields};
constexpr Field kExponentialPointFields[] = {
    many("attributes", 1, kKeyValue),
    {"startTimeUnixNano", 2, Form::fixed64},
    {"timeUnixNano", 3, Form::fixed64},
    {"count", 4, Form::fixed64},
    {"sum", 5, Form::real},
    {"scale", 6, Form::sint32},
    {"zeroCount", 7, Form::fixed64},
    one("positive", 8, kBuckets),
    one("negative", 9, kBuckets),
    {"flags", 10, Form::uint32},
    many("exemplars", 11, kExemplar),
    {"min", 12, Form::real},
    {"max", 13, Form::real},
    {"zeroThreshold", 14, Form::real},
};
constexpr Message kExponentialPoint{kExponentialPointFields};
constexpr Field kQuantileFields[] = {{"quantile", 1, Form::real}, {"value", 2, Form::real}};
constexpr Message kQuantile{kQuantileFields};
constexpr Field kSummaryPointFields[] = {
    many("attributes", 7, kKeyValue),
    {"startTimeUnixNano", 2, Form::fixed64},
    {"timeUnixNano", 3, Form::fixed64},
    {"count", 4, Form::fixed64},
    {"sum", 5, Form::real},
    many("quantileValues", 6, kQuantile),
    {"flags", 8, Form::uint32},
};
constexpr Message kSummaryPoint{kSummaryPointFields};
constexpr Field kGaugeFields[] = {many("dataPoints", 1, kNumber)};
constexpr Message kGauge{kGaugeFields};
constexpr Field kSumFields[] = {
    many("dataPoints", 1, kNumber),
    {"aggregationTemporality", 2, Form::enumeration},
    {"isMonotonic", 3, Form::boolean},
};
constexpr Message kSum{kSumFields};
constexpr Field kHistogramFields[] = {
    many("dataPoints", 1, kHistogramPoint),
    {"aggregationTemporality", 2, Form::enumeration},
};
constexpr Message kHistogram{kHistogramFields};
constexpr Field kExponentialFields[] = {
    many("dataPoints", 1, kExponentialPoint),
    {"aggregationTemporality", 2, Form::enumeration},
};
constexpr Message kExponential{kExponentialFields};
constexpr Field kSummaryFields[] = {many("dataPoints", 1, kSummaryPoint)};
constexpr Message kSummary{kSummaryFields};
constexpr Field kMetricFields[] = {
    {"name", 1, Form::string},
    {"description", 2, Form::string},
    {"unit", 3, Form::string},
    one("gauge", 5, kGauge),
    one("sum", 7, kSum),
    one("histogram", 9, kHistogram),
    one("exponentialHistogram", 10, kExponential),
    one("summary", 11, kSummary),
    many("metadata", 12, kKeyValue),
};
constexpr Message kMetric{kMetricFields};

// ---- what wraps the records of each signal

constexpr Field kScopeLogsFields[] = {
    one("scope", 1, kScope), many("logRecords", 2, kLogRecord), {"schemaUrl", 3, Form::string}};
constexpr Message kScopeLogs{kScopeLogsFields};
constexpr Field kResourceLogsFields[] = {
    one("resource", 1, kResource),
    many("scopeLogs", 2, kScopeLogs),
    {"schemaUrl", 3, Form::string},
};
constexpr Message kResourceLogs{kResourceLogsFields};
constexpr Field kLogsFields[] = {many("resourceLogs", 1, kResourceLogs)};
constexpr Message kLogs{kLogsFields};

constexpr Field kScopeMetricsFields[] = {
    one("scope", 1, kScope), many("metrics", 2, kMetric), {"schemaUrl", 3, Form::string}};
constexpr Message kScopeMetrics{kScopeMetricsFields};
constexpr Field kResourceMetricsFields[] = {
    one("resource", 1, kResource),
    many("scopeMetrics", 2, kScopeMetrics),
    {"schemaUrl", 3, Form::string},
};
constexpr Message kResourceMetrics{kResourceMetricsFields};
constexpr Field kMetricsFields[] = {many("resourceMetrics", 1, kResourceMetrics)};
constexpr Message kMetrics{kMetricsFields};

constexpr Field kScopeSpansFields[] = {
    one("scope", 1, kScope), many("spans", 2, kSpan), {"schemaUrl", 3, Form::string}};
constexpr Message kScopeSpans{kScopeSpansFields};
constexpr Field kResourceSpansFields[] = {
    one("resource", 1, kResource),
    many("scopeSpans", 2, kScopeSpans),
    {"schemaUrl", 3, Form::string},
};
constexpr Message kResourceSpans{kResourceSpansFields};
constexpr Field kSpansFields[] = {many("resourceSpans", 1, kResourceSpans)};
constexpr Message kSpans{kSpansFields};

}  // namespace

const OtlpMessage& otlp_request(Signal signal) {
  switch (signal) {
    case Signal::logs: return kLogs;
    case Signal::metrics: return kMetrics;
    case Signal::traces: return kSpans;
  }
  return kLogs;
}

}  // namespace mayfly::telemetry
