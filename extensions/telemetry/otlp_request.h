// What is done to a request that the function's own SDK sends: the attributes of
// this environment are added to its resources, and its records are counted.
//
// Nothing is decoded for that. Only the way to the resources is walked
// (request -> ResourceLogs -> Resource); scopes and records are copied as they
// stand, with all that a newer SDK may have put into them. That they can be
// decoded is the backend's to find out.
//
// Field numbers are those of opentelemetry-proto 1.7, where logs, metrics and
// traces have the same ones on this way.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/failure.h"
#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

struct OtlpRequest {
  std::string body;
  std::size_t records = 0;  // log records, data points, spans
};

// `request`: an Export…ServiceRequest. `resource`: the fields of a Resource, whose
// attributes are added to each resource that has records and does not have them:
// what the SDK says of itself stays. But a service.name of "unknown_service…", which
// SDKs put there when they were told none [A], counts as not there.
//
// [A] OpenTelemetry semantic conventions, "Resource", service.name, read 2026-11.
//
// Errors: parse, when it is no such request; out_of_range, when it would be longer
// than `limit_bytes` with the attributes.
core::Outcome<OtlpRequest> add_resource(Signal signal, std::string_view request, std::string_view resource,
                                        std::size_t limit_bytes);

}  // namespace mayfly::telemetry
