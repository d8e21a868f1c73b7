// What a client of the backend sends: the bytes of its connection, the requests in
// them, and what their bodies hold.

#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace storm {

// The connection ends with a reset, and with what is unsent.
void reset_at_close(int fd);

// A connection's bytes, as they are or within TLS.
class Stream {
 public:
  Stream(int fd, SSL_CTX* context);
  ~Stream() { SSL_free(ssl_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // False: the client wants no such certificate, or has gone.
  bool begin();
  // Waits for the first byte of a request, and leaves it.
  bool wait();
  ssize_t read(char* to, std::size_t size);
  bool write(std::string_view text);
  // False: the client has gone.
  bool pause(std::chrono::milliseconds time);
  void reset() { reset_at_close(fd_); }

 private:
  const int fd_;
  SSL* const ssl_;
};

// A request as its bytes come in.
struct Incoming {
  std::string head;
  std::string body;
  std::size_t length = 0;
  std::string buffer = std::string(256 * 1024, '\0');

  // False: the client has gone.
  bool read_head(Stream& stream);
  // Up to `upto` bytes of it.
  bool read_body(Stream& stream, std::size_t upto);
};

// The first field of that name; empty when there is none.
std::string field(const std::string& head, const char* name);

// `coding` as in Content-Encoding. Throws std::runtime_error, saying what is wrong.
std::string decoded(std::string_view body, std::string_view coding);

}  // namespace storm
