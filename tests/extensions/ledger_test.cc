#include "extensions/telemetry/ledger.h"

#include <doctest/doctest.h>

using namespace mayfly::telemetry;

namespace {

Ledger example() { return {0x0123456789abcdef, 7, true, {{1, 100}, {2, 0}, {0xffffffffffffffff, 1ull << 40}}}; }

}  // namespace

TEST_CASE("a ledger is 256 bytes and reads as it was written") {
  auto bytes = write_ledger(example());
  CHECK(bytes.size() == 256);
  CHECK(read_ledger(bytes) == example());
  CHECK(read_ledger(write_ledger({})) == Ledger{});
}

TEST_CASE("of more destinations than there are rows the last row holds the rest") {
  Ledger many{1, 1, false, {}};
  for (std::uint64_t i = 1; i <= 20; ++i) many.rows.push_back({i, 10});
  auto read = read_ledger(write_ledger(many));
  REQUIRE(read);
  REQUIRE(read->rows.size() == 14);
  CHECK(read->rows[12] == LedgerRow{13, 10});
  CHECK(read->rows[13] == LedgerRow{0, 70});
}

TEST_CASE("a ledger that is cut, longer or has one wrong bit is none") {
  auto bytes = write_ledger(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(read_ledger(bytes.substr(0, size)));
  CHECK_FALSE(read_ledger(bytes + '\0'));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    CHECK_FALSE(read_ledger(flipped));
  }
}
