// The form of a spool file: batches of one destination, each with a checksum.
// Little-endian.
//
//   file header, 48 bytes:    magic "MAYSPOOL" | u16 version | u16 header length | u32 flags | u64 destination
//                             u64 writer | u64 created, ns since 1970 | u32 0 | u32 crc32c of the 44 before
//   record header, 40 bytes:  u32 magic "BTCH" | u32 payload length | u64 seq | u32 records | u8 signal | u8 0
//                             u8 attempts | u8 flags: 1 maybe delivered, 2 has an error | u64 oldest, ns
//                             u32 crc32c of the payload | u32 crc32c of the 36 before
//   payload
//
// A record header has a checksum of its own, so that its lengths can be trusted
// when only the payload is damaged: that record is skipped. Behind a damaged
// header nothing is looked for: a search could find what was never written.
//
// The name holds the totals, so that what is missing can be counted:
//   CREATED-WRITER-SEQUENCE-dDESTINATION-bBATCHES-nRECORDS-lLIVES.seg
// Names sort by age. Anyone with our user may write here: all of it is checked,
// and a valid checksum proves nothing about what it covers.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

inline constexpr std::size_t kSegmentHeaderBytes = 48;
inline constexpr std::size_t kRecordHeaderBytes = 40;
inline constexpr std::uint16_t kSegmentVersion = 1;

struct SegmentName {
  core::WallTime created{};
  std::uint64_t writer = 0;
  std::uint32_t sequence = 0;  // counts up within a writer
  std::uint64_t destination = 0;
  std::uint32_t batches = 0;
  std::uint64_t records = 0;
  int lives = 0;  // that have loaded it, 0 .. 99

  std::string text() const;
  bool operator==(const SegmentName&) const = default;
};
// Empty when it is not such a name, to the letter.
std::optional<SegmentName> parse_segment_name(std::string_view text);

// Bytes of a batch in a segment.
std::size_t spooled_bytes(const Batch& batch);

// The header of a file and, one after another, its records: what stands in front
// of each batch's body.
std::string segment_header(const SegmentName& name);
std::string record_header(const QueuedBatch& queued);

struct SegmentContents {
  bool readable = false;             // the header is whole and of our version
  bool foreign = false;              // the header is whole, and of another version
  std::uint64_t destination = 0;     // of the header
  std::vector<QueuedBatch> batches;  // the undamaged ones, in order
  std::uint64_t records = 0;         // in them
};
// Never fails: what cannot be read is not there.
SegmentContents read_segment(std::string_view bytes);

}  // namespace mayfly::telemetry
