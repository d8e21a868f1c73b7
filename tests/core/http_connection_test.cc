#include "core/http_connection.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <future>
#include <string>

#include "tests/core/loopback.h"

using namespace std::chrono_literals;
using mayfly::core::Deadline;
using mayfly::core::Errc;
using mayfly::core::HttpConnection;
using mayfly::core::Origin;
using mayfly::test::Loopback;
using mayfly::test::Peer;

namespace {

constexpr std::string_view kGet = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post_head(std::size_t bytes) {
  return "POST /response HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

HttpConnection connection_to(const Loopback& server, HttpConnection::Options options = {}) {
  return HttpConnection(Origin{"127.0.0.1", server.port()}, options);
}

// A guard against hanging; no test waits for it.
Deadline guard() { return Deadline::after(20s); }

// Both ways of waiting: with poll(2), and blocked inside recv(2).
std::array<Deadline, 2> ways() { return {guard(), Deadline::never()}; }

std::string body_of(const mayfly::core::Outcome<const mayfly::core::HttpAnswer*>& answer) {
  if (!answer) return "failed: " + answer.error().message;
  return std::string((*answer)->body());
}

}  // namespace

TEST_CASE("requests share a connection while both sides keep it") {
  for (auto deadline : ways()) {
    Loopback server([](Peer& peer, int) {
      for (int i = 0; i < 3; ++i) {
        auto request = peer.read_message();
        peer.write(ok(request));
      }
    });
    auto connection = connection_to(server);
    CHECK(body_of(connection.exchange(kGet, "", deadline)) == kGet);
    CHECK_FALSE(connection.reused());
    CHECK(body_of(connection.exchange(post_head(4), "body", deadline)) == post_head(4) + "body");
    CHECK(connection.reused());
    CHECK(body_of(connection.exchange(kGet, "", deadline)) == kGet);
    CHECK(server.accepted() == 1);
  }
}

TEST_CASE(
    "an answer with Connection: close, or without a length, ends the connection and the next request opens another") {
  for (auto deadline : ways()) {
    Loopback server([](Peer& peer, int number) {
      peer.read_message();
      peer.write(number == 0 ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"
                             : "HTTP/1.1 200 OK\r\n\r\nb");
    });
    auto connection = connection_to(server);
    CHECK(body_of(connection.exchange(kGet, "", deadline)) == "a");
    CHECK(connection.fd() == -1);
    CHECK(body_of(connection.exchange(kGet, "", deadline)) == "b");
    CHECK_FALSE(connection.reused());
    CHECK(connection.fd() == -1);
    CHECK(server.accepted() == 2);
  }
}

TEST_CASE("a peer that closes before an answer leaves the request unanswered") {
  for (auto deadline : ways()) {
    Loopback server([](Peer& peer, int) { peer.read_message(); });
    auto connection = connection_to(server);
    auto answer = connection.exchange(kGet, "", deadline);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::unanswered);
    CHECK_FALSE(connection.reused());
    CHECK(connection.fd() == -1);
  }
}

TEST_CASE("a peer that resets before an answer leaves the request unanswered and raises no signal") {
  std::signal(SIGPIPE, SIG_DFL);
  for (auto deadline : ways()) {
    Loopback server([](Peer& peer, int) {
      peer.read_head();
      peer.reset();
    });
    auto connection = connection_to(server);
    auto answer = connection.exchange(post_head(20'000'000), std::string(20'000'000, 'x'), deadline);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::unanswered);
    CHECK(connection.fd() == -1);
  }
}

TEST_CASE("a peer that closes inside an answer cuts it") {
  for (auto deadline : ways()) {
    for (std::string part : {"H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"}) {
      CAPTURE(part);
      Loopback server([&](Peer& peer, int) {
        peer.read_message();
        peer.write(part);
      });
      auto connection = connection_to(server);
      auto answer = connection.exchange(kGet, "", deadline);
      REQUIRE_FALSE(answer);
      CHECK(answer.error().code == Errc::cut);
      CHECK(connection.fd() == -1);
    }
  }
}

