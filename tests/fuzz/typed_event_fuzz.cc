// Any text, read as each of the typed events. What reads must write, and what was
// written must read as the same.

#include <cstdint>
#include <string>

#include <mayfly/events/dynamodb.h>
#include <mayfly/events/eventbridge.h>
#include <mayfly/events/kinesis.h>
#include <mayfly/events/s3.h>
#include <mayfly/events/sns.h>
#include <mayfly/events/sqs.h>
#include <mayfly/json.h>

#include "tests/fuzz/check.h"

namespace json = mayfly::json;

namespace {

template <class T>
void check(std::string_view text) {
  json::Document document, again_document;
  auto event = json::parse<T>(document, text, text.size());
  if (!event) {
    FUZZ_CHECK(event.error().path.starts_with('$') && !event.error().message.empty());
    return;
  }
  std::string first, second;
  FUZZ_CHECK(json::write(first, *event));
  auto again = json::parse<T>(again_document, first, first.size());
  FUZZ_CHECK(again && json::write(second, *again) && first == second);
  if constexpr (requires { event->records; }) {
    for (const auto& record : event->records) {
      using Record = std::remove_cvref_t<decltype(record)>;
      if constexpr (requires { record.s3; }) (void)record.s3.object.decoded_key();
      if constexpr (requires { record.kinesis; }) (void)record.kinesis.data.decode();
      if constexpr (requires { sizeof(mayfly::Batch<Record>); }) (void)mayfly::Batch<Record>::after_failure(record);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  check<mayfly::sqs::Event>(text);
  check<mayfly::sns::Event>(text);
  check<mayfly::s3::Event>(text);
  check<mayfly::s3::BatchEvent>(text);
  check<mayfly::kinesis::Event>(text);
  check<mayfly::dynamodb::Event>(text);
  check<mayfly::eventbridge::Event<>>(text);
  return 0;
}
