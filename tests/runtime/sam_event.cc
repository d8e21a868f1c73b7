// sam_event TYPE < EVENT: reads an event as a type and writes it again, or for
// `http` what a handler sees of it. For sam_events_test.py.

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include <mayfly/events/dynamodb.h>
#include <mayfly/events/eventbridge.h>
#include <mayfly/events/kinesis.h>
#include <mayfly/events/s3.h>
#include <mayfly/events/sns.h>
#include <mayfly/events/sqs.h>
#include <mayfly/http.h>

#include "tests/runtime/recording_sink.h"

using namespace mayfly;

namespace {

struct Seen {
  int source;
  std::string method, path, body, source_ip, stage, route;
  std::vector<std::array<std::string, 2>> headers, query;
  std::string param;
};

std::vector<std::array<std::string, 2>> listed(std::span<const http::Field> fields) {
  std::vector<std::array<std::string, 2>> out;
  for (auto [name, value] : fields) out.push_back({std::string(name), std::string(value)});
  return out;
}

Seen look(const http::Request& r) {
  return {static_cast<int>(r.source()), std::string(r.method()),    std::string(r.path()),
          std::string(r.body()),        std::string(r.source_ip()), std::string(r.stage()),
          std::string(r.route()),       listed(r.headers()),        listed(r.query()),
          std::string(r.param("proxy"))};
}

template <class T>
T same(const T& event) {
  return event;
}

template <class F>
int answer(F&& handler, std::string_view event) {
  auto sink = test::invoke(runtime::source_of(handler), event);
  std::printf("%s\n", sink.error_type.empty() ? sink.response.c_str() : sink.error_json.c_str());
  return sink.error_type.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view type = argc == 2 ? argv[1] : "";
  std::string event;
  for (int c; (c = std::getchar()) != EOF;) event += static_cast<char>(c);
  if (type == "http") return answer(look, event);
  if (type == "answer") return answer([](const http::Request&) { return http::text("hi"); }, event);
  if (type == "sqs") return answer(same<sqs::Event>, event);
  if (type == "sns") return answer(same<sns::Event>, event);
  if (type == "s3") return answer(same<s3::Event>, event);
  if (type == "s3-batch") return answer(same<s3::BatchEvent>, event);
  if (type == "kinesis") return answer(same<kinesis::Event>, event);
  if (type == "dynamodb") return answer(same<dynamodb::Event>, event);
  if (type == "eventbridge") return answer(same<eventbridge::Event<>>, event);
  std::fprintf(stderr, "no type '%s'\n", argc == 2 ? argv[1] : "");
  return 2;
}
