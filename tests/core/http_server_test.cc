// Connections, heads, who is let in, limits and the end.

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>

#include "tests/core/describing_server.h"

using namespace mayfly::test;

TEST_CASE("method, path, query, fields and body reach the handler, and the reply its client") {
  Running server;
  Peer peer = server.connect();
  peer.write("PUT /a/b%20c?x=1?&y HTTP/1.1\r\nHost: localhost\r\nX-FIELD: \t v \r\nContent-Length: 4\r\n\r\nbody");
  auto answer = peer.read_message();
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.find("Content-Type: text/plain\r\n") != answer.npos);
  CHECK(answer.find("X-Reply: yes\r\n") != answer.npos);
  CHECK(body_of(answer) == "PUT /a/b%20c x=1?&y v! body");
}

TEST_CASE("a connection carries many requests, pipelined ones too, in order") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/1") + post("two") + get("/3?q"));
  CHECK(body_of(peer.read_message()) == "GET /1   ");
  CHECK(body_of(peer.read_message()) == "POST /p   two");
  CHECK(body_of(peer.read_message()) == "GET /3 q  ");
  peer.write(get("/4"));
  CHECK(body_of(peer.read_message()) == "GET /4   ");
}

TEST_CASE("a request may arrive byte by byte") {
  Running server;
  Peer peer = server.connect();
  for (char c : post("slowly")) peer.write({&c, 1});
  CHECK(body_of(peer.read_message()) == "POST /p   slowly");
}

