// A spool file, as it is, and with its checksums made right, so that what stands
// behind them is reached too. What is loaded and what is lost is all there was,
// nothing comes up twice, and the folder is empty afterwards.

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

void set_u32(std::string& bytes, std::size_t at, std::uint32_t value) {
  std::string four;
  append_little_endian(four, value);
  bytes.replace(at, 4, four);
}

std::string with_checksums(std::string bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return bytes;
  std::string_view view = bytes;
  set_u32(bytes, 44, crc32c(view.substr(0, 44)));
  for (std::size_t at = kSegmentHeaderBytes; at + kRecordHeaderBytes <= bytes.size();) {
    auto length = little_endian_at<std::uint32_t>(bytes, at + 4);
    if (length > bytes.size() - at - kRecordHeaderBytes) break;
    set_u32(bytes, at + 32, crc32c(view.substr(at + kRecordHeaderBytes, length)));
    set_u32(bytes, at + 36, crc32c(view.substr(at, 36)));
    at += kRecordHeaderBytes + length;
  }
  return bytes;
}

void load_all(const std::string& bytes, bool torn) {
  auto contents = read_segment(bytes);
  FUZZ_CHECK(contents.readable || contents.batches.empty());
  SegmentName name;
  name.destination = contents.destination;
  name.records = contents.records + 1;
  name.batches = 1;
  MemoryFiles files;
  files.files[name.text() + (torn ? ".part" : "")] = bytes;
  Spool spool(std::make_unique<MemoryFolder>(files), 1);
  FUZZ_CHECK(spool.recover({}).empty());
  std::uint64_t waiting = spool.waiting(name.destination);
  auto loaded = spool.load(name.destination, std::size_t{1} << 30, {});
  if (loaded.records == 0) {
    FUZZ_CHECK(contents.foreign || (torn && contents.batches.empty()));
    return;
  }
  FUZZ_CHECK(loaded.records == waiting);
  std::uint64_t sum = 0;
  for (const auto& loss : loaded.losses) sum += loss.records;
  for (const auto& queued : loaded.batches) {
    FUZZ_CHECK(queued.batch->records > 0 && queued.batch->body.size() <= bytes.size());
    sum += queued.batch->records;
  }
  spool.sync(name.destination, {});
  FUZZ_CHECK(sum == waiting);
  FUZZ_CHECK(files.files.empty() && spool.failure().empty());
  FUZZ_CHECK(spool.load(name.destination, std::size_t{1} << 30, {}).records == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (auto name = parse_segment_name(bytes)) FUZZ_CHECK(name->text() == bytes);
  for (bool torn : {false, true}) {
    load_all(bytes, torn);
    load_all(with_checksums(bytes), torn);
  }
  return 0;
}