TEST_CASE("a kept connection that the peer ends meanwhile shows as reused and unanswered") {
  std::promise<void> gone;
  Loopback server([&](Peer& peer, int number) {
    peer.read_message();
    peer.write(ok("first"));
    if (number > 0) return;
    peer.reset();
    gone.set_value();
  });
  auto connection = connection_to(server);
  REQUIRE(connection.exchange(kGet, "", Deadline::never()));
  gone.get_future().wait();
  auto answer = connection.exchange(kGet, "", Deadline::never());
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::unanswered);
  CHECK(connection.reused());
  CHECK(body_of(connection.exchange(kGet, "", Deadline::never())) == "first");
}

TEST_CASE("with a deadline, a kept connection that has ended or spoken unasked is replaced before it is used") {
  for (std::string farewell : {"", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}) {
    CAPTURE(farewell);
    Loopback server([&](Peer& peer, int number) {
      auto request = peer.read_message();
      peer.write(ok(std::to_string(number)));
      peer.write(farewell);
    });
    auto connection = connection_to(server);
    REQUIRE(body_of(connection.exchange(kGet, "", guard())) == "0");
    if (connection.fd() >= 0) {  // the farewell may have come with the answer
      pollfd p{connection.fd(), POLLIN, 0};
      REQUIRE(poll(&p, 1, mayfly::test::kGuardMs) == 1);
    }
    CHECK(body_of(connection.exchange(kGet, "", guard())) == "1");
    CHECK_FALSE(connection.reused());
  }
}

TEST_CASE("413 before the end of a long body is received, and the connection not used again") {
  std::string body(20'000'000, 'x');
  for (auto deadline : ways()) {
    for (bool keeps_open : {true, false}) {
      CAPTURE(keeps_open);
      std::promise<void> answered;
      auto until_answered = answered.get_future();
      Loopback server([&](Peer& peer, int number) {
        peer.read_head();
        if (number > 0) return peer.write(ok("again"));
        peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlong");
        if (!keeps_open) return;  // closing with unread bytes sends a reset behind the answer
        until_answered.wait_for(20s);
      });
      auto connection = connection_to(server);
      auto answer = connection.exchange(post_head(body.size()), body, deadline);
      if (keeps_open) {
        REQUIRE(body_of(answer) == "long");
        CHECK((*answer)->status() == 413);
      } else if (!answer) {
        // A reset can overtake an answer on its way; never a wrong answer.
        CHECK((answer.error().code == Errc::unanswered || answer.error().code == Errc::cut));
      }
      answered.set_value();
      CHECK(connection.fd() == -1);
      CHECK(body_of(connection.exchange(kGet, "", deadline)) == "again");
      CHECK_FALSE(connection.reused());
    }
  }
}

TEST_CASE("an interim answer while a long body is being sent does not end the sending") {
  std::string body(8'000'000, 'x');
  for (auto deadline : ways()) {
    Loopback server([&](Peer& peer, int) {
      auto head = peer.read_head();
      peer.write("HTTP/1.1 100 Continue\r\n\r\n");
      peer.write(ok(std::to_string(peer.read_bytes(body.size()).size())));
      peer.closed_by_peer();
    });
    auto connection = connection_to(server);
    CHECK(body_of(connection.exchange(post_head(body.size()), body, deadline)) == "8000000");
    CHECK(connection.fd() >= 0);
  }
}

TEST_CASE("waiting for an answer ends at the deadline and closes the connection") {
  Loopback server([](Peer& peer, int) { peer.closed_by_peer(); });
  auto connection = connection_to(server);
  auto answer = connection.exchange(kGet, "", Deadline::after(30ms));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::timeout);
  CHECK(connection.fd() == -1);
}

TEST_CASE("sending to a peer that does not read ends at the deadline") {
  std::promise<void> over;
  auto until_over = over.get_future();
  Loopback server([&](Peer&, int) { until_over.wait_for(20s); });
  auto connection = connection_to(server);
  auto sent = connection.send(post_head(20'000'000), std::string(20'000'000, 'x'), Deadline::after(50ms));
  over.set_value();
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::timeout);
  CHECK(connection.fd() == -1);
}

