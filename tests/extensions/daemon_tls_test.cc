// HTTPS and secrets in the program as it runs; how they are done has tests of its own.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "backend.h"
#include "certificates.h"
#include "daemon_process.h"
#include "fake_lambda.h"
#include "secure_backend.h"

namespace {

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool maps_tls(const DaemonProcess& daemon) {
  return slurp("/proc/" + std::to_string(daemon.pid()) + "/maps").find("libmayfly-tls") != std::string::npos;
}

void invoke(FakeLambda& lambda, const std::string& id) {
  int nexts = lambda.next_calls();
  lambda.invoke(id);
  lambda.deliver(batch({record("platform.start", R"({"requestId":")" + id + R"(","version":"7"})"),
                        record("function", "\"line\""), runtime_done(id)}));
  lambda.wait_next(nexts + 1);
}

const std::string kHost = "localhost:";

}  // namespace

TEST_CASE("nothing of TLS, certificates or secrets is touched before the first request") {
  SecureBackend backend(good_certificate());
  FakeLambda lambda;
  DaemonProcess daemon(lambda.address(),
                       {{"MAYFLY_TELEMETRY_DESTINATIONS", "otlp+https://" + kHost + std::to_string(backend.port())},
                        {"MAYFLY_TELEMETRY_CA_FILE", trusted_ca()},
                        {"OTEL_EXPORTER_OTLP_HEADERS", "k=${secretsmanager:x}"},
                        {"AWS_ENDPOINT_URL", "http://127.0.0.1:" + std::to_string(backend.port())}});
  lambda.wait_next(1);
  CHECK_FALSE(maps_tls(daemon));
  auto task = "/proc/" + std::to_string(daemon.pid()) + "/task";
  CHECK(std::distance(std::filesystem::directory_iterator(task), {}) == 1);
  CHECK(backend.connections() == 0);
  lambda.shut_down();
  CHECK(daemon.exit_code() == 0);
}

TEST_CASE("records go out over TLS, on one connection, and a change of certificate loses none") {
  SecureBackend backend(good_certificate());
  FakeLambda lambda;
  DaemonProcess daemon(lambda.address(),
                       {{"MAYFLY_TELEMETRY_DESTINATIONS", "otlp+https://" + kHost + std::to_string(backend.port())},
                        {"MAYFLY_TELEMETRY_FLUSH", "end"},
                        {"MAYFLY_TELEMETRY_CA_FILE", trusted_ca()}});
  lambda.wait_next(1);
  for (int i = 0; i < 3; ++i) invoke(lambda, "id-" + std::to_string(i));
  CHECK(maps_tls(daemon));
  CHECK(backend.connections() == 1);
  backend.use(certificate_of_another_ca());
  backend.close_after_answer(false);
  invoke(lambda, "id-3");
  auto before = backend.requests().size();
  invoke(lambda, "id-4");
  CHECK(backend.requests().size() == before);
  backend.use(other_good_certificate());
  lambda.shut_down();
  CHECK(daemon.exit_code() == 0);
  CHECK(backend.requests().size() > before);
  CHECK(daemon.errors().find("its certificate is not accepted: ") != std::string::npos);
  CHECK(std::ranges::count(daemon.errors(), '\n') == 1);
}

TEST_CASE("whoever looks at no certificate is warned at each start") {
  FakeLambda lambda;
  DaemonProcess daemon(lambda.address(), {{"MAYFLY_TELEMETRY_DESTINATIONS", "otlp+https://localhost:1"},
                                          {"MAYFLY_TELEMETRY_TLS_INSECURE", "on"}});
  lambda.wait_next(1);
  lambda.shut_down();
  CHECK(daemon.exit_code() == 0);
  CHECK(daemon.errors().find("MAYFLY_TELEMETRY_TLS_INSECURE: certificates are not verified") != std::string::npos);
}

TEST_CASE("a secret that is not there yet costs one line and no record") {
  char folder[] = "/tmp/mayfly-test-secret-XXXXXX";
  REQUIRE(mkdtemp(folder));
  auto path = std::string(folder) + "/key";
  Backend backend;
  FakeLambda lambda;
  DaemonProcess daemon(lambda.address(),
                       {{"MAYFLY_TELEMETRY_DESTINATIONS", backend.url() + "/${file:" + path + "}"},
                        {"MAYFLY_TELEMETRY_TYPES", "function"},
                        {"MAYFLY_TELEMETRY_FLUSH", "end"},
                        {"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20${file:" + path + "}"}});
  lambda.wait_next(1);
  invoke(lambda, "id-0");
  CHECK(backend.requests().empty());
  std::ofstream(path) << "canary\n";
  lambda.shut_down();
  CHECK(daemon.exit_code() == 0);
  auto requests = backend.requests();
  REQUIRE_FALSE(requests.empty());
  CHECK(requests[0].head.starts_with("POST /canary/v1/"));
  CHECK(requests[0].head.find("\r\nauthorization: Bearer canary\r\n") != std::string::npos);
  CAPTURE(daemon.errors());
  CHECK(std::ranges::count(daemon.errors(), '\n') == 1);
  CHECK(daemon.errors().find("${file:" + path + "}: No such file or directory") != std::string::npos);
  CHECK(daemon.errors().find("canary") == std::string::npos);
  std::filesystem::remove_all(folder);
}
