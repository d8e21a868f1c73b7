#include "extensions/telemetry/compressor.h"

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

using namespace mayfly::telemetry;

namespace {

std::string gunzip(const std::string& in, std::size_t size) {
  std::string out(size + 1, '\0');
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);  // 16: gzip and nothing else
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  CHECK(stream.avail_in == 0);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string unzstd(const std::string& in, std::size_t size) {
  std::string out(size + 1, '\0');
  auto n = ZSTD_decompress(out.data(), out.size(), in.data(), in.size());
  REQUIRE_FALSE(ZSTD_isError(n));
  out.resize(n);
  return out;
}

std::string noise(std::size_t size) {
  std::string out;
  std::uint32_t x = 1;
  while (out.size() < size) out += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return out;
}

}  // namespace

TEST_CASE("what a compressor made is read by its own library, again and again") {
  for (auto kind : {Compression::none, Compression::gzip, Compression::zstd}) {
    Compressor compressor(kind);
    std::string out;
    for (const std::string& body :
         {std::string(), std::string("x"), std::string(1 << 20, 'a'), noise(100'000), std::string("last")}) {
      REQUIRE(compressor.compress(body, out));
      auto back = kind == Compression::none   ? out
                  : kind == Compression::gzip ? gunzip(out, body.size())
                                              : unzstd(out, body.size());
      CHECK(back == body);
    }
    CHECK(compressor.compress(std::string(1 << 20, 'a'), out));
    CHECK((kind == Compression::none || out.size() < 10'000));
  }
}

TEST_CASE("encodings have HTTP's names") {
  CHECK(content_encoding(Compression::none) == "");
  CHECK(content_encoding(Compression::gzip) == "gzip");
  CHECK(content_encoding(Compression::zstd) == "zstd");
}