TEST_CASE("the wake-up descriptor interrupts a wait, and the answer can still be received") {
  int wake = eventfd(0, EFD_CLOEXEC);
  std::promise<void> interrupted;
  auto until_interrupted = interrupted.get_future();
  Loopback server([&](Peer& peer, int) {
    peer.read_message();
    eventfd_write(wake, 1);
    until_interrupted.wait_for(20s);
    peer.write(ok("late"));
    peer.closed_by_peer();
  });
  auto connection = connection_to(server, {.wake_fd = wake});
  auto answer = connection.exchange(kGet, "", Deadline::never());
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::interrupted);
  CHECK(connection.fd() >= 0);
  eventfd_t count;
  eventfd_read(wake, &count);
  interrupted.set_value();
  CHECK(body_of(connection.receive(Deadline::never())) == "late");
  ::close(wake);
}

TEST_CASE("an answer can be kept while the next one is received") {
  Loopback server([](Peer& peer, int) {
    for (int i = 0; i < 2; ++i) peer.write(ok(peer.read_message()));
  });
  auto connection = connection_to(server);
  mayfly::core::HttpAnswer event(1'000'000);
  connection.receive_into(event);
  auto first = connection.exchange(post_head(5), "event", guard());
  REQUIRE(first);
  CHECK(*first == &event);
  mayfly::core::HttpAnswer other(1'000'000);
  connection.receive_into(other);
  CHECK(body_of(connection.exchange(kGet, "", guard())) == kGet);
  CHECK(event.body() == post_head(5) + "event");
}

TEST_CASE("another descriptor can take over waking") {
  int wake = eventfd(1, EFD_CLOEXEC);
  Loopback server([](Peer& peer, int) {
    peer.read_message();
    peer.write(ok("undisturbed"));
    peer.closed_by_peer();
  });
  auto connection = connection_to(server, {.wake_fd = wake});
  connection.wake_on(-1);
  CHECK(body_of(connection.exchange(kGet, "", Deadline::never())) == "undisturbed");
  connection.wake_on(wake);
  auto interrupted = connection.exchange(kGet, "", Deadline::never());
  REQUIRE_FALSE(interrupted);
  CHECK(interrupted.error().code == Errc::interrupted);
  ::close(wake);
}

TEST_CASE("a request sent before the last answer was received goes out on a new connection") {
  Loopback server([](Peer& peer, int number) {
    auto request = peer.read_message();
    if (number > 0) peer.write(ok("second"));
  });
  auto connection = connection_to(server);
  REQUIRE(connection.send(kGet, "", guard()));
  CHECK(body_of(connection.exchange(kGet, "", guard())) == "second");
  CHECK_FALSE(connection.reused());
}

TEST_CASE("an event loop receives an answer piece by piece") {
  std::promise<void> first_seen;
  auto until_first_seen = first_seen.get_future();
  Loopback server([&](Peer& peer, int) {
    peer.read_message();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    until_first_seen.wait_for(20s);
    peer.write("llo");
    peer.closed_by_peer();
  });
  auto connection = connection_to(server);
  REQUIRE(connection.send(kGet, "", guard()));
  auto readable = [&] {
    pollfd p{connection.fd(), POLLIN, 0};
    return poll(&p, 1, mayfly::test::kGuardMs) == 1;
  };
  REQUIRE(readable());
  auto part = connection.receive_available();
  REQUIRE(part);
  CHECK(*part == nullptr);
  first_seen.set_value();
  REQUIRE(readable());
  auto whole = connection.receive_available();
  REQUIRE(whole);
  REQUIRE(*whole != nullptr);
  CHECK((*whole)->body() == "hello");
}

TEST_CASE("receiving without a request is an error and no wait") {
  HttpConnection connection({"127.0.0.1", 9}, {});
  CHECK(connection.receive(Deadline::never()).error().code == Errc::unanswered);
  CHECK(connection.receive_available().error().code == Errc::unanswered);
}

TEST_CASE("nonsense closes the connection") {
  Loopback server([](Peer& peer, int) {
    peer.read_message();
    peer.write("SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n");
    peer.closed_by_peer();
  });
  auto connection = connection_to(server);
  CHECK(connection.exchange(kGet, "", guard()).error().code == Errc::protocol);
  CHECK(connection.fd() == -1);
}