TEST_CASE("a head that could be understood in two ways is refused and the connection closed") {
  Running server;
  auto with = [&](std::string_view fields) {
    return send(server,
                "POST /p HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  };
  for (std::string fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5",
                             "Content-Length: 5\r\nContent-Length: 6",
                             "Content-Length: +5",
                             "Content-Length: -5",
                             "Content-Length: 0x5",
                             "Content-Length: 5, 6",
                             "Content-Length: five",
                             "Content-Length:",
                             "Content-Length: 99999999999999999999",
                             "Content-Length : 5",
                             "Transfer-Encoding: gzip",
                             "Transfer-Encoding: gzip, chunked",
                             "Transfer-Encoding: chunked, gzip",
                             "Transfer-Encoding: xchunked",
                             "Transfer-Encoding:",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                             "A: 1\r\n folded",
                             "A: 1\r\n\tfolded",
                             "A: bare\rCR",
                             "A: bare\nLF",
                             "A\x01: 1",
                             "A: \x01",
                             "no colon",
                             ": no name",
                             "na me: 1",
                             "Host: other"}) {
    CAPTURE(fields);
    CHECK(with(fields) == Outcome{400, true});
  }
  CHECK(with("A: n\0l"sv) == Outcome{400, true});
  CHECK(with("Transfer-Encoding:\tChunked ") == Outcome{200, false});
  for (std::string line :
       {"", "GET", "GET /", "GET / HTTP/2.0", "GET / HTTP/1.1 x", "GET  / HTTP/1.1", "GET /a b HTTP/1.1",
        "G(T / HTTP/1.1", "PRI * HTTP/2.0", " GET / HTTP/1.1", "GET / http/1.1", "GET /\tx HTTP/1.1"}) {
    CAPTURE(line);
    CHECK(send(server, line + "\r\nHost: localhost\r\n\r\n"s) == Outcome{400, true});
  }
}

TEST_CASE("64 fields are read and 65 refused") {
  Running server;
  std::string fields;
  for (int i = 0; i < 63; ++i) fields += "A: 1\r\n";
  CHECK(send(server, get("/", fields)) == Outcome{200, false});
  CHECK(send(server, get("/", fields + "A: 1\r\n")) == Outcome{400, true});
}

TEST_CASE("a head of 16 KiB is read and one byte more refused, in one piece or two") {
  Running server;
  auto head = [](std::size_t bytes) {
    return get("/", "A: " + std::string(bytes - get("/", "A: \r\n").size(), 'x') + "\r\n");
  };
  REQUIRE(head(100).size() == 100);
  CHECK(send(server, head(16 * 1024)) == Outcome{200, false});
  CHECK(send(server, head(16 * 1024 + 1)) == Outcome{431, true});
  CHECK(send(server, head(200'000)) == Outcome{431, true});
}

TEST_CASE("a field that nobody reads may be as long as the head, others may not") {
  Running server({.max_head_bytes = 300'000, .dispensable_field = "Cause"});
  auto long_field = [](std::string name) { return name + ": " + std::string(100'000, 'x') + "\r\n"; };
  CHECK(send(server, get("/", long_field("cause") + "A: 1\r\n" + long_field("Cause"))) == Outcome{200, false});
  CHECK(send(server, get("/", long_field("Effect"))) == Outcome{400, true});
  CHECK(send(server, long_field("Cause") + get("/")) == Outcome{400, true});
  CHECK(send(server, get("/", long_field("Cause") + long_field("Cause") + long_field("Cause"))) == Outcome{431, true});
  // What stands around it is still there, and so is what follows.
  auto request = "POST /echo HTTP/1.1\r\nHost: localhost\r\n" + long_field("Cause") + "Content-Length: 2\r\n\r\nhi";
  CHECK(send(server, request + request) == Outcome{200, false});
}

TEST_CASE("web pages and other hosts' names are refused") {
  Running server({.host_names = {"sandbox.localdomain"}});
  auto with_host = [&](std::string_view host) {
    return send(server, "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").status;
  };
  for (std::string host : {"localhost", "localhost:9000", "127.0.0.1", "127.0.0.1:9000", "127.9.9.9", "[::1]:80",
                           "sandbox.localdomain", "SANDBOX.localdomain:80"}) {
    CAPTURE(host);
    CHECK(with_host(host) == 200);
  }
  for (std::string host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1:80",
                           "[::2]:80", "[::1", "", "evil.example:127", "0.0.0.0"}) {
    CAPTURE(host);
    CHECK(with_host(host) == 403);
  }
  CHECK(send(server, "GET / HTTP/1.1\r\n\r\n").status == 403);
  CHECK(send(server, get("/", "Origin: http://localhost\r\n")).status == 403);
  CHECK(send(server, get("/", "Origin:\r\n")).status == 403);
}

TEST_CASE("any host can be allowed, and the check switched off") {
  Running any({.host_names = {"*"}});
  CHECK(send(any, "GET / HTTP/1.1\r\nHost: anything\r\n\r\n").status == 200);
  CHECK(send(any, "GET / HTTP/1.1\r\nHost: anything\r\nOrigin: x\r\n\r\n").status == 403);
  Running off({.refuse_browsers = false});
  CHECK(send(off, "GET / HTTP/1.1\r\nHost: anything\r\nOrigin: x\r\n\r\n").status == 200);
}

TEST_CASE("some paths can be open to web pages, for any host") {
  Running some({.open_to_browsers = [](std::string_view path) { return path != "/closed"; }});
  CHECK(send(some, "GET /open?/closed HTTP/1.1\r\nHost: anything\r\nOrigin: x\r\n\r\n").status == 200);
  CHECK(send(some, get("/closed", "Origin: x\r\n")).status == 403);
  CHECK(send(some, "GET /closed HTTP/1.1\r\nHost: anything\r\n\r\n").status == 403);
}

TEST_CASE("a handler sees all fields in their order, and where the peer is") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/fields", "B: 1\r\na: 2\r\nA: 3\r\n"));
  CHECK(body_of(peer.read_message()) == "Host=localhost B=1 a=2 A=3 127.0.0.1");
}

TEST_CASE("a head that is not complete in time is not waited for, an idle connection is") {
  Running server({.head_timeout = 50ms});
  Peer idle = server.connect();
  Peer slow = server.connect();
  slow.write("GET / HTTP/1.1\r\nHos");
  CHECK(slow.closed_by_peer());
  idle.write(get("/idle"));
  CHECK(body_of(idle.read_message()) == "GET /idle   ");
}

TEST_CASE("a peer that never reads its reply is not waited for, one that reads slowly is") {
  Running server({.write_timeout = 100ms});
  Peer stalled = server.connect();
  Peer slow = server.connect();
  stalled.write(get("/late-and-long"));
  slow.write(get("/late-and-long"));
  std::size_t read = 0;
  std::array<char, 256 * 1024> part;
  for (ssize_t n = 1; n > 0; read += static_cast<std::size_t>(std::max<ssize_t>(n, 0))) {
    usleep(10'000);  // never silent for long, and half a second in all
    n = read < kLongReply ? ::read(slow.fd(), part.data(), part.size()) : 0;
  }
  CHECK(read >= kLongReply);
  std::size_t got = 0;
  for (ssize_t n = 1; n > 0; got += static_cast<std::size_t>(std::max<ssize_t>(n, 0))) {
    n = ::read(stalled.fd(), part.data(), part.size());
  }
  CHECK(got < kLongReply);
}

TEST_CASE("when there are too many connections, the longest idle one makes room") {
  Running server({.max_connections = 3});
  Peer first = server.connect(), second = server.connect();
  for (Peer* peer : {&first, &second}) {
    peer->write(get("/a"));
    CHECK(body_of(peer->read_message()) == "GET /a   ");
  }
  Peer third = server.connect();
  third.write(get("/b"));
  CHECK(body_of(third.read_message()) == "GET /b   ");
  CHECK(first.closed_by_peer());
  second.write(get("/c"));
  CHECK(body_of(second.read_message()) == "GET /c   ");
}

TEST_CASE("connections over the limit wait until a busy one is done") {
  Running server({.max_connections = 2});
  Peer first = server.connect();
  Peer second = server.connect();
  for (Peer* peer : {&first, &second}) {
    peer->write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    CHECK(peer->read_head() == "HTTP/1.1 100 Continue\r\n\r\n");
  }
  Peer third = server.connect();
  third.write(get("/3"));
  second.write("body");
  CHECK(body_of(second.read_message()) == "POST /p   body");
  CHECK(body_of(third.read_message()) == "GET /3   ");
  CHECK(second.closed_by_peer());
  first.write("more");
  CHECK(body_of(first.read_message()) == "POST /p   more");
}

TEST_CASE("running out of descriptors delays connections and loses none") {
  Running server;
  int client = socket(AF_INET, SOCK_STREAM, 0);
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(client) + 1;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int connected = connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address);
  Peer peer(client);
  peer.write(get("/late"));
  pollfd p{client, POLLIN, 0};
  int answered = poll(&p, 1, 20);  // the accepting side fails meanwhile, at least once
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(connected == 0);
  CHECK(answered == 0);
  CHECK(body_of(peer.read_message()) == "GET /late   ");
}

TEST_CASE("stop closes idle, half-read and waiting connections, and the port") {
  Running server;
  Peer idle = server.connect();
  idle.write(get("/"));
  idle.read_message();
  Peer half = server.connect();
  half.write("GET / HT");
  Peer body = server.connect();
  body.write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nb");
  server.stop();
  CHECK(idle.closed_by_peer());
  CHECK(half.closed_by_peer());
  CHECK(body.closed_by_peer());
  CHECK(server.connect().fd() == -1);
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection after the reply") {
  Running server;
  CHECK(send(server, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n") == Outcome{200, true});
  CHECK(send(server, get("/", "Connection: close\r\n")) == Outcome{200, true});
}

TEST_CASE("a HEAD request gets the head alone, and 204 no length") {
  Running server;
  Peer peer = server.connect();
  peer.write("HEAD /h HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/empty") + get("/after"));
  CHECK(peer.read_head().find("Content-Length: 10\r\n") != std::string::npos);
  auto empty = peer.read_head();
  CHECK(empty.starts_with("HTTP/1.1 204 "));
  CHECK(empty.find("Content-Length") == empty.npos);
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}

TEST_CASE("a reply's values cannot add fields") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/injects"));
  auto answer = peer.read_message();
  CHECK(answer.find("\r\nX-Evil") == answer.npos);
  CHECK(body_of(answer) == "body");
}

TEST_CASE("a handler without a reply makes a 500, and one that throws costs its own connection") {
  Running server;
  CHECK(send(server, get("/silent")).status == 500);
  Peer thrown = server.connect();
  thrown.write(get("/throws"));
  CHECK(thrown.closed_by_peer());
  CHECK(send(server, get("/")).status == 200);
}

TEST_CASE("a client that goes away inside its body or before its reply harms nobody") {
  std::signal(SIGPIPE, SIG_DFL);
  Running server;
  for (int i = 0; i < 20; ++i) {
    Peer half = server.connect();
    half.write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400\r\n\r\nb");
    Peer gone = server.connect();
    gone.write(get("/"));
    i % 2 ? gone.reset() : gone.close();
  }
  CHECK(send(server, get("/")).status == 200);
}

TEST_CASE("a port in use and an address that is no number are named") {
  Running server;
  asio::io_context io;
  HttpServer other(io, {}, describe);
  auto used = other.listen("127.0.0.1", server.port());
  REQUIRE_FALSE(used);
  CHECK(used.error().message ==
        "127.0.0.1:" + std::to_string(server.port()) + ": cannot listen there: Address already in use");
  auto free = other.listen("127.0.0.1", 0);
  REQUIRE(free);
  CHECK(free->port != server.port());
  HttpServer named(io, {}, describe);
  CHECK(named.listen("localhost", 0).error().message.starts_with("localhost:0: not a numeric address"));
}
