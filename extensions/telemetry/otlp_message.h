// The fields of OTLP's messages by their JSON names, as data: the .proto files of
// opentelemetry-proto 1.7 (common, resource, logs, metrics, trace) without a
// protobuf library.

#pragma once

#include <cstdint>
#include <protozero/types.hpp>
#include <span>
#include <string_view>

#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

struct OtlpMessage;

struct OtlpField {
  enum class Form : std::uint8_t {
    string,
    base64,  // bytes in JSON, by protobuf's rule
    hex,     // bytes that are an id: OTLP's exception from it
    boolean,
    int64,
    uint64,
    uint32,
    sint32,
    fixed32,
    fixed64,
    sfixed64,
    real,
    enumeration,
    message,
  };

  std::string_view name;  // in JSON
  protozero::pbf_tag_type tag;
  Form form;
  const OtlpMessage* message = nullptr;
  bool repeated = false;  // numbers are packed
};

struct OtlpMessage {
  std::span<const OtlpField> fields;
};

// ExportLogsServiceRequest and its like.
const OtlpMessage& otlp_request(Signal signal);

}  // namespace mayfly::telemetry
