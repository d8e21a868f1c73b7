#include <mayfly/test.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include <mayfly/base64.h>
#include <mayfly/context.h>
#include <mayfly/exception.h>

#include "core/clock.h"
#include "core/http_field.h"
#include "core/log_tap.h"
#include "runtime/src/current_sink.h"
#include "runtime/src/error_json.h"
#include "runtime/src/runtime_api.h"

namespace mayfly::test {
namespace {

struct ErrorJson {
  std::string errorMessage, errorType;
  std::vector<std::string> stackTrace;
};

struct Prelude {
  int statusCode = 200;
  std::optional<std::map<std::string, std::string>> headers;
  std::optional<std::vector<std::string>> cookies;
  std::optional<std::string> body;
  std::optional<bool> isBase64Encoded;
};

}  // namespace
}  // namespace mayfly::test

// Clang before 17 does not find the names by itself.
template <>
struct mayfly::json::fields<mayfly::test::ErrorJson> {
  static constexpr std::array<std::string_view, 3> names{"errorMessage", "errorType", "stackTrace"};
};
template <>
struct mayfly::json::fields<mayfly::test::Prelude> {
  static constexpr std::array<std::string_view, 5> names{"statusCode", "headers", "cookies", "body", "isBase64Encoded"};
};

namespace mayfly::test {
namespace {

class KeptLog final : public core::LogTap {
 public:
  explicit KeptLog(std::vector<LogLine>& lines) : lines_(lines) {}

  void take(LogLevel level, std::string_view message, std::span<const LogField> fields) override {
    LogLine line{level, std::string(message), {}};
    for (const auto& field : fields) line.fields.emplace_back(field.name, core::log_value(field));
    lines_.push_back(std::move(line));
  }

 private:
  std::vector<LogLine>& lines_;
};

// A variable for the time of a call.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(value.empty() ? nullptr : name) {
    if (!name_) return;
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (!name_) return;
    before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;  // null: left alone
  std::optional<std::string> before_;
};

// Takes what Lambda would, and no more than once.
class AnswerSink final : public runtime::ResponseSink {
 public:
  AnswerSink(Answer& answer, std::size_t reader_takes) : answer_(answer), reader_takes_(reader_takes) {}

  void respond(std::string_view bytes) override {
    if (answered_) return;
    if (bytes.size() > runtime::kMaxResponseBytes) return runtime::fail(*this, runtime::response_too_large(bytes));
    answered_ = true;
    answer_.response = bytes;
  }

  void fail(std::string_view error_type, std::string_view error_json) override {
    if (answered_) return;
    answered_ = true;
    auto& error =
        answer_.error.emplace(std::string(error_type), "", std::vector<std::string>(), std::string(error_json));
    json::Document document;
    if (auto members = json::parse<ErrorJson>(document, error_json, error_json.size())) {
      error.message = std::move(members->errorMessage);
      error.stack_trace = std::move(members->stackTrace);
    }
  }

  void begin(std::string_view content_type) override { answer_.content_type = content_type; }
  Result<void> write(std::string_view bytes) override {
    if (answered_ || bytes.size() > reader_takes_ - answer_.response.size()) {
      return unexpected(
          Error("Runtime.ResponseStreamClosed", "the response cannot be written: nobody wants more of it"));
    }
    answer_.streamed = true;
    answer_.response += bytes;
    answer_.parts.emplace_back(bytes);
    return {};
  }
  void end() override {
    answer_.streamed = true;
    answered_ = true;
  }

 private:
  Answer& answer_;
  const std::size_t reader_takes_;
  bool answered_ = false;
};

// What `next` would have brought.
std::vector<std::pair<std::string, std::string>> fields_of(const Settings& settings) {
  auto deadline = core::epoch_ms(core::wall_now() + settings.timeout);
  std::vector<std::pair<std::string, std::string>> fields{
      {"Lambda-Runtime-Aws-Request-Id", settings.request_id},
      {"Lambda-Runtime-Deadline-Ms", std::to_string(deadline)},
      {"Lambda-Runtime-Invoked-Function-Arn", settings.function_arn},
      {"Lambda-Runtime-Aws-Tenant-Id", settings.tenant_id},
      {"Lambda-Runtime-Trace-Id", settings.trace_id},
      {"Lambda-Runtime-Client-Context", settings.client_context},
      {"Lambda-Runtime-Cognito-Identity", settings.cognito_identity}};
  std::erase_if(fields, [](const auto& field) { return field.second.empty(); });
  fields.insert(fields.end(), settings.headers.begin(), settings.headers.end());
  return fields;
}

void call(const runtime::HandlerSource& source, std::string_view event, Context& context, AnswerSink& sink) {
  auto handler = source.make(source.from);
  try {
    handler.invoke(handler.state, {event, event.size(), context}, sink);
  } catch (const runtime::FatalInTest&) {
  } catch (...) {
    runtime::fail_with_current_exception(sink);
  }
  handler.destroy(handler.state);
}

Prelude prelude_of(std::string_view text) {
  json::Document document;
  auto read = json::parse<Prelude>(document, text, text.size());
  if (!read) throw Error("Test.UnexpectedResponse", read.error().to_string() + " in " + std::string(text));
  return *std::move(read);
}

}  // namespace

