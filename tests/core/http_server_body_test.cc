// Bodies: whole, in parts, in chunks, too long, too slow.

#include <array>
#include <string>

#include "tests/core/describing_server.h"

using namespace mayfly::test;

TEST_CASE("a chunked body is read whole") {
  Running server;
  Peer peer = server.connect();
  peer.write(
      "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "1\r\n\r\n" +
      get("/after"));
  CHECK(body_of(peer.read_message()) == "POST /p   abcde");
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}

TEST_CASE("a body in parts reaches the handler as it comes, and each part of the reply its client") {
  Running server;
  Peer peer = server.connect();
  peer.write(in_parts());
  auto head = peer.read_head();
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != head.npos);
  CHECK(head.find("Content-Length") == head.npos);
  peer.write("3\r\nabc\r\n");  // the request goes on only when its answer is here
  CHECK(read_chunk(peer) == "3:abc");
  peer.write("2;x=y\r\nde");
  CHECK(read_chunk(peer) == "2:de");
  peer.write("\r\n0\r\nX-Trailer: \t at the end\r\n\r\n");
  CHECK(read_chunk(peer) == "trailer at the end, field ");
  CHECK(read_chunk(peer) == "");
}

TEST_CASE("a connection lives on after a reply in parts, unless it began before the request's end") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/parts") + in_parts() + "0\r\n\r\n");
  CHECK(peer.read_head().find("Connection: close") == std::string::npos);
  CHECK(read_chunk(peer) == "trailer , field ");
  CHECK(read_chunk(peer) == "");
  CHECK(peer.read_head().find("Connection: close\r\n") != std::string::npos);
  CHECK(read_chunk(peer) == "trailer , field ");
  CHECK(read_chunk(peer) == "");
  CHECK(peer.closed_by_peer());
}

TEST_CASE("a body of known size comes in parts, too, and trailers are no fields") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /parts HTTP/1.1\r\nHost: localhost\r\nX-Trailer: f\r\nContent-Length: 5\r\n\r\nab");
  peer.read_head();
  CHECK(read_chunk(peer) == "2:ab");
  peer.write("cde" + get("/after"));
  CHECK(read_chunk(peer) == "3:cde");
  CHECK(read_chunk(peer) == "trailer , field f");
  CHECK(read_chunk(peer) == "");
}

TEST_CASE("a reply in parts to an HTTP/1.0 client ends with the connection") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /parts HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab");
  auto answer = peer.read_to_end();
  CHECK(answer.find("Transfer-Encoding") == answer.npos);
  CHECK(body_of(answer) == "2:abtrailer , field ");
}

TEST_CASE("a reply in parts to HEAD has none") {
  Running server;
  Peer peer = server.connect();
  peer.write("HEAD /parts HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/after"));
  CHECK(peer.read_head().find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}

TEST_CASE("a client that waits for a 100 gets it once, before the first part") {
  Running server;
  Peer peer = server.connect();
  peer.write(in_parts("Expect: 100-continue\r\n"));
  CHECK(peer.read_head().starts_with("HTTP/1.1 200"));
  // begun before the body was asked for
  CHECK(peer.read_head().starts_with("HTTP/1.1 100"));
}