TEST_CASE("a body over the limit is a failure naming both sizes") {
  Loopback server([](Peer& peer, int) {
    peer.read_message();
    peer.write(ok("12345"));
  });
  auto connection = connection_to(server, {.max_body_bytes = 4});
  auto answer = connection.exchange(kGet, "", guard());
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message == "HTTP answer: a body of 5 bytes is over the limit of 4");
}

TEST_CASE("a refused port is unreachable, and the message names it") {
  std::uint16_t port;
  {
    Loopback server([](Peer&, int) {});
    port = server.port();
  }
  HttpConnection connection({"127.0.0.1", port}, {});
  auto sent = connection.send(kGet, "", guard());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::unreachable);
  CHECK(sent.error().message.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
}

TEST_CASE("an address that drops packets costs the connect timeout, or the deadline if it is sooner") {
  // A listener whose backlog is full drops further connection requests.
  int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(full, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(full, 0) == 0);
  getsockname(full, reinterpret_cast<sockaddr*>(&address), &size);
  Peer taken = mayfly::test::connect_to(ntohs(address.sin_port));
  HttpConnection first({"127.0.0.1", ntohs(address.sin_port)}, {.connect_timeout = 50ms});
  auto unreachable = first.send(kGet, "", Deadline::never());
  REQUIRE_FALSE(unreachable);
  CHECK(unreachable.error().code == Errc::unreachable);
  HttpConnection second({"127.0.0.1", ntohs(address.sin_port)}, {.connect_timeout = 20s});
  auto timeout = second.send(kGet, "", Deadline::after(50ms));
  REQUIRE_FALSE(timeout);
  CHECK(timeout.error().code == Errc::timeout);
  ::close(full);
}

TEST_CASE("proxy settings of the environment are ignored") {
  Loopback proxy([](Peer& peer, int) {
    peer.read_message();
    peer.write(ok("proxy"));
  });
  Loopback server([](Peer& peer, int) {
    peer.read_message();
    peer.write(ok("server"));
  });
  std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  const char* names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
  for (auto name : names) setenv(name, url.c_str(), 1);
  auto connection = connection_to(server);
  CHECK(body_of(connection.exchange(kGet, "", guard())) == "server");
  for (auto name : names) unsetenv(name);
  CHECK(proxy.accepted() == 0);
}

TEST_CASE("names and IPv6 addresses are connected to") {
  Loopback server([](Peer& peer, int) {
    peer.read_message();
    peer.write(ok("v4"));
  });
  HttpConnection by_name({"localhost", server.port()}, {});
  CHECK(body_of(by_name.exchange(kGet, "", guard())) == "v4");
}

TEST_CASE("an IPv6 literal is connected to") {
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  bool machine_has_ipv6 = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  if (!machine_has_ipv6) {
    MESSAGE("no IPv6 on this machine");
    return;
  }
  Loopback server(
      [](Peer& peer, int) {
        peer.read_message();
        peer.write(ok("v6"));
      },
      AF_INET6);
  REQUIRE(server.is_listening());
  HttpConnection connection({"::1", server.port()}, {});
  CHECK(body_of(connection.exchange(kGet, "", guard())) == "v6");
}

TEST_CASE("the socket is closed in child processes and blocks") {
  Loopback server([](Peer& peer, int) { peer.closed_by_peer(); });
  auto connection = connection_to(server);
  REQUIRE(connection.send(kGet, "", guard()));
  CHECK((fcntl(connection.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(connection.fd(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("a signal does not end a wait") {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);  // without SA_RESTART
  pthread_t client = pthread_self();
  for (auto deadline : ways()) {
    Loopback server([&](Peer& peer, int) {
      peer.read_message();
      for (int i = 0; i < 50; ++i) {
        pthread_kill(client, SIGUSR1);
        std::this_thread::yield();
      }
      peer.write(ok("calm"));
    });
    auto connection = connection_to(server);
    CHECK(body_of(connection.exchange(kGet, "", deadline)) == "calm");
  }
  std::signal(SIGUSR1, SIG_DFL);
}
