#include "runtime/src/error_json.h"

#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>
#include <utility>

#include <mayfly/json/writer.h>
#include <mayfly/log.h>

#include "runtime/src/stack_trace.h"

namespace mayfly::runtime {
namespace {

constexpr std::size_t kMaxMessageBytes = 64 * 1024;

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

}  // namespace

ErrorReport current_exception_report() {
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

std::string error_json(const ErrorReport& report) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("errorMessage", report.message).member("errorType", report.type);
  writer.key("stackTrace").begin_array();
  for (const auto& frame : report.stack_trace) writer.value(frame);
  writer.end_array().end_object();
  return out;
}

void log_error(const ErrorReport& report) {
  std::string stack;
  for (const auto& frame : report.stack_trace) stack.append(stack.empty() ? "" : " < ").append(frame);
  if (stack.empty()) {
    log.error(report.message, {{"errorType", report.type}});
  } else {
    log.error(report.message, {{"errorType", report.type}, {"stackTrace", stack}});
  }
}

void fail_init(std::string type, std::string message) {
  ErrorReport report{std::move(type), std::move(message), {}};
  log_error(report);
  throw ReportedError(report.type, error_json(report));
}

void fail(ResponseSink& sink, const Error& error) {
  ErrorReport report{error.type, error.message.substr(0, kMaxMessageBytes), {}};
  log_error(report);
  sink.fail(report.type, error_json(report));
}

void fail_with_current_exception(ResponseSink& sink) {
  ErrorReport report = current_exception_report();
  log_error(report);
  sink.fail(report.type, error_json(report));
}

}  // namespace mayfly::runtime
