// The ledger of an earlier life, as it is and with its checksum made right.

#include <cstdint>
#include <memory>
#include <string>

#include "extensions/telemetry/crc32c.h"
#include "extensions/telemetry/little_endian.h"
#include "extensions/telemetry/spool.h"
#include "tests/extensions/memory_folder.h"
#include "tests/fuzz/check.h"

using namespace mayfly::telemetry;

namespace {

void recover(const std::string& bytes) {
  if (auto ledger = read_ledger(bytes)) {
    FUZZ_CHECK(ledger->rows.size() <= kLedgerRows);
    FUZZ_CHECK(read_ledger(write_ledger(*ledger)) == ledger);
  }
  MemoryFiles files;
  files.ledger = bytes;
  Spool spool(std::make_unique<MemoryFolder>(files), 1);
  FUZZ_CHECK(spool.recover({}).size() <= kLedgerRows);
  FUZZ_CHECK(spool.failure().empty());
  // It is ours now, and says nothing of the killed any more.
  Spool next(std::make_unique<MemoryFolder>(files), 2);
  FUZZ_CHECK(next.recover({}).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  recover(bytes);
  bytes.resize(kLedgerBytes - 4);
  append_little_endian(bytes, crc32c(bytes));
  recover(bytes);
  return 0;
}
