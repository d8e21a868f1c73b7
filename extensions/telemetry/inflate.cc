#include "extensions/telemetry/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;

constexpr std::size_t kMaxRatio = 200;
constexpr std::size_t kAlwaysAllowed = 64 * 1024;
constexpr int kGzipWindow = 15 + 16;  // the whole of 32 KiB, in a gzip file

struct End {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

}  // namespace

core::Outcome<std::string> gunzip(std::string_view compressed, std::size_t limit_bytes) {
  limit_bytes = std::min(limit_bytes, std::max(compressed.size() * kMaxRatio, kAlwaysAllowed));
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return fail(Errc::refused, "no memory to decompress with");
  std::unique_ptr<z_stream, End> end(&stream);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());

  std::string out;
  for (;;) {
    // One byte over the limit tells that there is more.
    std::size_t had = out.size();
    out.resize(std::min(std::max(had * 2, std::min(compressed.size() * 4, kAlwaysAllowed)), limit_bytes + 1));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(out.size() - had);
    int status = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > limit_bytes) {
      return fail(Errc::out_of_range, "the body has over " + std::to_string(limit_bytes) + " bytes when decompressed");
    }
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return out;
      status = inflateReset(&stream);  // a further member
    }
    if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
      return fail(Errc::parse, "the body is not gzip, as Content-Encoding says, or not the whole of it");
    }
  }
}

}  // namespace mayfly::telemetry
