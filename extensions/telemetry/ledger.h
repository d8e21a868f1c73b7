// What a life had in its memory, in a file, so that the next life can count what
// a kill has taken: 256 bytes, rewritten in place by one pwrite (1 to 2 us) for
// each batch that is accepted and each request that is settled. Not mapped into
// memory: a file that others cut short would be a SIGBUS, and the function's end.
//
//   magic "MAYLEDGR" | u16 version | u16 rows | u32 last sequence | u64 writer
//   14 times u64 destination | u64 records at risk; unused rows are 0
//   u32 flags: 1 closed | u32 crc32c of the 252 before
//
// Little-endian. At risk is what no segment holds; segments that the writer has
// published after `last_sequence` hold a part of it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::telemetry {

inline constexpr std::size_t kLedgerBytes = 256;
inline constexpr std::size_t kLedgerRows = 14;
inline constexpr std::uint16_t kLedgerVersion = 1;

struct LedgerRow {
  std::uint64_t destination = 0;
  std::uint64_t at_risk = 0;
  bool operator==(const LedgerRow&) const = default;
};

struct Ledger {
  std::uint64_t writer = 0;
  std::uint32_t last_sequence = 0;
  bool closed = false;          // its life came to its end and was not killed
  std::vector<LedgerRow> rows;  // of more than 14 the last holds the sum of the rest, for destination 0
  bool operator==(const Ledger&) const = default;
};

// kLedgerBytes bytes.
std::string write_ledger(const Ledger& ledger);
// Empty when the bytes are not a whole ledger of this version.
std::optional<Ledger> read_ledger(std::string_view bytes);

}  // namespace mayfly::telemetry
