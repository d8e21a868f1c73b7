#include "extensions/telemetry/ledger.h"

#include <algorithm>

#include "extensions/telemetry/crc32c.h"
#include "extensions/telemetry/little_endian.h"

namespace mayfly::telemetry {
namespace {

constexpr std::string_view kMagic = "MAYLEDGR";
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kRowBytes = 16;
constexpr std::size_t kFlags = kLedgerBytes - 8;
constexpr std::size_t kChecked = kLedgerBytes - 4;
constexpr std::uint32_t kClosed = 1;
static_assert(kHeaderBytes + kLedgerRows * kRowBytes + 8 == kLedgerBytes);

}  // namespace

std::string write_ledger(const Ledger& ledger) {
  std::vector<LedgerRow> rows = ledger.rows;
  if (rows.size() > kLedgerRows) {
    rows[kLedgerRows - 1].destination = 0;
    for (std::size_t i = kLedgerRows; i < rows.size(); ++i) rows[kLedgerRows - 1].at_risk += rows[i].at_risk;
    rows.resize(kLedgerRows);
  }
  std::string out;
  out.reserve(kLedgerBytes);
  out += kMagic;
  append_little_endian(out, kLedgerVersion);
  append_little_endian(out, static_cast<std::uint16_t>(rows.size()));
  append_little_endian(out, ledger.last_sequence);
  append_little_endian(out, ledger.writer);
  for (const auto& row : rows) {
    append_little_endian(out, row.destination);
    append_little_endian(out, row.at_risk);
  }
  out.resize(kFlags, '\0');
  append_little_endian(out, std::uint32_t{ledger.closed ? kClosed : 0});
  append_little_endian(out, crc32c(out));
  return out;
}

std::optional<Ledger> read_ledger(std::string_view bytes) {
  if (bytes.size() != kLedgerBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  if (crc32c(bytes.substr(0, kChecked)) != little_endian_at<std::uint32_t>(bytes, kChecked)) return std::nullopt;
  auto rows = little_endian_at<std::uint16_t>(bytes, 10);
  if (little_endian_at<std::uint16_t>(bytes, 8) != kLedgerVersion || rows > kLedgerRows) return std::nullopt;
  Ledger ledger;
  ledger.last_sequence = little_endian_at<std::uint32_t>(bytes, 12);
  ledger.writer = little_endian_at<std::uint64_t>(bytes, 16);
  ledger.closed = (little_endian_at<std::uint32_t>(bytes, kFlags) & kClosed) != 0;
  for (std::size_t i = 0; i < rows; ++i) {
    auto at = kHeaderBytes + i * kRowBytes;
    // No life has seen more; a sum of such rows does not overflow.
    constexpr std::uint64_t kMost = 1ull << 56;
    ledger.rows.push_back(
        {little_endian_at<std::uint64_t>(bytes, at), std::min(little_endian_at<std::uint64_t>(bytes, at + 8), kMost)});
  }
  return ledger;
}

}  // namespace mayfly::telemetry
