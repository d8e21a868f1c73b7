// A head that passes must mean the same to every reader.

#include <cstdint>
#include <string_view>

#include "core/http_server/request_head.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view head(reinterpret_cast<const char*>(bytes), size);
  auto line = mayfly::core::too_long_line(head, "A");
  FUZZ_CHECK(line.empty() || (line.data() > head.data() && line.data()[-1] == '\n' && line.ends_with('\n')));
  FUZZ_CHECK(line.empty() || line.find('\n') == line.size() - 1);
  if (!mayfly::core::head_problem(head).empty()) return 0;
  FUZZ_CHECK(line.empty());
  FUZZ_CHECK(head.find("\r\n\r\n") == size - 4 || head == "\r\n");
  for (std::size_t i = 0; i < size; ++i) {
    FUZZ_CHECK(head[i] != '\0');
    FUZZ_CHECK(head[i] != '\n' || (i > 0 && head[i - 1] == '\r'));
    FUZZ_CHECK(head[i] != '\r' || (i + 1 < size && head[i + 1] == '\n'));
    FUZZ_CHECK(head[i] != '\n' || i + 1 == size || (head[i + 1] != ' ' && head[i + 1] != '\t'));
  }
  return 0;
}
