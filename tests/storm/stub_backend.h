// An OTLP/HTTP or NDJSON backend that misbehaves as it is told, and remembers which numbers
// came in which request and what it did with them.
//
// A thread for each connection: there are a few at a time.

#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "extensions/certificates.h"
#include "fault.h"

struct ssl_ctx_st;

namespace storm {

class Stream;
struct Incoming;

// One request that was read in whole, as far as its fault let it be.
struct Request {
  enum class Verdict {
    taken,    // answered 2xx
    refused,  // answered with a status after which the records are given up
    later,    // answered with one after which they come again, in halves where it was 413
    unknown,  // it was read, and no whole answer was sent
  };
  Verdict verdict = Verdict::unknown;
  int status = 0;
  Fault fault = Fault::none;
  // The client has read the answer: it sent another request on the connection.
  bool seen = false;
  std::vector<Number> kept;      // what the backend has got, answered or not
  std::vector<Number> rejected;  // by a partial success
  std::vector<Number> others;    // neither
};

class StubBackend {
 public:
  enum class Protocol { otlp, ndjson };
  StubBackend(Protocol protocol, std::uint64_t seed);
  ~StubBackend();
  StubBackend(const StubBackend&) = delete;
  StubBackend& operator=(const StubBackend&) = delete;

  int port() const { return port_; }

  // From the next request on.
  void set_mix(FaultMix mix);
  // These come first, whenever faults are on: each once, in this order.
  void set_parade(std::deque<Fault> parade);
  std::size_t parade_left();
  // No fault happens while it is calm.
  void set_calm(bool calm);
  // The connections that are open end with a reset, and no other is taken:
  // refused, or not even that (the second SYN gets no answer).
  void go_away(bool black_hole);
  void come_back();

  // How many records it has got, counted as often as they came.
  std::size_t kept();
  // Until it has got so many.
  void wait_kept(std::size_t n);

  // For the connections that come: TLS with a certificate that its clients take,
  // none, or another certificate, except while it is calm; where it is one that
  // a client must not take, nothing may be sent.
  void secure(const Certificate& good);
  void plain();
  void use(const Certificate& certificate, bool refusable);
  std::size_t refusals();  // handshakes that failed

  // Comes back, is calm, waits until every connection is closed, and gives the
  // requests since the last call. For when the client has ended.
  std::vector<Request> finish();
  // Until the backend has got this number or a later one, which may be all that
  // is left of what came together; or `patience` is over.
  bool wait_for(Number number, std::chrono::milliseconds patience);

  std::array<std::size_t, kFaults> faults();  // how often each happened
  std::vector<std::string> complaints();      // what no client may send

 private:
  struct Connection {
    int fd;
    std::thread thread;
    bool over = false;
  };

  void accept_all();
  void serve(Connection& connection);
  bool serve_one(Stream& stream, Incoming& incoming, Request*& last);
  void decide(Request& request, const Incoming& incoming);
  bool reply(Stream& stream, Fault fault, Request& request);
  Fault draw();
  void obey();
  ssl_ctx_st* context_of(const Certificate& certificate);

  enum class Presence { here, refusing, black_hole };
  void be(Presence presence);

  const Protocol protocol_;
  int port_ = 0;
  int wake_[2] = {-1, -1};  // a pipe: the accepting thread looks at its orders
  // The accepting thread's own.
  int listener_ = -1;
  std::vector<int> fillers_;

  std::mutex mutex_;  // all below
  std::condition_variable changed_;
  Dice dice_;
  FaultMix mix_;
  std::deque<Fault> parade_;
  bool calm_ = false;
  std::map<std::string, ssl_ctx_st*> contexts_;  // by the certificate's file
  ssl_ctx_st* good_ = nullptr;                   // none: plain HTTP
  ssl_ctx_st* certificate_ = nullptr;            // for now
  bool refusable_ = false;
  std::size_t refusals_ = 0;
  Presence wanted_ = Presence::here;
  Presence presence_ = Presence::here;
  bool stopping_ = false;
  std::list<Connection> connections_;
  std::list<Request> requests_;
  std::int64_t newest_ = -1;  // the largest number that was kept
  std::array<std::size_t, kFaults> faults_{};
  std::vector<std::string> complaints_;
  std::size_t kept_ = 0;
  std::thread thread_;
};

}  // namespace storm
