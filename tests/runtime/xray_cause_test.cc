#include "runtime/src/xray_cause.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include <mayfly/json/value.h>

#include "runtime/src/error_json.h"

using namespace mayfly;
using runtime::ErrorReport;
using runtime::xray_cause;

namespace {

std::string cause_of(const ErrorReport& report) { return xray_cause(runtime::error_json(report), "/var/task"); }

bool is_json(std::string text) {
  json::Document document;
  auto value = document.parse(text);
  if (!value) return false;
  std::string_view all;
  return value->raw(all) == json::Status::ok && document.at_end();
}

bool is_field_text(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
}

}  // namespace

TEST_CASE("a cause for X-Ray has the error and its frames as X-Ray names them") {
  CHECK(cause_of({"Order.Invalid", "no pieces", {"price(Order const&) (bootstrap+0x1a)", "bootstrap+0x2b", "0x3c"}}) ==
        R"_({"working_directory":"/var/task","exceptions":[{"type":"Order.Invalid","message":"no pieces","stack":[)_"
        R"_({"path":"bootstrap+0x1a","line":0,"label":"price(Order const&)"},)_"
        R"_({"path":"bootstrap+0x2b","line":0,"label":""},{"path":"","line":0,"label":"0x3c"}]}],"paths":[]})_");
}

TEST_CASE("causes of the error are further exceptions") {
  ErrorReport report{"A", "a", {"f"}};
  report.cause = std::make_unique<ErrorReport>(ErrorReport{"B", "b", {}});
  CHECK(cause_of(report) == R"({"working_directory":"/var/task","exceptions":[{"type":"A","message":"a","stack":[)"
                            R"({"path":"","line":0,"label":"f"}]},{"type":"B","message":"b","stack":[]}],"paths":[]})");
}

TEST_CASE("whatever an error holds, its cause is one line of ASCII and JSON") {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte += static_cast<char>(c);
  for (const std::string& text : {every_byte, std::string("é \xF0\x9F\x90\x9D \"q\" \\ \r\n \x7f")}) {
    auto cause = cause_of({text, text, {text, "f() (" + text + "+0x1)"}});
    CHECK(is_field_text(cause));
    CHECK(is_json(cause));
  }
  CHECK(cause_of({"T", "é\xF0\x9F\x90\x9D\x7f", {}}).find(R"("message":"\u00e9\ud83d\udc1d\u007f")") !=
        std::string::npos);
  CHECK(is_json(xray_cause(R"({"errorMessage":"m","errorType":"t","stackTrace":[]})", "\"\xff\n")));
}

TEST_CASE("a cause is never longer than 32 KiB") {
  const std::string longest(100'000, 'x'), bees = [] {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "\xF0\x9F\x90\x9D";
    return text;
  }();
  for (const auto& text : {longest, bees}) {
    ErrorReport report{text, text, std::vector<std::string>(100, text)};
    ErrorReport* last = &report;
    for (int i = 0; i < 8; ++i) {
      last->cause = std::make_unique<ErrorReport>(ErrorReport{text, text, std::vector<std::string>(100, text)});
      last = last->cause.get();
    }
    auto cause = xray_cause(runtime::error_json(report), text);
    CHECK(cause.size() > 16 * 1024);
    CHECK(cause.size() <= runtime::kMaxCauseBytes);
    CHECK(is_json(cause));
  }
}

TEST_CASE("an error in any other form has no cause") {
  const std::string good = R"({"errorMessage":"m","errorType":"t","stackTrace":["f"],"cause":)"
                           R"({"errorMessage":"m","errorType":"t","stackTrace":[]}})";
  REQUIRE_FALSE(xray_cause(good, "/").empty());
  for (std::size_t size = 0; size < good.size(); ++size) CHECK(xray_cause(good.substr(0, size), "/").empty());
  for (const std::string& text :
       {good + " ", good + "}", std::string(R"({"errorType":"t","errorMessage":"m","stackTrace":[]})"),
        std::string(R"({"errorMessage":"m","errorType":"t","stackTrace":[1]})"),
        std::string(R"({"errorMessage":"\x","errorType":"t","stackTrace":[]})"),
        std::string(R"({"errorMessage":"\u12g4","errorType":"t","stackTrace":[]})"),
        std::string("{\"errorMessage\":\"\n\",\"errorType\":\"t\",\"stackTrace\":[]}"),
        std::string("{\"errorMessage\":\"\xed\xa0\x80\",\"errorType\":\"t\",\"stackTrace\":[]}"),
        std::string("{\"errorMessage\":\"\xc0\x80\",\"errorType\":\"t\",\"stackTrace\":[]}")}) {
    CAPTURE(text);
    CHECK(xray_cause(text, "/").empty());
  }
}
