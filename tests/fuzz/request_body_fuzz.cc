// However a body is cut into pieces on its way, it is the same body; and what a
// step has used is never more than there was.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/http_server/request_body.h"
#include "tests/fuzz/check.h"

using mayfly::core::RequestBody;

namespace {

struct Read {
  std::string bytes;
  bool done = false, broken = false;
  std::size_t used = 0;
  std::string trailer;
};

// The bytes arrive `piece` at a time.
Read read(RequestBody body, std::string_view all, std::size_t piece) {
  Read out;
  for (std::size_t arrived = 0; !body.done() && !body.broken();) {
    auto received = all.substr(out.used, arrived - out.used);
    auto step = body.next(received);
    FUZZ_CHECK(step.used <= received.size());
    FUZZ_CHECK(step.bytes.size() <= step.used);
    FUZZ_CHECK(step.bytes.empty() || step.bytes.data() + step.bytes.size() == received.data() + step.used);
    out.used += step.used;
    out.bytes += step.bytes;
    if (!step.bytes.empty()) continue;
    if (arrived == all.size()) break;
    arrived = std::min(all.size(), arrived + piece);
  }
  out.done = body.done();
  out.broken = body.broken();
  out.trailer = body.trailer("a");
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  auto body = bytes[0] == 'c' ? RequestBody::chunked(1'000) : RequestBody(bytes[0]);
  Read whole = read(body, text, size), bytewise = read(body, text, 1), some = read(body, text, 7);
  for (const Read& cut : {bytewise, some}) {
    FUZZ_CHECK(cut.done == whole.done && cut.broken == whole.broken);
    FUZZ_CHECK(cut.bytes == whole.bytes && cut.trailer == whole.trailer);
    FUZZ_CHECK(!whole.done || cut.used == whole.used);
  }
  FUZZ_CHECK(whole.trailer.find_first_of(std::string_view("\r\n\0", 3)) == whole.trailer.npos);
  return 0;
}
