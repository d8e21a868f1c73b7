#include "runtime/src/error_json.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <typeinfo>
#include <utility>

#include <mayfly/json/writer.h>
#include <mayfly/log.h>

#include "runtime/src/stack_trace.h"

namespace mayfly::runtime {
namespace {

constexpr std::size_t kMaxMessageBytes = 64 * 1024;
constexpr std::size_t kMaxCauses = 8;

// Removes each `part` from `text`.
void remove_all(std::string& text, std::string_view part) {
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at)) text.erase(at, part.size());
}

std::string type_name(const std::type_info& type) {
  int status = 0;
  char* demangled = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string name = status == 0 && demangled ? demangled : type.name();
  std::free(demangled);
  // What std::throw_with_nested makes of a class.
  constexpr std::string_view kNested = "std::_Nested_exception<";
  if (name.starts_with(kNested)) {
    name.erase(0, kNested.size());
    name.resize(name.size() - 1);
  }
  name.resize(std::min(name.find('<'), name.size()));
  remove_all(name, "(anonymous namespace)::");
  remove_all(name, "__cxx11::");
  return name;
}

std::string current_type_name() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type ? type_name(*type) : "unknown";
}

ErrorReport outermost_report() {
  ErrorReport report;
  report.stack_trace = current_exception_stack();
  try {
    throw;
  } catch (const Error& error) {
    report.type = error.type;
    report.message = error.message;
  } catch (const std::exception& error) {
    report.type = current_type_name();
    report.message = error.what();
  } catch (...) {
    report.type = current_type_name();
    report.message = "an exception of type " + report.type + ", which is no std::exception";
  }
  report.message.resize(std::min(report.message.size(), kMaxMessageBytes));
  return report;
}

std::exception_ptr nested_in_current_exception() {
  try {
    throw;
  } catch (const std::nested_exception& outer) {
    return outer.nested_ptr();
  } catch (...) {
    return nullptr;
  }
}

void write_stack(json::Writer& writer, const ErrorReport& report) {
  writer.begin_array();
  for (const auto& frame : report.stack_trace) writer.value(frame);
  writer.end_array();
}

void write_error(json::Writer& writer, const ErrorReport& report) {
  writer.begin_object().member("errorMessage", report.message).member("errorType", report.type);
  writer.key("stackTrace");
  write_stack(writer, report);
  if (report.cause) {
    writer.key("cause");
    write_error(writer, *report.cause);
  }
  writer.end_object();
}

}  // namespace

ErrorReport current_exception_report() {
  ErrorReport report = outermost_report();
  ErrorReport* last = &report;
  auto inside = nested_in_current_exception();
  for (std::size_t i = 0; inside && i < kMaxCauses; ++i) {
    try {
      std::rethrow_exception(std::exchange(inside, nullptr));
    } catch (...) {
      last->cause = std::make_unique<ErrorReport>(outermost_report());
      last = last->cause.get();
      inside = nested_in_current_exception();
    }
  }
  return report;
}

std::string error_json(const ErrorReport& report) {
  std::string out;
  json::Writer writer(out);
  write_error(writer, report);
  return out;
}

ErrorReport report_of(const Error& error) { return {error.type, error.message.substr(0, kMaxMessageBytes), {}}; }

void log_error(std::string_view message, const ErrorReport& report, std::span<const LogField> more, LogLevel level,
               LogLocation at) {
  if (!log.enabled(level)) return;
  std::vector<LogField> fields(more.begin(), more.end());
  fields.emplace_back("errorType", report.type);
  fields.emplace_back("errorMessage", report.message);
  std::string stack, cause;
  if (!report.stack_trace.empty()) {
    json::Writer writer(stack);
    write_stack(writer, report);
    fields.push_back(LogField::json("stackTrace", stack));
  }
  if (report.cause) {
    cause = error_json(*report.cause);
    fields.push_back(LogField::json("cause", cause));
  }
  log.write(level, message, fields, at);
}

void fail_init(std::string type, std::string message) {
  ErrorReport report{std::move(type), std::move(message), {}};
  log_error("Init failed", report);
  throw ReportedError(report.type, error_json(report));
}

void fail(ResponseSink& sink, const Error& error) {
  ErrorReport report = report_of(error);
  log_error("the invocation failed", report);
  sink.fail(report.type, error_json(report));
}

void fail_with_current_exception(ResponseSink& sink, std::string_view what) {
  ErrorReport report = current_exception_report();
  log_error(what, report);
  sink.fail(report.type, error_json(report));
}

}  // namespace mayfly::runtime
