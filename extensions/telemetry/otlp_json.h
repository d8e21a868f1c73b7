// OTLP's JSON form turned into protobuf, so that all behind the receiver is one
// form only.
//
// It is protobuf's JSON with OTLP's own rules [A]: trace and span ids are hexadecimal and
// not base64, integers of 64 bits come as strings or numbers, fields that are
// not known are ignored. Enumerations may come as numbers, as OTLP wants them, or
// as the names that protobuf's own JSON writers put there.
//
// [A] opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding", and
//     the .proto files of release 1.7, read 2026-11.

#pragma once

#include <mayfly/json/value.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/failure.h"
#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

// `text`: an Export…ServiceRequest. `capacity`: see json::Document::parse().
// Errors: parse, naming the field: not JSON, a value of another kind than its
// field, or messages deeper in one another than protobuf readers take (100).
core::Outcome<std::string> protobuf_of_json(Signal signal, json::Document& document, std::string_view text,
                                            std::size_t capacity);

}  // namespace mayfly::telemetry
