#include "extensions/telemetry/open_transport.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>

#include "secure_backend.h"

using namespace mayfly;
using namespace mayfly::telemetry;
using namespace std::chrono_literals;
using core::Deadline;
using core::Errc;

namespace {

constexpr char kHead[] =
    "POST /v1/logs HTTP/1.1\r\nHost: backend\r\nAuthorization: canary\r\nContent-Length: 4\r\n\r\n";

Route route_to(int port, const std::string& host = "localhost") {
  signal(SIGPIPE, SIG_IGN);
  Route route;
  route.backend = {host, static_cast<std::uint16_t>(port)};
  route.tls = true;
  route.trust.ca_file = trusted_ca();
  return route;
}

std::unique_ptr<Transport> open(const Route& route) {
  auto transport = open_transport(route, 1024 * 1024, -1);
  REQUIRE_MESSAGE(transport, transport.error().message);
  return std::move(*transport);
}

// The answer's status, or what went wrong.
std::string post(Transport& transport, std::string_view head = kHead, std::string_view body = "body") {
  auto deadline = Deadline::after(20s);
  if (auto sent = transport.send(head, body, deadline); !sent) return sent.error().message;
  auto answer = transport.receive(deadline);
  return answer ? std::to_string((*answer)->status()) : answer.error().message;
}
std::string post(const Route& route) { return post(*open(route)); }

std::string tls_problem(int port, const std::string& why) {
  return "no TLS connection to localhost:" + std::to_string(port) + ": " + why;
}

}  // namespace

TEST_CASE("a request reaches a backend whose certificate is good, by name and by address") {
  for (auto protocol : {SecureBackend::Protocol::newest, SecureBackend::Protocol::tls_1_2}) {
    SecureBackend backend(good_certificate(), protocol);
    CHECK(post(route_to(backend.port())) == "200");
    CHECK(post(route_to(backend.port(), "127.0.0.1")) == "200");
    REQUIRE(backend.requests().size() == 2);
    CHECK(backend.requests()[0].text == std::string(kHead) + "body");
  }
}

TEST_CASE("nothing is said to a backend that cannot prove who it is") {
  const std::string refused = "its certificate is not accepted: ";
  struct Case {
    Certificate certificate;
    std::string host, why;
  };
  for (const auto& c :
       {Case{expired_certificate(), "localhost", refused + "certificate has expired"},
        Case{certificate_of_another_name(), "localhost", refused + "hostname mismatch"},
        Case{certificate_of_another_name(), "127.0.0.1", refused + "IP address mismatch"},
        Case{certificate_of_another_ca(), "localhost", refused + "unable to get local issuer certificate"}}) {
    CAPTURE(c.why);
    SecureBackend backend(c.certificate);
    CHECK(post(route_to(backend.port(), c.host)) ==
          "no TLS connection to " + c.host + ":" + std::to_string(backend.port()) + ": " + c.why);
    CHECK(backend.requests().empty());
  }
}

TEST_CASE("nothing is said below TLS 1.2") {
  SecureBackend backend(good_certificate(), SecureBackend::Protocol::tls_1_1);
  auto said = post(route_to(backend.port()));
  CHECK(said.starts_with(tls_problem(backend.port(), "")));
  CHECK(backend.requests().empty());
}

TEST_CASE("nothing is said to a port that does not speak TLS") {
  SecureBackend backend(good_certificate(), SecureBackend::Protocol::plain);
  CHECK(post(route_to(backend.port())) == tls_problem(backend.port(), "it does not speak TLS on this port"));
  CHECK(backend.connections() == 1);
  CHECK(backend.in_clear().find("canary") == std::string::npos);
}

TEST_CASE("only a user who says so talks to anybody") {
  SecureBackend backend(certificate_of_another_ca());
  auto route = route_to(backend.port());
  route.trust = {"/nowhere", true};
  CHECK(post(route) == "200");
}

TEST_CASE("a connection is kept, and a new one goes on with the session of the last") {
  for (auto protocol : {SecureBackend::Protocol::newest, SecureBackend::Protocol::tls_1_2}) {
    for (bool goodbye : {true, false}) {
      SecureBackend backend(good_certificate(), protocol);
      auto transport = open(route_to(backend.port()));
      CHECK(post(*transport) == "200");
      CHECK_FALSE(transport->reused());
      backend.close_after_answer(goodbye);
      CHECK(post(*transport) == "200");
      CHECK(transport->reused());
      // Whether the end is seen before or after the request went out is the kernel's.
      while (post(*transport) != "200") CHECK(transport->reused());
      auto requests = backend.requests();
      REQUIRE(requests.size() == 3);
      CHECK_FALSE(requests[1].first);
      CHECK(requests[2].first);
      CHECK(requests[2].resumed);
    }
  }
}

