// What each() answers, source by source.

#include <mayfly/batch.h>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include <mayfly/events/dynamodb.h>
#include <mayfly/events/kinesis.h>
#include <mayfly/events/sqs.h>

#include "tests/runtime/captured_output.h"
#include "tests/runtime/recording_sink.h"

using namespace mayfly;

namespace {

std::string queue(std::string_view arn) {
  std::string text = R"({"Records":[)";
  for (const char* id : {"a", "b", "c", "d"}) {
    text.append(text.back() == '[' ? "" : ",")
        .append(R"({"messageId":")")
        .append(id)
        .append(R"(","body":")")
        .append(id);
    text.append(R"(","eventSourceARN":")").append(arn).append("\"}");
  }
  return text + "]}";
}

const std::string kQueue = queue("arn:aws:sqs:eu-west-1:1:orders");
const std::string kFifo = queue("arn:aws:sqs:eu-west-1:1:orders.fifo");
constexpr std::string_view kStream =
    R"({"Records":[{"kinesis":{"data":"YQ==","sequenceNumber":"1"}},{"kinesis":{"data":"!","sequenceNumber":"2"}},)"
    R"({"kinesis":{"data":"Yw==","sequenceNumber":"3"}}]})";
constexpr std::string_view kTable =
    R"({"Records":[{"dynamodb":{"SequenceNumber":"1"},"eventName":"INSERT"},)"
    R"({"dynamodb":{"SequenceNumber":"2"},"eventName":"REMOVE"},{"dynamodb":{"SequenceNumber":"3"}}]})";

struct Outcome {
  std::string response, log;
};

template <class F>
Outcome handle(F record_handler, std::string_view event) {
  auto handler = each(record_handler);
  test::CapturedStandardError log;
  auto sink = test::invoke(runtime::source_of(handler), event);
  return {sink.response + sink.error_type, log.text()};
}

}  // namespace

TEST_CASE("the failed messages of a queue are named, the others are done") {
  std::vector<std::string> seen;
  auto [response, log] = handle(
      [&](const sqs::Message& message) {
        seen.emplace_back(message.body);
        if (message.body == "b") throw Error("Order.Invalid", "no such order");
        if (message.body == "d") throw std::runtime_error("lost");
      },
      kQueue);
  CHECK(response == R"({"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"d"}]})");
  CHECK(seen.size() == 4);
  CHECK(log.find("a record failed itemIdentifier=b errorType=Order.Invalid errorMessage=\"no such order\"") !=
        std::string::npos);
  CHECK(log.find("a record failed itemIdentifier=d errorType=std::runtime_error errorMessage=lost") !=
        std::string::npos);
}

TEST_CASE("a batch without a failure names none") {
  CHECK(handle([](const sqs::Message&) {}, kQueue).response == R"({"batchItemFailures":[]})");
  CHECK(handle([](const sqs::Message&) {}, R"({"Records":[]})").response == R"({"batchItemFailures":[]})");
}

TEST_CASE("a FIFO queue ends at the first failure, and names all behind it") {
  std::vector<std::string> seen;
  auto [response, log] = handle(
      [&](const sqs::Message& message, Context& context) -> Result<void> {
        seen.emplace_back(message.body);
        if (message.body == "b") return unexpected(Error("Order.Invalid", std::string(context.request_id())));
        return {};
      },
      kFifo);
  CHECK(response == R"({"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"},{"itemIdentifier":"d"}]})");
  CHECK(seen == std::vector<std::string>{"a", "b"});
  CHECK(log.find("itemIdentifier=b errorType=Order.Invalid errorMessage=r1") != std::string::npos);
}

TEST_CASE("a stream resumes at its first failure") {
  int calls = 0;
  auto kinesis_handler = [&](const kinesis::Record& record) -> Result<void> {
    ++calls;
    auto data = record.kinesis.data.decode();
    if (!data) return unexpected(data.error());
    return {};
  };
  CHECK(handle(kinesis_handler, kStream).response == R"({"batchItemFailures":[{"itemIdentifier":"2"}]})");
  CHECK(calls == 2);
  auto table_handler = [](const dynamodb::Record& record) {
    if (record.event_name == "REMOVE") throw 7;
  };
  auto [response, log] = handle(table_handler, kTable);
  CHECK(response == R"({"batchItemFailures":[{"itemIdentifier":"2"}]})");
  CHECK(log.find("itemIdentifier=2 errorType=int") != std::string::npos);
}

TEST_CASE("a batch that cannot be read fails as a whole") {
  CHECK(handle([](const sqs::Message&) {}, R"({"Records":[{"messageId":"1"}]})").response == "Runtime.UnmarshalError");
}
