#include "extensions/telemetry/otlp_envelope.h"

#include <algorithm>
#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace mayfly::telemetry {
namespace {

using protozero::pbf_tag_type;
using protozero::pbf_writer;

constexpr pbf_tag_type kResourceItems = 1;         // of the request
constexpr pbf_tag_type kResource = 1, kScope = 2;  // of Resource{Logs,Metrics,Spans}
constexpr pbf_tag_type kScopeOfItems = 1;          // of Scope{Logs,Metrics,Spans}
constexpr pbf_tag_type kScopeName = 1;             // of InstrumentationScope

constexpr std::string_view kScopeText = "mayfly-telemetry";

protozero::data_view view(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

SharedBatch otlp_batch(Signal signal, std::string_view resource, std::string_view items, std::size_t records,
                       bool has_error, core::WallTime oldest) {
  auto batch = std::make_shared<Batch>(Batch{{}, records, signal, has_error, oldest});
  batch->body.reserve(items.size() + resource.size() + 64);
  pbf_writer request(batch->body);
  pbf_writer resource_items(request, kResourceItems);
  resource_items.add_message(kResource, view(resource));
  pbf_writer scope_items(resource_items, kScope);
  pbf_writer(scope_items, kScopeOfItems).add_string(kScopeName, view(kScopeText));
  batch->body += items;
  scope_items.commit();
  resource_items.commit();
  return batch;
}

std::optional<std::size_t> rejected_items(std::string_view body, std::string& message) {
  constexpr pbf_tag_type kPartialSuccess = 1, kRejected = 1, kErrorMessage = 2;
  using protozero::pbf_wire_type;
  std::int64_t rejected = 0;
  try {
    protozero::pbf_reader response(view(body));
    while (response.next(kPartialSuccess)) {
      protozero::pbf_reader partial = response.get_message();
      while (partial.next()) {
        if (partial.tag_and_type() == protozero::tag_and_type(kRejected, pbf_wire_type::varint)) {
          rejected = partial.get_int64();
        } else if (partial.tag_and_type() == protozero::tag_and_type(kErrorMessage, pbf_wire_type::length_delimited)) {
          message = partial.get_string();
        } else {
          partial.skip();
        }
      }
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(std::max<std::int64_t>(rejected, 0));
}

}  // namespace mayfly::telemetry
