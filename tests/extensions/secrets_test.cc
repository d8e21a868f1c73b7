#include "extensions/telemetry/secrets.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "secure_backend.h"

using namespace mayfly;
using namespace mayfly::telemetry;
using namespace std::chrono_literals;
using core::Deadline;
using core::Errc;

namespace {

std::string json_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// Answers by what the request holds: the first of `answers` whose name is in it.
class FakeAws {
 public:
  explicit FakeAws(std::vector<std::pair<std::string, std::string>> answers)
      : answers_(std::move(answers)), port_([this](int fd) { serve(fd); }) {
    settings_.region = "eu-west-1";
    settings_.function_name = "orders";
    settings_.access_key_id = "AKIDEXAMPLE";
    settings_.secret_access_key = Secret("canary-key");
    settings_.session_token = Secret("canary-token");
    settings_.secrets_manager_url = settings_.ssm_url = settings_.kms_url =
        "http://127.0.0.1:" + std::to_string(port_.port());
  }
  AwsSettings& settings() { return settings_; }
  int port() const { return port_.port(); }
  void answer(const std::string& name, const std::string& with) {
    std::lock_guard lock(mutex_);
    answers_.insert(answers_.begin(), {name, with});
  }
  std::vector<std::string> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve(int fd) {
    std::string buffer;
    for (std::string request; !(request = take_request(buffer, fd)).empty();) {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
      std::string answer = json_answer(400, R"({"__type":"com.amazonaws#ResourceNotFoundException","message":"no"})");
      for (const auto& [name, with] : answers_) {
        if (request.find(name) == std::string::npos) continue;
        answer = with;
        break;
      }
      write_all(fd, answer);
    }
  }

  AwsSettings settings_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> answers_;
  std::vector<std::string> requests_;
  LoopbackPort port_;
};

SecretText parsed(const std::string& text) {
  auto result = parse_secret_text(text);
  REQUIRE(result);
  return std::move(*result);
}

std::string resolved(Secrets& secrets, const std::string& text) {
  auto secret = secrets.resolve(parsed(text), Deadline::after(20s));
  return secret ? std::string(secret->reveal()) : "error: " + secret.error().message;
}

const std::string kArn = "arn:aws:secretsmanager:us-east-2:1:secret:orders-AbCdEf";
const auto kObject =
    json_answer(200, R"({"Name":"orders","SecretString":"{\"user\":\"ann\",\"port\":5432,\"q\":\"a\\\"b\"}"})");

}  // namespace

TEST_CASE("each source gives its secret, and one secret is fetched once") {
  FakeAws aws({{"secretsmanager.GetSecretValue", kObject},
               {"AmazonSSM.GetParameter", json_answer(200, R"({"Parameter":{"Name":"/a","Value":"parameter"}})")},
               {"TrentService.Decrypt", json_answer(200, R"({"KeyId":"k","Plaintext":"cGxhaW4="})")}});
  Secrets secrets(aws.settings(), {}, true);
  CHECK(resolved(secrets, "${secretsmanager:" + kArn + "#user}:${secretsmanager:" + kArn + "#port}") == "ann:5432");
  CHECK(resolved(secrets, "${secretsmanager:" + kArn + "#q}") == "a\"b");
  CHECK(aws.requests().size() == 1);
  CHECK(aws.requests()[0].find("/us-east-2/secretsmanager/") != std::string::npos);
  CHECK(aws.requests()[0].ends_with("\r\n\r\n{\"SecretId\":\"" + kArn + "\"}"));
  CHECK(aws.requests()[0].find("canary-key") == std::string::npos);
  CHECK(resolved(secrets, "Bearer ${ssm:/a}") == "Bearer parameter");
  CHECK(aws.requests()[1].ends_with(R"({"Name":"/a","WithDecryption":true})"));
  CHECK(resolved(secrets, "${kms:QUJD}!") == "plain!");
  CHECK(aws.requests()[2].ends_with(R"({"CiphertextBlob":"QUJD"})"));
  CHECK(resolved(secrets, "no reference") == "no reference");
}

TEST_CASE("binary secrets are bytes") {
  FakeAws aws({{"Get", json_answer(200, R"({"SecretBinary":"Ynl0ZXM="})")}});
  Secrets secrets(aws.settings(), {}, true);
  CHECK(resolved(secrets, "${secretsmanager:b}") == "bytes");
}

TEST_CASE("what Lambda's console encrypted for the function is decrypted as such") {
  FakeAws aws({{R"("LambdaFunctionName":"orders")", json_answer(200, R"({"Plaintext":"cGxhaW4="})")},
               {"Decrypt", json_answer(400, R"({"__type":"InvalidCiphertextException"})")}});
  Secrets secrets(aws.settings(), {}, true);
  CHECK(resolved(secrets, "${kms:QUJD}") == "plain");
}

TEST_CASE("a file is a secret without its last line break, read anew when it is refused") {
  char folder[] = "/tmp/mayfly-test-secret-XXXXXX";
  REQUIRE(mkdtemp(folder));
  auto path = std::string(folder) + "/key";
  auto write = [&](const std::string& text) { std::ofstream(path, std::ios::binary) << text; };
  AwsSettings none;
  Secrets secrets(none, {}, true);
  CHECK(resolved(secrets, "${file:" + path + "}") == "error: ${file:" + path + "}: No such file or directory");
  write("");
  CHECK(resolved(secrets, "${file:" + path + "}") == "error: ${file:" + path + "}: it is empty");
  write(std::string(65'537, 'x'));
  CHECK(resolved(secrets, "${file:" + path + "}") == "error: ${file:" + path + "}: over 65536 bytes");
  write("one\r\n");
  CHECK(resolved(secrets, "${file:" + path + "}") == "one");
  write("two");
  CHECK(resolved(secrets, "${file:" + path + "}") == "one");
  secrets.renew(parsed("${file:" + path + "}"), Deadline::after(20s));
  CHECK(resolved(secrets, "${file:" + path + "}") == "two");
  std::filesystem::remove_all(folder);
}

TEST_CASE("a refused secret is fetched anew, once a minute, and kept when that fails") {
  FakeAws aws({{"Get", json_answer(200, R"({"SecretString":"old"})")}});
  Secrets secrets(aws.settings(), {}, true);
  CHECK(resolved(secrets, "${secretsmanager:a}") == "old");
  aws.answer("Get", json_answer(200, R"({"SecretString":"new"})"));
  secrets.renew(parsed("${secretsmanager:a}"), Deadline::after(20s));
  CHECK(resolved(secrets, "${secretsmanager:a}") == "new");
  CHECK(aws.requests().size() == 2);
  secrets.renew(parsed("${secretsmanager:a}"), Deadline::after(20s));
  CHECK(aws.requests().size() == 2);

  CHECK(resolved(secrets, "${secretsmanager:b}") == "new");
  aws.answer("Get", json_answer(500, "{}"));
  secrets.renew(parsed("${secretsmanager:b}"), Deadline::after(20s));
  CHECK(aws.requests().size() == 4);
  CHECK(resolved(secrets, "${secretsmanager:b}") == "new");
}

TEST_CASE("a refusal is told by its name, and in words only where they hold nothing that was signed") {
  struct Case {
    std::string answer, said;
  };
  for (const auto& c :
       {Case{json_answer(400, R"({"__type":"ResourceNotFoundException","Message":"canary"})"),
             "status 400 ResourceNotFoundException"},
        Case{json_answer(400, R"({"__type":"x#InvalidSignatureException","message":"canary-token"})"),
             "status 400 InvalidSignatureException"},
        Case{json_answer(400, R"({"__type":"AccessDeniedException","Message":"User: x is not authorized"})"),
             "status 400 AccessDeniedException: User: x is not authorized"},
        Case{json_answer(503, "<html>canary"), "status 503"},
        Case{json_answer(200, "{}"), "the answer has no SecretString"},
        Case{json_answer(200, "[]"), "the answer has no SecretString"},
        Case{json_answer(200, R"({"SecretString":5})"), "the answer has no SecretString"}}) {
    FakeAws aws({{"Get", c.answer}});
    Secrets secrets(aws.settings(), {}, true);
    CHECK(resolved(secrets, "${secretsmanager:a}") == "error: ${secretsmanager:a}: " + c.said);
  }
  FakeAws aws({{"Get", kObject}});
  Secrets secrets(aws.settings(), {}, true);
  CHECK(resolved(secrets, "${secretsmanager:a#none}") ==
        "error: ${secretsmanager:a#none}: it has no member of that name");
  FakeAws text({{"Get", json_answer(200, R"({"SecretString":"canary"})")}});
  Secrets plain(text.settings(), {}, true);
  CHECK(resolved(plain, "${secretsmanager:a#k}") == "error: ${secretsmanager:a#k}: it is not a JSON object");
}

TEST_CASE("without credentials or a region it is said what is missing") {
  AwsSettings none;
  Secrets secrets(none, {}, true);
  CHECK(resolved(secrets, "${ssm:a}") == "error: ${ssm:a}: AWS_REGION is not set");
  none.region = "eu-west-1";
  CHECK(resolved(secrets, "${ssm:a}") == "error: ${ssm:a}: there are no AWS credentials: AWS_ACCESS_KEY_ID is not set");
}

TEST_CASE("behind a snapshot the credentials come from the container's endpoint") {
  FakeAws aws({{"GET /creds", json_answer(200, R"({"AccessKeyId":"ASIA1","SecretAccessKey":"k","Token":"t"})")},
               {"Get", json_answer(200, R"({"SecretString":"s"})")}});
  aws.settings().access_key_id.clear();
  aws.settings().container_credentials = "http://127.0.0.1:" + std::to_string(aws.port()) + "/creds";
  aws.settings().container_token = Secret("container-token");
  Secrets secrets(aws.settings(), {}, true);
  CHECK(resolved(secrets, "${secretsmanager:a}") == "s");
  CHECK(aws.requests()[0].find("Authorization: container-token\r\n") != std::string::npos);
  CHECK(aws.requests()[1].find("Credential=ASIA1/") != std::string::npos);
  CHECK(aws.requests()[1].find("X-Amz-Security-Token: t\r\n") != std::string::npos);
}

TEST_CASE("a service that does not answer costs no more than the deadline, for whoever waits, too") {
  LoopbackPort silent([](int fd) {
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) {
    }
  });
  AwsSettings settings;
  settings.region = "eu-west-1";
  settings.access_key_id = "a";
  settings.ssm_url = "http://127.0.0.1:" + std::to_string(silent.port());
  Secrets secrets(settings, {}, true);
  auto try_it = [&] { return secrets.resolve(parsed("${ssm:a}"), Deadline::after(50ms)); };
  core::Errc other{};
  std::thread beside([&] { other = try_it().error().code; });
  CHECK(try_it().error().code == Errc::timeout);
  beside.join();
  CHECK(other == Errc::timeout);
}

TEST_CASE("who holds a secret gives no dump, unless told to") {
  FakeAws aws({{"Get", json_answer(200, R"({"SecretString":"s"})")}});
  prctl(PR_SET_DUMPABLE, 1);
  Secrets open(aws.settings(), {}, true);
  resolved(open, "${secretsmanager:a}");
  CHECK(prctl(PR_GET_DUMPABLE) == 1);
  Secrets closed(aws.settings(), {}, false);
  CHECK(prctl(PR_GET_DUMPABLE) == 1);
  resolved(closed, "${secretsmanager:a}");
  CHECK(prctl(PR_GET_DUMPABLE) == 0);
  rlimit core{};
  getrlimit(RLIMIT_CORE, &core);
  CHECK(core.rlim_cur == 0);
  prctl(PR_SET_DUMPABLE, 1);
}
