// The record of a killed run, and what a kernel says of control groups. What is
// read of a record is a run's own groups, and can be written as it was.

#include <cstdint>
#include <string>

#include "emulator/sandbox/control_groups.h"
#include "emulator/sandbox/run_record.h"
#include "tests/fuzz/check.h"

using namespace mayfly::emulator;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (auto facts = parse_run_facts(text)) {
    FUZZ_CHECK(facts->run.size() == 16 && facts->run.find('/') == std::string::npos);
    FUZZ_CHECK(facts->pid > 1);
    for (const auto& group : facts->groups) FUZZ_CHECK(group.folder.is_absolute());
    auto again = parse_run_facts(to_text(*facts));
    FUZZ_CHECK(again && to_text(*again) == to_text(*facts));
  }
  for (const auto& hierarchy : control_hierarchies(text, text)) FUZZ_CHECK(!hierarchy.own.empty());
  for (const auto& hierarchy : control_hierarchies(text, "0::/a\n4:memory:/b/c\n")) {
    FUZZ_CHECK(hierarchy.unified == hierarchy.controllers.empty());
  }
  return 0;
}
