#include "extensions/telemetry/otlp_request.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>
#include <vector>

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using protozero::pbf_reader;
using protozero::pbf_tag_type;
using protozero::pbf_writer;

constexpr pbf_tag_type kResources = 1;             // of the request: ResourceLogs, ResourceMetrics, ResourceSpans
constexpr pbf_tag_type kResource = 1, kScope = 2;  // of those
constexpr pbf_tag_type kRecords = 2;               // of a scope: log records, metrics, spans
constexpr pbf_tag_type kAttributes = 1;            // of a Resource
constexpr pbf_tag_type kKey = 1, kValue = 2;       // of a KeyValue
constexpr pbf_tag_type kString = 1;                // of an AnyValue
// Of a Metric: gauge, sum, histogram, exponential_histogram, summary; each has its
// data points in field 1.
constexpr pbf_tag_type kFirstKind = 5, kLastKind = 11, kDataPoints = 1;

constexpr std::size_t kMaxFieldHead = 1 + protozero::max_varint_length;

protozero::data_view view(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(protozero::data_view data) { return {data.data(), data.size()}; }

bool is_message(const pbf_reader& reader) { return reader.wire_type() == protozero::pbf_wire_type::length_delimited; }

// Calls f(tag, field, whole) for each field that is a message, `whole` being its
// bytes with tag and length, and f(0, {}, whole) for all others.
template <class F>
void each_field(std::string_view message, F f) {
  pbf_reader reader(view(message));
  const char* end = message.data() + message.size();
  const char* from = message.data();
  while (reader.next()) {
    auto tag = reader.tag();
    std::string_view field;
    if (is_message(reader)) {
      field = view(reader.get_view());
    } else {
      tag = 0;
      reader.skip();
    }
    const char* to = end - reader.length();
    f(tag, field, std::string_view(from, static_cast<std::size_t>(to - from)));
    from = to;
  }
}

// The last field of that number which is a message or a string; empty: none.
std::string_view field_of(std::string_view message, pbf_tag_type wanted) {
  std::string_view found;
  each_field(message, [&](pbf_tag_type tag, std::string_view field, std::string_view) {
    if (tag == wanted) found = field;
  });
  return found;
}

std::size_t count_data_points(std::string_view metric) {
  std::size_t count = 0;
  each_field(metric, [&](pbf_tag_type tag, std::string_view kind, std::string_view) {
    if (tag < kFirstKind || tag > kLastKind) return;
    each_field(kind, [&](pbf_tag_type inner, std::string_view, std::string_view) { count += inner == kDataPoints; });
  });
  return count;
}

std::size_t count_records(Signal signal, std::string_view scope) {
  std::size_t count = 0;
  each_field(scope, [&](pbf_tag_type tag, std::string_view record, std::string_view) {
    if (tag == kRecords) count += signal == Signal::metrics ? count_data_points(record) : 1;
  });
  return count;
}

struct Attribute {
  std::string_view key;
  std::string_view key_value;
  std::string_view whole;  // as a field of a Resource

  bool is_unknown_service() const {
    return key == "service.name" && field_of(field_of(key_value, kValue), kString).starts_with("unknown_service");
  }
};

std::vector<Attribute> attributes_of(std::string_view resource) {
  std::vector<Attribute> attributes;
  each_field(resource, [&](pbf_tag_type tag, std::string_view field, std::string_view whole) {
    if (tag == kAttributes) attributes.push_back({field_of(field, kKey), field, whole});
  });
  return attributes;
}

class Walk {
 public:
  Walk(Signal signal, std::string_view ours, std::size_t limit)
      : signal_(signal), ours_(attributes_of(ours)), limit_(limit) {}

  // False: too long.
  bool request(std::string_view bytes) {
    out_.body.reserve(std::min(limit_, bytes.size() + bytes.size() / 4));
    each_field(bytes, [&](pbf_tag_type tag, std::string_view field, std::string_view whole) {
      if (tag == kResources) {
        resources(field, whole);
      } else {
        append(whole);
      }
    });
    return fits_;
  }

  OtlpRequest& out() { return out_; }

 private:
  // A ResourceLogs, ResourceMetrics or ResourceSpans.
  void resources(std::string_view message, std::string_view whole) {
    resource_.clear();
    std::size_t records = 0;
    std::size_t others = message.size();
    each_field(message, [&](pbf_tag_type tag, std::string_view field, std::string_view bytes) {
      if (tag == kScope) records += count_records(signal_, field);
      if (tag != kResource) return;
      // A message that comes twice is one with the fields of both.
      resource_ += field;
      others -= bytes.size();
    });
    if (records == 0) return append(whole);
    out_.records += records;
    add_missing();
    head_.clear();
    pbf_writer head(head_);
    if (!resource_.empty()) head.add_message(kResource, resource_);
    if (!room_for(head_.size() + others + kMaxFieldHead)) return;
    append_length(kResources, head_.size() + others);
    out_.body += head_;
    each_field(message, [&](pbf_tag_type tag, std::string_view, std::string_view bytes) {
      if (tag != kResource) out_.body += bytes;
    });
  }

  // Our attributes, to those of the resource.
  void add_missing() {
    auto theirs = attributes_of(resource_);
    head_.clear();
    std::string_view replaced;
    for (const auto& attribute : ours_) {
      auto same = std::ranges::find(theirs, attribute.key, &Attribute::key);
      if (same != theirs.end() && !same->is_unknown_service()) continue;
      if (same != theirs.end()) replaced = same->whole;
      head_ += attribute.whole;
    }
    if (!replaced.empty())
      resource_.erase(static_cast<std::size_t>(replaced.data() - resource_.data()), replaced.size());
    resource_ += head_;
  }

  void append_length(pbf_tag_type tag, std::size_t length) {
    out_.body += static_cast<char>(tag << 3 | static_cast<unsigned>(protozero::pbf_wire_type::length_delimited));
    char varint[protozero::max_varint_length];
    out_.body.append(varint, static_cast<std::size_t>(protozero::write_varint(varint, length)));
  }

  bool room_for(std::size_t bytes) {
    fits_ = fits_ && out_.body.size() + bytes <= limit_;
    return fits_;
  }
  void append(std::string_view bytes) {
    if (room_for(bytes.size())) out_.body += bytes;
  }

  const Signal signal_;
  const std::vector<Attribute> ours_;
  const std::size_t limit_;
  bool fits_ = true;
  OtlpRequest out_;
  std::string resource_;  // of the ResourceLogs at hand
  std::string head_;      // scratch
};

}  // namespace

core::Outcome<OtlpRequest> add_resource(Signal signal, std::string_view request, std::string_view resource,
                                        std::size_t limit_bytes) {
  try {
    Walk walk(signal, resource, limit_bytes);
    if (walk.request(request)) return std::move(walk.out());
    return fail(Errc::out_of_range, "the request is over " + std::to_string(limit_bytes) + " bytes");
  } catch (const protozero::exception& e) {
    return fail(Errc::parse, std::string("not an OTLP request in protobuf: ") + e.what());
  }
}

}  // namespace mayfly::telemetry