TEST_CASE("chunks and trailers that could be understood in two ways break the body, and cut the reply") {
  Running server;
  auto breaks = [&](std::string_view body) {
    Peer peer = server.connect();
    peer.write(in_parts() + std::string(body));
    auto answer = peer.read_to_end();
    return answer.ends_with("6\r\nbroken\r\n");
  };
  for (std::string body :
       {"x\r\n", "+1\r\na\r\n", "-1\r\na\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", "1 a\r\na\r\n", "\r\n", "1\na\r\n",
        "1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "1\r\na\rb0", "11111111111111111\r\n", "1;\x01\r\na\r\n"}) {
    CAPTURE(body);
    CHECK(breaks(body));
  }
  for (std::string trailers : {" folded: 1\r\n", "A: 1\r\n folded\r\n", "no colon\r\n", ": no name\r\n", "na me: 1\r\n",
                               "A : 1\r\n", "A: bare\rCR\r\n", "A: bare\n", "A: \x01\r\n", "Content-Length: 5\r\n",
                               "transfer-encoding: chunked\r\n", "Host: other\r\n"}) {
    CAPTURE(trailers);
    CHECK(breaks("0\r\n" + trailers + "\r\n"));
  }
  CHECK(breaks("0\r\nA: n\0l\r\n\r\n"sv));
}

TEST_CASE("chunk lines and trailers without an end are not read for ever") {
  HttpServerOptions options;
  options.max_head_bytes = 2'000;  // of trailers, too
  Running server(options);
  std::string many, one = "a: " + std::string(1'900, 'x') + "\r\n";
  for (int i = 0; i < 65; ++i) many += "a: b\r\n";
  for (std::string body :
       {"0\r\n" + one + one, "0\r\n" + many, "0\r\na: " + std::string(3'000, 'x'), "1;" + std::string(5'000, 'x')}) {
    Peer peer = server.connect();
    peer.write(in_parts() + body);
    CHECK(peer.read_to_end().ends_with("broken\r\n"));
  }
  Peer peer = server.connect();
  peer.write(in_parts() + "0\r\n" + one + "\r\n");
  peer.read_head();
  CHECK(read_chunk(peer) == "trailer , field ");
}

TEST_CASE("a client that leaves in mid-body or in mid-reply costs only its connection") {
  Running server;
  for (bool reset : {false, true}) {
    Peer peer = server.connect();
    peer.write(in_parts() + "5\r\nab");
    peer.read_head();
    CHECK(read_chunk(peer) == "2:ab");
    if (reset) peer.reset();
  }
  CHECK(send(server, get("/")) == Outcome{200, false});
}

TEST_CASE("a body over the limit is thrown away and the connection lives on") {
  Running server;
  for (std::size_t n : {kBodyLimit - 1, kBodyLimit, kBodyLimit + 1, std::size_t{3'000'000}}) {
    for (bool chunked : {false, true}) {
      CAPTURE(n);
      CAPTURE(chunked);
      Peer peer = server.connect();
      std::string body(n, 'x');
      char size[20];
      std::snprintf(size, sizeof size, "%zx", n);
      peer.write(chunked ? "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"s + size +
                               "\r\n" + body + "\r\n0\r\n\r\n"
                         : post(body));
      auto answer = peer.read_message();
      if (n <= kBodyLimit) {
        CHECK(body_of(answer) == "POST /p   " + body);
      } else {
        CHECK(answer.starts_with("HTTP/1.1 413 "));
        CHECK(body_of(answer) == std::to_string(n));
      }
      peer.write(get("/after"));
      CHECK(body_of(peer.read_message()) == "GET /after   ");
    }
  }
}

TEST_CASE("a reply before the body is read reaches a client that is still sending, then the connection closes") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n");
  peer.write(std::string(5'000'000, 'x'));
  auto answer = peer.read_message();
  CHECK(answer.starts_with("HTTP/1.1 413 "));
  CHECK(answer.find("Connection: close\r\n") != answer.npos);
  CHECK(peer.closed_by_peer());
}

TEST_CASE("a chunk that is none is refused and the connection closed") {
  Running server;
  for (std::string body : {"zz\r\n{}\r\n0\r\n\r\n", "-1\r\n{}\r\n0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n",
                           "2\n{}\r\n0\r\n\r\n", "\r\n\r\n", "ffffffffffffffff1\r\n{}\r\n0\r\n\r\n"}) {
    CAPTURE(body);
    CHECK(send(server, "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body) ==
          Outcome{400, true});
  }
}

TEST_CASE("Expect: 100-continue is answered once the body is wanted") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(peer.read_head() == "HTTP/1.1 100 Continue\r\n\r\n");
  peer.write("body");
  CHECK(body_of(peer.read_message()) == "POST /p   body");
  Peer unread = server.connect();
  unread.write("POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(unread.read_message().starts_with("HTTP/1.1 413 "));
}

TEST_CASE("a body that trickles is not waited for") {
  Running server({.body_timeout = 50ms});
  for (std::string_view head : {"POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"sv,
                                "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"sv}) {
    CAPTURE(head);
    Peer slow = server.connect();
    slow.write(head);
    // Never silent for long, and never done.
    std::string_view bit = head.find("chunked") == head.npos ? "x" : "1\r\nx\r\n";
    pollfd ended{slow.fd(), POLLIN, 0};
    for (int i = 0; i < 2'000 && poll(&ended, 1, 5) == 0; ++i) slow.write(bit);
    CHECK(slow.closed_by_peer());
  }
}

TEST_CASE("the limit of a body is none of its reply") {
  Running server({.body_timeout = 50ms});
  Peer peer = server.connect();
  peer.write("POST /late-and-long HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(body_of(peer.read_message()).size() > kLongReply);
  peer.write(get("/after"));
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}
