// What makes a batch small before it travels. One for each thread that sends;
// its tables are made with the first batch and kept.
//
// Level 1 of both: the function's CPU is dearer than bytes. On telemetry zstd is
// three times as fast as zlib and smaller; gzip is there for backends that know
// nothing else [A].
//
// [A] OpenTelemetry Protocol Specification 1.9, "OTLP/HTTP": a server must take
//     gzip and no compression; zstd is the collector's, read 2026-11.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mayfly::telemetry {

enum class Compression : std::uint8_t { none, gzip, zstd };

// The value of a Content-Encoding field; empty for none.
std::string_view content_encoding(Compression compression);

// Thread-safety: one thread at a time.
class Compressor {
 public:
  explicit Compressor(Compression compression);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // Replaces `out`, whose capacity is used again. None copies. False when there
  // is no memory for it; `out` is worth nothing then.
  bool compress(std::string_view body, std::string& out);

 private:
  struct Gzip;
  struct Zstd;
  bool compress_gzip(std::string_view body, std::string& out);
  bool compress_zstd(std::string_view body, std::string& out);

  const Compression compression_;
  std::unique_ptr<Gzip> gzip_;
  std::unique_ptr<Zstd> zstd_;
};

}  // namespace mayfly::telemetry
