// An OTLP/HTTP receiver that can be told to misbehave, on a raw socket of its
// own thread.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "otlp_decode.h"

struct Behaviour {
  enum Kind { answer, reset_in_body, close_unanswered, never_answer };
  Kind kind = answer;
  int status = 200;
  std::string fields = {};  // further header lines, each with \r\n
  std::string body = {};
  bool close_after = false;  // without saying so
};

class Backend {
 public:
  // Each request takes one of the behaviours; all further ones are answered 200.
  explicit Backend(std::initializer_list<Behaviour> behaviours = {});
  ~Backend();

  // In place of those that are left.
  void behave(const std::vector<Behaviour>& behaviours);

  int port() const { return port_; }
  std::string url() const { return "otlp+http://127.0.0.1:" + std::to_string(port_); }

  struct Request {
    std::string head;
    std::string body;  // decompressed
  };
  // Returns once n requests were taken in whole (or misbehaved to).
  std::vector<Request> wait_requests(std::size_t n);
  std::vector<Request> requests();
  // Ends the connection of a request that is never answered.
  void hang_up();
  // The bodies of all records that were answered 200, in order.
  std::vector<std::string> delivered();

 private:
  void serve();
  bool serve_one(int fd);

  int listener_ = -1;
  int stop_pipe_[2] = {-1, -1};
  int hang_up_pipe_[2] = {-1, -1};
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Behaviour> behaviours_;
  std::vector<Request> requests_;
  std::vector<std::string> delivered_;
};

// A port that takes no connection and refuses none: the second SYN gets no answer.
class BlackHole {
 public:
  BlackHole();
  ~BlackHole();
  std::string url() const { return "otlp+http://127.0.0.1:" + std::to_string(port_); }

 private:
  int listener_ = -1;
  std::vector<int> idle_;
  int port_ = 0;
};

// A port on which nothing listens.
std::string refusing_url();
