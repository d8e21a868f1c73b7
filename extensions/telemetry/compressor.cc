#include "extensions/telemetry/compressor.h"

#include <zlib.h>
#include <zstd.h>

#include <climits>

namespace mayfly::telemetry {
namespace {

constexpr int kZstdLevel = 1;
// Windows of 32 KiB and the memory of level 1 [zlib.h, deflateInit2]: 16 more
// than the window's bits ask for gzip's header.
constexpr int kGzipLevel = 1;
constexpr int kGzipWindowBits = 15 + 16;
constexpr int kGzipMemory = 8;

}  // namespace

struct Compressor::Gzip {
  z_stream stream{};
  bool ready = deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindowBits, kGzipMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  ~Gzip() {
    if (ready) deflateEnd(&stream);
  }
};

struct Compressor::Zstd {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ~Zstd() { ZSTD_freeCCtx(context); }
};

std::string_view content_encoding(Compression compression) {
  switch (compression) {
    case Compression::none: return "";
    case Compression::gzip: return "gzip";
    case Compression::zstd: return "zstd";
  }
  return "";
}

Compressor::Compressor(Compression compression) : compression_(compression) {}
Compressor::~Compressor() = default;

bool Compressor::compress(std::string_view body, std::string& out) {
  switch (compression_) {
    case Compression::none: out.assign(body); return true;
    case Compression::gzip: return compress_gzip(body, out);
    case Compression::zstd: return compress_zstd(body, out);
  }
  return false;
}

bool Compressor::compress_gzip(std::string_view body, std::string& out) {
  if (!gzip_) gzip_ = std::make_unique<Gzip>();
  if (!gzip_->ready || body.size() > UINT_MAX) return false;
  z_stream& stream = gzip_->stream;
  if (deflateReset(&stream) != Z_OK) return false;
  out.resize(deflateBound(&stream, body.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return false;
  out.resize(stream.total_out);
  return true;
}

bool Compressor::compress_zstd(std::string_view body, std::string& out) {
  if (!zstd_) {
    zstd_ = std::make_unique<Zstd>();
    ZSTD_CCtx_setParameter(zstd_->context, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(zstd_->context, ZSTD_c_checksumFlag, 1);
  }
  if (!zstd_->context) return false;
  out.resize(ZSTD_compressBound(body.size()));
  auto size = ZSTD_compress2(zstd_->context, out.data(), out.size(), body.data(), body.size());
  if (ZSTD_isError(size)) return false;
  out.resize(size);
  return true;
}

}  // namespace mayfly::telemetry