std::string_view LogLine::field(std::string_view name) const {
  auto at = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return at == fields.end() ? std::string_view() : at->second;
}

Answer::Answer() : document_(std::make_unique<json::Document>()) {}
Answer::Answer(Answer&&) noexcept = default;
Answer& Answer::operator=(Answer&&) noexcept = default;
Answer::~Answer() = default;

void Answer::check() const {
  if (error) throw Error(error->type, error->message);
}

http::Response Answer::http() const {
  check();
  constexpr std::string_view kSeparator("\0\0\0\0\0\0\0\0", 8);
  std::string_view head = response;
  auto end = streamed ? head.find(kSeparator) : head.npos;
  auto prelude = prelude_of(head.substr(0, end));
  http::Response out;
  out.status = prelude.statusCode;
  for (auto& [name, value] : prelude.headers.value_or(std::map<std::string, std::string>())) {
    out.headers.push_back({core::lower_case(name), value});
  }
  std::ranges::sort(out.headers, {}, &http::Header::name);
  out.cookies = prelude.cookies.value_or(std::vector<std::string>());
  out.body = end == head.npos ? prelude.body.value_or("") : std::string(head.substr(end + kSeparator.size()));
  if (prelude.isBase64Encoded.value_or(false)) {
    std::string decoded;
    if (!append_base64_decoded(decoded, out.body)) throw Error("Test.UnexpectedResponse", "the body is no base64");
    out.body = std::move(decoded);
  }
  return out;
}

Answer invoke_source(const runtime::HandlerSource& source, std::string_view event, const Settings& settings) {
  Variable name("AWS_LAMBDA_FUNCTION_NAME", settings.function_name);
  Variable version("AWS_LAMBDA_FUNCTION_VERSION", settings.function_version);
  Variable memory("AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                  settings.memory_limit_mb ? std::to_string(settings.memory_limit_mb) : "");
  auto texts = fields_of(settings);
  std::vector<mayfly_field> fields;
  for (const auto& [field, value] : texts)
    fields.push_back({{field.data(), field.size()}, {value.data(), value.size()}});

  Answer answer;
  KeptLog log(answer.log);
  LogScope lines(settings.request_id, settings.tenant_id);
  Context context(fields);
  AnswerSink sink(answer, settings.reader_takes);
  runtime::CurrentSink current(sink, &answer.fatal);
  call(source, event, context, sink);
  return answer;
}

std::string event_of(const Request& request) {
  std::string_view path = request.path, query;
  if (auto mark = path.find('?'); mark != path.npos) {
    query = path.substr(mark + 1);
    path = path.substr(0, mark);
  }
  std::map<std::string, std::string> headers{{"host", "test.lambda-url.eu-west-1.on.aws"}};
  std::vector<std::string> cookies;
  for (const auto& [field, value] : request.headers) {
    auto lower = core::lower_case(field);
    if (lower == "cookie") cookies.push_back(value);
    auto [at, is_new] = headers.try_emplace(lower, value);
    if (!is_new && lower != "host") at->second.append(",").append(value);
    if (lower == "host") at->second = value;
  }
  bool is_text = json::is_utf8(request.body);
  std::string body;
  if (!is_text) append_base64(body, request.body);

  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("version", "2.0").member("routeKey", "$default").member("rawPath", path);
  writer.member("rawQueryString", query);
  if (!cookies.empty()) {
    writer.key("cookies").begin_array();
    for (const auto& cookie : cookies) writer.value(cookie);
    writer.end_array();
  }
  writer.key("headers").begin_object();
  for (const auto& [field, value] : headers) writer.member(field, value);
  writer.end_object().key("requestContext").begin_object();
  writer.member("domainName", headers["host"]).member("stage", "$default").key("http").begin_object();
  writer.member("method", request.method).member("path", path).member("protocol", "HTTP/1.1");
  writer.member("sourceIp", "192.0.2.1").end_object().end_object();
  if (!request.body.empty()) writer.member("body", is_text ? request.body : body);
  writer.member("isBase64Encoded", !is_text).end_object();
  return out;
}

}  // namespace mayfly::test
