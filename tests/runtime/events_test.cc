// The typed events: what is read out of them, and what may be missing. All of the
// samples of AWS's SAM CLI are held by sam_events_test.py.

#include <mayfly/events/dynamodb.h>
#include <mayfly/events/eventbridge.h>
#include <mayfly/events/kinesis.h>
#include <mayfly/events/s3.h>
#include <mayfly/events/sns.h>
#include <mayfly/events/sqs.h>

#include <doctest/doctest.h>

#include <string>

#include <mayfly/json.h>

using namespace mayfly;

namespace {

template <class T, class F>
void with(std::string_view text, F look) {
  json::Document document;
  auto event = json::parse<T>(document, text, text.size());
  if (!event) FAIL(event.error().to_string());
  look(*event);
}

template <class T>
std::string fault(std::string_view text) {
  json::Document document;
  auto event = json::parse<T>(document, text, text.size());
  return event ? "no fault" : event.error().to_string();
}

}  // namespace

TEST_CASE("an event made by hand needs only what a handler looks at") {
  with<sqs::Event>(R"({"Records":[{"messageId":"1","body":"b","eventSourceARN":null}]})", [](const sqs::Event& e) {
    CHECK(e.records[0].body == "b");
    CHECK(e.records[0].event_source_arn.empty());
    CHECK_FALSE(e.records[0].attributes.message_group_id);
  });
  with<kinesis::Event>(R"({"Records":[{"kinesis":{"data":"YQ=="}}]})",
                       [](const kinesis::Event& e) { CHECK(*e.records[0].kinesis.data.decode() == "a"); });
  with<s3::Event>(R"({"Records":[{"s3":{"bucket":{"name":"b"},"object":{"key":"a+b%2Fc%C3%A9"}}}]})",
                  [](const s3::Event& e) {
                    CHECK(e.records[0].s3.object.decoded_key() == "a b/cé");
                    CHECK_FALSE(e.records[0].s3.object.size);
                  });
  with<sns::Event>(R"({"Records":[{"Sns":{"Message":"m","Subject":null}}]})",
                   [](const sns::Event& e) { CHECK_FALSE(e.records[0].sns.subject); });
  with<eventbridge::ScheduledEvent>(R"({"detail":{ }})", [](const auto& e) { CHECK(e.detail.text == "{ }"); });
  with<dynamodb::Event>(R"({"Records":[{"dynamodb":{}}]})",
                        [](const dynamodb::Event& e) { CHECK(e.records[0].dynamodb.keys.empty()); });
}

TEST_CASE("an EventBridge event has its detail in the type that is wanted") {
  struct Placed {
    std::string_view order;
  };
  with<eventbridge::Event<Placed>>(R"({"detail-type":"Placed","detail":{"order":"a1","x":1}})", [](const auto& e) {
    CHECK(e.detail_type == "Placed");
    CHECK(e.detail.order == "a1");
  });
  CHECK(fault<eventbridge::Event<Placed>>(R"({"detail":{"order":1}})") ==
        "$.detail.order: expected a string, found number");
}

TEST_CASE("DynamoDB's values keep their types, as deep as they are") {
  std::string text =
      R"({"Records":[{"dynamodb":{"NewImage":{"s":{"S":"x"},"n":{"N":"12.50"},"b":{"B":"AAE="},"t":{"BOOL":true},)"
      R"("z":{"NULL":true},"m":{"M":{"in":{"L":[{"N":"1"},{"S":"two"}]}}},"ss":{"SS":["a","b"]},"ns":{"NS":["1"]},)"
      R"("bs":{"BS":["AAE="]}}}}]})";
  with<dynamodb::Event>(text, [&](const dynamodb::Event& e) {
    const auto& image = e.records[0].dynamodb.new_image;
    CHECK(image.find("s")->text == "x");
    CHECK(image.find("n")->text == "12.50");
    CHECK(image.find("n")->number<double>() == 12.5);
    CHECK_FALSE(image.find("n")->number<int>());
    CHECK_FALSE(image.find("s")->number<int>());
    CHECK(*image.find("b")->decode() == std::string("\0\1", 2));
    CHECK(image.find("t")->boolean);
    CHECK(image.find("z")->type == dynamodb::Type::NUL);
    CHECK(image.find("m")->map.find("in")->list[1].text == "two");
    CHECK(image.find("ss")->set.size() == 2);
    CHECK_FALSE(image.find("none"));
    std::string written;
    REQUIRE(json::write(written, image));
    CHECK(text.find(written) != std::string::npos);
  });
}

TEST_CASE("what does not fit is named by its path") {
  CHECK(fault<sqs::Event>(R"({"Records":[{"messageId":"1","body":"b"},{"messageId":"2"}]})") ==
        "$.Records[1].body: a required field is missing");
  CHECK(fault<sqs::Event>(R"({})") == "$.Records: a required field is missing");
  CHECK(fault<sqs::Event>(R"({"Records":[{"messageId":"1","body":"b","messageAttributes":{"a":{"dataType":1}}}]})") ==
        "$.Records[0].messageAttributes.a.dataType: expected a string, found number");
  CHECK(fault<kinesis::Event>(R"({"Records":[{"kinesis":{"data":7}}]})") ==
        "$.Records[0].kinesis.data: expected a string, found number");
  CHECK(fault<dynamodb::Event>(R"({"Records":[{"dynamodb":{"Keys":{"Id":{"M":{"a":{"L":[{"N":1}]}}}}}}]})") ==
        "$.Records[0].dynamodb.Keys.Id.M.a.L[0].N: expected a string, found number");
  CHECK(fault<dynamodb::Event>(R"({"Records":[{"dynamodb":{"Keys":{"Id":{}}}}]})") ==
        "$.Records[0].dynamodb.Keys.Id: expected one of S, N, B, BOOL, NULL, M, L, SS, NS, BS");
  CHECK(fault<s3::Event>(R"({"Records":{}})") == "$.Records: expected an array, found object");
}

TEST_CASE("an item nested without end is refused") {
  std::string text = R"({"Records":[{"dynamodb":{"Keys":{"Id":)";
  for (int i = 0; i < 100'000; ++i) text += R"({"L":[)";
  CHECK(fault<dynamodb::Event>(text).ends_with("nested deeper than 1000 levels"));
}
