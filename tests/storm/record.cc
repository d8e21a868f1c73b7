#include "record.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <protozero/pbf_reader.hpp>
#include <stdexcept>

namespace storm {
namespace {

constexpr std::string_view kMark = "storm-";
constexpr std::string_view kIdBegin = "5709a9e0-0000-4000-8000-00";  // the rest of a UUID is the number
constexpr std::size_t kDigits = 10;

std::string digits(Number number) {
  char text[16];
  std::snprintf(text, sizeof text, "%010u", number);
  return text;
}

bool read_digits(std::string_view text, std::size_t at, Number& number) {
  if (at + kDigits > text.size()) return false;
  std::uint64_t value = 0;
  for (char c : text.substr(at, kDigits)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  number = static_cast<Number>(value);
  return true;
}

// "2026-11-21T10:00:00.123Z", now: what the daemon does about an invocation depends on when it ended.
std::string now() {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  std::time_t seconds = ms.count() / 1000;
  struct tm parts {};
  gmtime_r(&seconds, &parts);
  char text[40];
  auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(ms.count() % 1000));
  return text;
}

std::string record(std::string_view type, std::string_view json) {
  return std::string(R"({"time":")")
      .append(now())
      .append(R"(","type":")")
      .append(type)
      .append(R"(","record":)")
      .append(json)
      .append("}");
}

// Of one LogRecord or line, whose event name or type tells which of an invocation's records it is.
Number number_of(std::string_view log_record) {
  Number number = 0;
  if (auto at = log_record.find(kMark); at != log_record.npos && read_digits(log_record, at + kMark.size(), number)) {
    return number;
  }
  auto at = log_record.find(kIdBegin);
  if (at == log_record.npos || !read_digits(log_record, at + kIdBegin.size(), number))
    throw std::runtime_error("a log record without a number");
  if (log_record.find("platform.start") != log_record.npos) return number;
  if (log_record.find("platform.runtimeDone") != log_record.npos) return number + 1;
  if (log_record.find("platform.report") != log_record.npos) return number + 2;
  throw std::runtime_error("a log record of no known kind");
}

}  // namespace

std::string request_id(Number invocation) { return std::string(kIdBegin) + digits(invocation); }

std::string platform_start(Number invocation) {
  return record("platform.start", R"({"requestId":")" + request_id(invocation) + R"(","version":"$LATEST"})");
}

std::string platform_runtime_done(Number invocation, std::string_view status) {
  return record("platform.runtimeDone", R"({"requestId":")" + request_id(invocation) + R"(","status":")" +
                                            std::string(status) +
                                            R"(","metrics":{"durationMs":1.5,"producedBytes":12}})");
}

std::string platform_report(Number invocation) {
  return record("platform.report",
                R"({"requestId":")" + request_id(invocation) +
                    R"(","status":"success","metrics":{"durationMs":1.5,"billedDurationMs":2,"memorySizeMB":128,)"
                    R"("maxMemoryUsedMB":64}})");
}

std::string function_line(Number number, Number invocation, Dice& dice) {
  std::string mark = std::string(kMark) + digits(number);
  std::string padding(between(dice, 0, 300), 'x');
  switch (between(dice, 0, 3)) {
    case 0: return record("function", '"' + mark + " shipped an order " + padding + "\\n\"");
    case 1:
      return record("function", R"("2026-11-21T10:00:00.123Z\t)" + request_id(invocation) + R"(\tINFO\t)" + mark +
                                    " shipped an order " + padding + R"(\n")");
    case 2:
      return record("function", R"({"timestamp":"2026-11-21T10:00:00.123Z","level":"WARN","requestId":")" +
                                    request_id(invocation) + R"(","message":")" + mark +
                                    R"( shipped","order":{"id":5,"lines":[1,2,3],"note":")" + padding + R"("}})");
    default:
      return record("function", R"({"event":")" + mark + R"(","total":19.5,"ok":true,"note":")" + padding + R"("})");
  }
}

std::string batch(const std::vector<std::string>& records) {
  std::string out = "[";
  for (const auto& r : records) out += (out.size() > 1 ? "," : "") + r;
  return out + "]";
}

std::vector<Number> numbers_in_otlp(std::string_view request) {
  std::vector<Number> out;
  try {
    protozero::pbf_reader logs(request.data(), request.size());
    while (logs.next(1)) {
      auto resource_logs = logs.get_message();
      while (resource_logs.next(2)) {
        auto scope_logs = resource_logs.get_message();
        while (scope_logs.next(2)) {
          auto view = scope_logs.get_view();
          out.push_back(number_of({view.data(), view.size()}));
        }
      }
    }
  } catch (const protozero::exception& e) {
    throw std::runtime_error(std::string("not an ExportLogsServiceRequest: ") + e.what());
  }
  return out;
}

std::vector<Number> numbers_in_lines(std::string_view text) {
  std::vector<Number> out;
  while (!text.empty()) {
    auto end = text.find('\n');
    if (end == text.npos) throw std::runtime_error("a last line without an end");
    out.push_back(number_of(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  return out;
}

BatchTemplate::BatchTemplate(std::size_t records) {
  // The usual line: some 200 bytes, as long as a structured log line is.
  const std::string one =
      record("function", '"' + std::string(kMark) + digits(0) +
                             " order 8476a536-e9f4-11e8-9739-2dfe598c3fcd shipped to customer 55012 in eu-central-1, "
                             "3 lines, total 119.50 EUR\"");
  const std::size_t at = one.find(kMark) + kMark.size();
  text_ = "[";
  for (std::size_t i = 0; i < records; ++i) {
    if (i > 0) text_ += ',';
    digits_.push_back(text_.size() + at);
    text_ += one;
  }
  text_ += ']';
}

std::string_view BatchTemplate::numbered(Number first) {
  for (auto at : digits_) {
    Number rest = first++;
    for (std::size_t i = kDigits; i-- > 0; rest /= 10) text_[at + i] = static_cast<char>('0' + rest % 10);
  }
  return text_;
}

}  // namespace storm
