// An HTTPS server on loopback that can be told to misbehave, and a proxy before
// it. Each is a thread that serves one connection at a time.

#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "certificates.h"

// A listening port and the thread that calls `serve` with each connection.
class LoopbackPort {
 public:
  explicit LoopbackPort(std::function<void(int fd)> serve);
  ~LoopbackPort();  // ends a connection that is being served, too
  int port() const { return port_; }

 private:
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  int serving_ = -1;
  std::thread thread_;
};

// One request off a connection, `buffer` holding what came behind the last; empty
// at the end. And an answer to it.
std::string take_request(std::string& buffer, int fd);
void write_all(int fd, std::string_view bytes);

class SecureBackend {
 public:
  enum class Protocol { newest, tls_1_2, tls_1_1, plain };

  explicit SecureBackend(Certificate certificate, Protocol protocol = Protocol::newest);
  ~SecureBackend();

  int port() const { return listener_->port(); }
  void use(Certificate certificate);  // from the next connection on
  // Each request takes one of these answers; all further ones are answered 200.
  void answer(std::vector<std::string> heads);
  // The connection ends behind the next answer, without a word of it in the answer.
  void close_after_answer(bool say_goodbye);

  struct Request {
    std::string text;  // head and body
    bool resumed = false;
    bool first = true;  // on its connection
  };
  std::vector<Request> requests();
  // All that came unencrypted: the first bytes of a connection to Protocol::plain.
  std::string in_clear();
  int connections();

 private:
  void serve(int fd);
  void serve_plain(int fd);

  const Protocol protocol_;
  std::mutex mutex_;
  Certificate certificate_;
  void* context_ = nullptr;  // SSL_CTX of certificate_
  std::vector<std::string> answers_;
  std::optional<bool> close_after_;
  std::vector<Request> requests_;
  std::string in_clear_;
  int connections_ = 0;
  std::optional<LoopbackPort> listener_;
};

// Tunnels to `port` whatever name is asked for; requests for http:// URLs it
// answers itself, with 200.
class ConnectProxy {
 public:
  explicit ConnectProxy(int port, std::string user_and_password = "");
  std::string url() const;
  std::vector<std::string> heads();  // of what it was asked

 private:
  void serve(int fd);

  const int to_;
  const std::string expected_;
  std::mutex mutex_;
  std::vector<std::string> heads_;
  std::optional<LoopbackPort> listener_;
};
