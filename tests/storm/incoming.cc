#include "incoming.h"

#include <poll.h>
#include <sys/socket.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace storm {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024 * 1024;

std::string zstd_decoded(std::string_view body) {
  auto size = ZSTD_getFrameContentSize(body.data(), body.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxBody)
    throw std::runtime_error("a body that is not one zstd frame");
  std::string out(size, '\0');
  if (ZSTD_isError(ZSTD_decompress(out.data(), out.size(), body.data(), body.size())))
    throw std::runtime_error("a body whose zstd is broken");
  return out;
}

std::string gzip_decoded(std::string_view body) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw std::runtime_error("no memory for gzip");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() < kMaxBody) {
    auto old = out.size();
    out.resize(old + 256 * 1024);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + old);
    stream.avail_out = 256 * 1024;
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.avail_in > 0) throw std::runtime_error("a body whose gzip is broken");
  return out;
}

}  // namespace

void reset_at_close(int fd) {
  linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

Stream::Stream(int fd, SSL_CTX* context) : fd_(fd), ssl_(context ? SSL_new(context) : nullptr) {
  if (ssl_) SSL_set_fd(ssl_, fd);
}

bool Stream::begin() { return !ssl_ || SSL_accept(ssl_) == 1; }

bool Stream::wait() {
  char byte;
  return ssl_ ? SSL_peek(ssl_, &byte, 1) == 1 : recv(fd_, &byte, 1, MSG_PEEK) == 1;
}

ssize_t Stream::read(char* to, std::size_t size) {
  return ssl_ ? SSL_read(ssl_, to, static_cast<int>(size)) : recv(fd_, to, size, 0);
}

bool Stream::write(std::string_view text) {
  if (ssl_) return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
  while (!text.empty()) {
    auto n = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool Stream::pause(std::chrono::milliseconds time) {
  pollfd gone{fd_, POLLRDHUP, 0};
  return poll(&gone, 1, static_cast<int>(time.count())) == 0;
}

bool Incoming::read_head(Stream& stream) {
  head.clear();
  body.clear();
  for (;;) {
    auto n = stream.read(buffer.data(), buffer.size());
    if (n <= 0) return false;
    auto searched = head.size() < 3 ? 0 : head.size() - 3;
    head.append(buffer, 0, static_cast<std::size_t>(n));
    auto end = head.find("\r\n\r\n", searched);
    if (end == head.npos) continue;
    body.assign(head, end + 4);
    head.resize(end + 4);
    length = std::strtoul(field(head, "Content-Length").c_str(), nullptr, 10);
    return true;
  }
}

bool Incoming::read_body(Stream& stream, std::size_t upto) {
  while (body.size() < upto) {
    auto n = stream.read(buffer.data(), std::min(buffer.size(), upto - body.size()));
    if (n <= 0) return false;
    body.append(buffer, 0, static_cast<std::size_t>(n));
  }
  return true;
}

std::string field(const std::string& head, const char* name) {
  const char* at = strcasestr(head.c_str(), (std::string("\r\n") + name + ":").c_str());
  if (!at) return {};
  std::string_view rest(at + 3 + std::strlen(name));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return std::string(rest.substr(0, rest.find('\r')));
}

std::string decoded(std::string_view body, std::string_view coding) {
  if (coding.empty()) return std::string(body);
  if (coding == "zstd") return zstd_decoded(body);
  if (coding == "gzip") return gzip_decoded(body);
  throw std::runtime_error("a body of the unknown coding " + std::string(coding));
}

}  // namespace storm
