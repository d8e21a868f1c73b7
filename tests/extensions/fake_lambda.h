// Lambda as an extension sees it: the Extensions API and the Telemetry API on a
// loopback port, told by the test what to answer. Spelled from the
// documentation, without the client's own constants.
//
// Waits have no time limit of their own: ctest ends a test that hangs.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

struct Call {
  std::string method;
  std::string path;
  std::map<std::string, std::string> fields;  // the Lambda-Extension-* ones
  std::string body;
};

class FakeLambda {
 public:
  struct Script {
    unsigned register_status = 200;
    unsigned subscribe_status = 200;
    int drop_next = 0;  // so many `next` calls lose their connection
  };

  FakeLambda() : FakeLambda(Script()) {}
  explicit FakeLambda(Script script);
  ~FakeLambda();

  std::string address() const;  // for AWS_LAMBDA_RUNTIME_API

  void invoke(const std::string& request_id, int timeout_ms = 60'000, const std::string& trace = "");
  void shut_down(const std::string& reason = "spindown", int budget_ms = 60'000);
  void event(std::string json);
  // So many further `next` calls lose their connection.
  void drop_next(int n);

  // Returns once `next` was called n times altogether.
  void wait_next(int n);
  int next_calls();
  // Delivers a batch, as Lambda does; returns the listener's status.
  int deliver(const std::string& json, const std::string& more_fields = "",
              const std::string& host = "sandbox.localdomain");

  std::vector<Call> calls();
  // The first call of that path; fails the test when there was none.
  Call call(const std::string& path);
  bool was_called(const std::string& path);

 private:
  struct Server;
  void record(Call call);
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call> calls_;
  int next_calls_ = 0;
};

// A batch of telemetry records.
std::string batch(const std::vector<std::string>& records);
// One record, `json` being its value: a string must bring its quotes.
std::string record(const std::string& type, const std::string& json);
std::string runtime_done(const std::string& request_id);
