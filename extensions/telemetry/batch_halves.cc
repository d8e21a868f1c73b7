#include "extensions/telemetry/batch_halves.h"

#include <algorithm>
#include <memory>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <string_view>
#include <tuple>

namespace mayfly::telemetry {
namespace {

using protozero::data_view;
using protozero::pbf_reader;
using protozero::pbf_tag_type;
using protozero::pbf_writer;

// The three signals are built alike [A]: request.1 = Resource*, .2 = Scope*, and of these .2 = the
// records. Only a metric holds more than one: its data points.
//
// [A] opentelemetry-proto 1.9, collector/*/v1/*_service.proto, read 2026-11.
constexpr pbf_tag_type kResources = 1, kScopes = 2, kRecords = 2;
constexpr pbf_tag_type kDataPoints = 1;  // of gauge, sum, histogram, exponential histogram, summary
constexpr pbf_tag_type kMetricData[] = {5, 7, 9, 10, 11};

std::size_t records_in(Signal signal, data_view record) {
  if (signal != Signal::metrics) return 1;
  std::size_t points = 0;
  pbf_reader metric(record);
  while (metric.next()) {
    if (metric.wire_type() != protozero::pbf_wire_type::length_delimited ||
        std::ranges::find(kMetricData, metric.tag()) == std::end(kMetricData)) {
      metric.skip();
      continue;
    }
    pbf_reader data = metric.get_message();
    while (data.next(kDataPoints)) {
      data.skip();
      ++points;
    }
  }
  return points;
}

bool is_message(const pbf_reader& reader, pbf_tag_type tag) {
  return reader.tag_and_type() == protozero::tag_and_type(tag, protozero::pbf_wire_type::length_delimited);
}

// The record in whose middle half of the bytes of all records lie, at least the second.
class Middle {
 public:
  explicit Middle(data_view request) {
    std::size_t bytes = 0, count = 0;
    each(request, [&](data_view record) {
      bytes += record.size();
      ++count;
    });
    if (count < 2) return;
    std::size_t passed = 0, before = 0;
    each(request, [&](data_view record) {
      if (index_ == 0 && before > 0 && (passed + record.size() > bytes / 2 || before + 1 == count)) index_ = before;
      passed += record.size();
      ++before;
    });
  }
  // So many records belong to the first half; 0: it cannot be halved.
  std::size_t index() const { return index_; }

 private:
  template <class F>
  static void each(data_view request, F f) {
    pbf_reader resources(request);
    while (resources.next(kResources)) {
      pbf_reader scopes = resources.get_message();
      while (scopes.next(kScopes)) {
        pbf_reader records = scopes.get_message();
        while (records.next(kRecords)) f(records.get_view());
      }
    }
  }

  std::size_t index_ = 0;
};

class Copy {
 public:
  // Copies the records in [begin, end), and all that is around them.
  Copy(Signal signal, std::size_t begin, std::size_t end) : signal_(signal), begin_(begin), end_(end) {}

  std::size_t records() const { return records_; }

  std::string request(data_view whole) {
    std::string out;
    pbf_writer writer(out);
    pbf_reader reader(whole);
    while (reader.next()) {
      if (!is_message(reader, kResources)) {
        copy(reader, out);
        continue;
      }
      auto [message, holds] = level(reader.get_view(), 2);
      if (holds) writer.add_message(kResources, message);
    }
    return out;
  }

 private:
  // Of a Resource* or Scope* message: what is copied of it, and whether records are in it.
  std::pair<std::string, bool> level(data_view whole, int depth) {
    std::string out;
    bool holds = false;
    pbf_writer writer(out);
    pbf_reader reader(whole);
    static_assert(kScopes == kRecords);
    while (reader.next()) {
      if (!is_message(reader, kScopes)) {
        copy(reader, out);
      } else if (depth == 2) {
        auto [message, inside] = level(reader.get_view(), 1);
        if (inside) writer.add_message(kScopes, message);
        holds |= inside;
      } else {
        auto record = reader.get_view();
        bool wanted = at_ >= begin_ && at_ < end_;
        ++at_;
        if (!wanted) continue;
        writer.add_message(kRecords, record);
        records_ += records_in(signal_, record);
        holds = true;
      }
    }
    return {std::move(out), holds};
  }

  // A field that is not looked into, as it is.
  static void copy(pbf_reader& reader, std::string& out) {
    pbf_writer writer(out);
    auto tag = reader.tag();
    switch (reader.wire_type()) {
      case protozero::pbf_wire_type::varint: return writer.add_uint64(tag, reader.get_uint64());
      case protozero::pbf_wire_type::fixed64: return writer.add_fixed64(tag, reader.get_fixed64());
      case protozero::pbf_wire_type::fixed32: return writer.add_fixed32(tag, reader.get_fixed32());
      default: return writer.add_bytes(tag, reader.get_view());
    }
  }

  const Signal signal_;
  const std::size_t begin_, end_;
  std::size_t at_ = 0;
  std::size_t records_ = 0;
};

Halves halves(const Batch& whole, std::string first_body, std::size_t first_records, std::string second_body) {
  auto half = [&](std::string body, std::size_t records) {
    auto part = std::make_shared<Batch>(Batch{std::move(body), records, whole.signal, whole.has_error, whole.oldest});
    return SharedBatch(std::move(part));
  };
  // The books stay closed even where the count of a body from outside was not ours.
  auto first = std::min(first_records, whole.records);
  return std::pair{half(std::move(first_body), first), half(std::move(second_body), whole.records - first)};
}

}  // namespace

Halves halve_otlp(const Batch& batch) {
  try {
    data_view body(batch.body.data(), batch.body.size());
    auto middle = Middle(body).index();
    if (middle == 0) return std::nullopt;
    Copy first(batch.signal, 0, middle), second(batch.signal, middle, static_cast<std::size_t>(-1));
    auto first_body = first.request(body);
    auto second_body = second.request(body);
    return halves(batch, std::move(first_body), first.records(), std::move(second_body));
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

Halves halve_lines(const Batch& batch) {
  std::string_view body = batch.body;
  auto end = body.find('\n', body.size() / 2);
  if (end == body.npos || end + 1 == body.size()) end = body.substr(0, body.size() / 2).rfind('\n');
  if (end == body.npos || end + 1 == body.size()) return std::nullopt;
  auto first = body.substr(0, end + 1);
  auto lines = static_cast<std::size_t>(std::ranges::count(first, '\n'));
  return halves(batch, std::string(first), lines, std::string(body.substr(end + 1)));
}

}  // namespace mayfly::telemetry