TEST_CASE("a certificate that changes is judged anew") {
  SecureBackend backend(good_certificate());
  auto transport = open(route_to(backend.port()));
  CHECK(post(*transport) == "200");
  for (const auto& [certificate, goes] :
       {std::pair{other_good_certificate(), true}, {certificate_of_another_ca(), false}, {good_certificate(), true}}) {
    backend.use(certificate);
    backend.answer({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"});
    post(*transport);  // on the old connection, or none
    CHECK((post(*transport) == "200") == goes);
  }
}

TEST_CASE("a body of many records arrives whole, and an answer before its end is heard") {
  SecureBackend backend(good_certificate());
  auto transport = open(route_to(backend.port()));
  std::string body(3'000'000, 'x');
  std::string head = "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  CHECK(post(*transport, head, body) == "200");
  CHECK(backend.requests()[0].text.size() == head.size() + body.size());
}

TEST_CASE("an answer in pieces over several records is put together") {
  SecureBackend backend(good_certificate());
  std::string body(100'000, 'y');
  backend.answer({"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body});
  auto transport = open(route_to(backend.port()));
  REQUIRE(transport->send(kHead, "body", Deadline::after(20s)));
  auto answer = transport->receive(Deadline::after(20s));
  REQUIRE(answer);
  CHECK((*answer)->body() == body);
}

TEST_CASE("a handshake that does not come ends with the deadline") {
  LoopbackPort silent([](int fd) {
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) {
    }
  });
  auto sent = open(route_to(silent.port()))->send(kHead, "body", Deadline::after(50ms));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::timeout);
}

TEST_CASE("without certificates to trust nothing is sent, and it is said where they were looked for") {
  SecureBackend backend(good_certificate());
  auto route = route_to(backend.port());
  route.trust.ca_file = "/nowhere/ca.pem";
  CHECK(post(route) == "no CA certificates: /nowhere/ca.pem: No such file or directory");
  route.trust.ca_file = good_certificate().key;
  CHECK(post(route) == "no CA certificates: " + good_certificate().key + ": no certificate in it (PEM is expected)");
  CHECK(backend.connections() == 0);
}

TEST_CASE("a proxy is asked for a tunnel by name, and sees nothing else") {
  SecureBackend backend(good_certificate());
  for (const char* user : {"", "user:hunter2"}) {
    ConnectProxy proxy(backend.port(), user);
    auto route = route_to(443, "backend.test");
    route.proxies.for_https = proxy.url();
    auto before = backend.requests().size();
    CHECK(post(route) == "200");
    REQUIRE(proxy.heads().size() == 1);
    CHECK(proxy.heads()[0].starts_with("CONNECT backend.test:443 HTTP/1.1\r\nHost: backend.test:443\r\n"));
    CHECK(proxy.heads()[0].find("canary") == std::string::npos);
    REQUIRE(backend.requests().size() == before + 1);
    CHECK(backend.requests()[before].text.find("Proxy") == std::string::npos);
  }
}

TEST_CASE("a proxy that refuses is named, its password is not") {
  SecureBackend backend(good_certificate());
  ConnectProxy proxy(backend.port(), "user:hunter2");
  auto route = route_to(443, "backend.test");
  auto url = proxy.url();
  route.proxies.for_https = url.replace(url.find("hunter2"), 7, "hunter3");
  CHECK(post(route) == "the proxy refuses a tunnel to backend.test:443 with status 407");
  ConnectProxy leads_nowhere(1);
  route.proxies.for_https = leads_nowhere.url();
  CHECK(post(route) == "the proxy refuses a tunnel to backend.test:443 with status 502");
  CHECK(backend.requests().empty());
}

TEST_CASE("plain HTTP goes through a proxy by its whole URL") {
  ConnectProxy proxy(1, "user:hunter2");
  Route route;
  route.backend = {"backend.test", 4318};
  route.proxies.for_http = proxy.url();
  auto transport = open(route);
  CHECK(post(*transport) == "200");
  CHECK(post(*transport) == "200");
  CHECK(transport->reused());
  CHECK(proxy.heads()[0] ==
        "POST http://backend.test:4318/v1/logs HTTP/1.1\r\nProxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n"
        "Host: backend\r\nAuthorization: canary\r\nContent-Length: 4\r\n\r\nbody");
}
