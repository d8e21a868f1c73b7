#include "extensions/telemetry/segment.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <limits>
#include <utility>

#include "extensions/telemetry/crc32c.h"
#include "extensions/telemetry/little_endian.h"

namespace mayfly::telemetry {
namespace {

constexpr std::string_view kMagic = "MAYSPOOL";
constexpr std::uint32_t kRecordMagic = 0x48435442;  // "BTCH"
constexpr std::uint8_t kMaybeDelivered = 1;
constexpr std::uint8_t kHasError = 2;
constexpr std::string_view kSuffix = ".seg";

std::uint64_t nanoseconds(core::WallTime t) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(t.time_since_epoch().count(), 0));
}

core::WallTime wall_time(std::uint64_t ns) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::int64_t>::max();
  return core::WallTime(std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(ns, kLast))));
}

// Takes a number in front of `text`; false when there is none of that width.
// Width 0: as many digits as there are, without leading zeros.
template <class T>
bool take_number(std::string_view& text, int base, std::size_t width, T most, T& out) {
  auto digits = width != 0 ? text.substr(0, width) : text;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  auto length = static_cast<std::size_t>(end - digits.data());
  if (error != std::errc{} || (width != 0 && length != width) || out > most) return false;
  if (width == 0 && length > 1 && text[0] == '0') return false;
  if (std::ranges::any_of(text.substr(0, length), [](char c) { return (c >= 'A' && c <= 'F') || c == '-'; }))
    return false;
  text.remove_prefix(length);
  return true;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

bool read_header(std::string_view bytes, SegmentContents& contents) {
  if (bytes.size() < kSegmentHeaderBytes || !bytes.starts_with(kMagic)) return false;
  if (crc32c(bytes.substr(0, 44)) != little_endian_at<std::uint32_t>(bytes, 44)) return false;
  contents.destination = little_endian_at<std::uint64_t>(bytes, 16);
  contents.foreign = little_endian_at<std::uint16_t>(bytes, 8) != kSegmentVersion;
  contents.readable = !contents.foreign && little_endian_at<std::uint16_t>(bytes, 10) == kSegmentHeaderBytes;
  return contents.readable;
}

// Takes a record in front of `bytes`; false when its header is damaged or the
// payload is not all there. A damaged payload leaves `out` empty.
bool take_record(std::string_view& bytes, std::optional<QueuedBatch>& out) {
  out.reset();
  if (bytes.size() < kRecordHeaderBytes) return false;
  auto header = bytes.substr(0, kRecordHeaderBytes);
  if (little_endian_at<std::uint32_t>(header, 0) != kRecordMagic ||
      crc32c(header.substr(0, 36)) != little_endian_at<std::uint32_t>(header, 36))
    return false;
  auto length = little_endian_at<std::uint32_t>(header, 4);
  if (length > bytes.size() - kRecordHeaderBytes) return false;
  auto payload = bytes.substr(kRecordHeaderBytes, length);
  bytes.remove_prefix(kRecordHeaderBytes + length);

  auto records = little_endian_at<std::uint32_t>(header, 16);
  auto signal = static_cast<std::uint8_t>(header[20]);
  if (records == 0 || signal >= kSignals || header[21] != 0) return true;
  if (crc32c(payload) != little_endian_at<std::uint32_t>(header, 32)) return true;
  auto flags = static_cast<std::uint8_t>(header[23]);
  Batch batch;
  batch.body = payload;
  batch.records = records;
  batch.signal = static_cast<Signal>(signal);
  batch.has_error = (flags & kHasError) != 0;
  batch.oldest = wall_time(little_endian_at<std::uint64_t>(header, 24));
  out.emplace();
  out->batch = std::make_shared<const Batch>(std::move(batch));
  out->seq = little_endian_at<std::uint64_t>(header, 8);
  out->attempts = static_cast<std::uint8_t>(header[22]);
  out->maybe_delivered = (flags & kMaybeDelivered) != 0;
  return true;
}

}  // namespace

std::string SegmentName::text() const {
  char buffer[160];
  std::snprintf(buffer, sizeof buffer, "%016llx-%016llx-%08x-d%016llx-b%u-n%llu-l%d.seg",
                static_cast<unsigned long long>(nanoseconds(created)), static_cast<unsigned long long>(writer),
                sequence, static_cast<unsigned long long>(destination), batches,
                static_cast<unsigned long long>(records), lives);
  return buffer;
}

std::optional<SegmentName> parse_segment_name(std::string_view text) {
  constexpr auto kAny = std::numeric_limits<std::uint64_t>::max();
  // More than any file can hold; sums of them stay far from overflow.
  constexpr std::uint64_t kMostRecords = 1ull << 40;
  SegmentName name;
  std::uint64_t created = 0;
  bool ok = take_number(text, 16, 16, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), created) &&
            take(text, "-") && take_number(text, 16, 16, kAny, name.writer) && take(text, "-") &&
            take_number(text, 16, 8, std::numeric_limits<std::uint32_t>::max(), name.sequence) && take(text, "-d") &&
            take_number(text, 16, 16, kAny, name.destination) && take(text, "-b") &&
            take_number(text, 10, 0, 1u << 20, name.batches) && take(text, "-n") &&
            take_number(text, 10, 0, kMostRecords, name.records) && take(text, "-l") &&
            take_number(text, 10, 0, 99, name.lives) && text == kSuffix;
  if (!ok) return std::nullopt;
  name.created = wall_time(created);
  return name;
}

std::size_t spooled_bytes(const Batch& batch) { return kRecordHeaderBytes + batch.body.size(); }

std::string segment_header(const SegmentName& name) {
  std::string out(kMagic);
  append_little_endian(out, kSegmentVersion);
  append_little_endian(out, static_cast<std::uint16_t>(kSegmentHeaderBytes));
  append_little_endian(out, std::uint32_t{0});
  append_little_endian(out, name.destination);
  append_little_endian(out, name.writer);
  append_little_endian(out, nanoseconds(name.created));
  append_little_endian(out, std::uint32_t{0});
  append_little_endian(out, crc32c(out));
  return out;
}

std::string record_header(const QueuedBatch& queued) {
  const Batch& batch = *queued.batch;
  std::string out;
  append_little_endian(out, kRecordMagic);
  append_little_endian(out, static_cast<std::uint32_t>(batch.body.size()));
  append_little_endian(out, queued.seq);
  append_little_endian(out, static_cast<std::uint32_t>(batch.records));
  append_little_endian(out, static_cast<std::uint8_t>(batch.signal));
  append_little_endian(out, std::uint8_t{0});
  append_little_endian(out, static_cast<std::uint8_t>(std::clamp(queued.attempts, 0, 255)));
  append_little_endian(out, static_cast<std::uint8_t>((queued.maybe_delivered ? kMaybeDelivered : 0) |
                                                      (batch.has_error ? kHasError : 0)));
  append_little_endian(out, nanoseconds(batch.oldest));
  append_little_endian(out, crc32c(batch.body));
  append_little_endian(out, crc32c(out));
  return out;
}

SegmentContents read_segment(std::string_view bytes) {
  SegmentContents contents;
  if (!read_header(bytes, contents)) return contents;
  bytes.remove_prefix(kSegmentHeaderBytes);
  std::optional<QueuedBatch> queued;
  while (take_record(bytes, queued)) {
    if (!queued) continue;
    contents.records += queued->batch->records;
    contents.batches.push_back(std::move(*queued));
  }
  return contents;
}

}  // namespace mayfly::telemetry
