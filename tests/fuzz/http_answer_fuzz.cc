// The first two bytes say how the rest is cut into reads; however it is cut, the
// answer must come out the same.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/http_answer.h"
#include "tests/fuzz/check.h"

using mayfly::core::HttpAnswer;

namespace {

struct Outcome {
  int state;  // 0 incomplete, 1 complete, 2 failed
  int status = 0;
  std::string body{};
  std::size_t fields = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome read(HttpAnswer& answer, const std::uint8_t* bytes, std::size_t size, std::size_t first, std::size_t step) {
  answer.clear();
  for (std::size_t at = 0, cut = first; at < size; cut = step) {
    auto space = answer.space();
    FUZZ_CHECK(!space.empty());
    std::size_t n = std::min({space.size(), std::max<std::size_t>(cut, 1), size - at});
    std::memcpy(space.data(), bytes + at, n);
    at += n;
    auto complete = answer.feed(n);
    if (!complete) return {2};
    if (!*complete) continue;
    FUZZ_CHECK(answer.body_capacity() >= answer.body().size() + HttpAnswer::kPadding);
    FUZZ_CHECK(answer.field_count() <= HttpAnswer::kMaxFields);
    for (std::size_t i = 0; i < answer.field_count(); ++i) {
      FUZZ_CHECK(mayfly::core::is_token(answer.field(i).name) && mayfly::core::is_field_value(answer.field(i).value));
    }
    return {1, answer.status(), std::string(answer.body()), answer.field_count()};
  }
  return {0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  HttpAnswer answer(100'000);
  auto whole = read(answer, bytes + 2, size - 2, size, size);
  FUZZ_CHECK(read(answer, bytes + 2, size - 2, bytes[0], bytes[1]) == whole);
  FUZZ_CHECK(whole.body.size() <= 100'000);
  return 0;
}
