#include "source.h"

#include <mayfly/error.h>
#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "http.h"

namespace json = mayfly::json;

namespace {

std::string from_file(const char* path, const std::string& name) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  json::Document document;
  std::string value;
  bool found = false;
  auto root = document.parse(text);
  if (!root) throw mayfly::Error("Parameters.File", std::string(path) + ": " + root.error().to_string());
  static_cast<void>(root->each_field([&](std::string_view key, json::Value& member) {
    std::string_view content;
    if (key != name || member.get(content) != json::Status::ok) return json::Status::ok;
    value = content;
    found = true;
    return json::Status::ok;
  }));
  if (!found) throw mayfly::Error("ParameterNotFound", name);
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("Parameter").begin_object().member("Name", name).member("Value", value);
  writer.end_object().end_object();
  return out;
}

std::string from_ssm(const char* endpoint, const std::string& name, bool decrypt) {
  std::string body;
  json::Writer(body).begin_object().member("Name", name).member("WithDecryption", decrypt).end_object();
  auto answer = post(endpoint,
                     "X-Amz-Target: AmazonSSM.GetParameter\r\n"
                     "Content-Type: application/x-amz-json-1.1\r\n",
                     body);
  if (answer.status == 200) return answer.body;
  if (answer.status == 400) throw mayfly::Error("ParameterNotFound", name);
  throw mayfly::Error("Parameters.NoAnswer", std::string(endpoint) + " answers " + std::to_string(answer.status));
}

}  // namespace

std::string get_parameter(const std::string& name, bool decrypt) {
  if (const char* path = std::getenv("PARAMETERS_FILE")) return from_file(path, name);
  const char* endpoint = std::getenv("AWS_ENDPOINT_URL_SSM");
  if (!endpoint) endpoint = std::getenv("AWS_ENDPOINT_URL");
  if (!endpoint) throw mayfly::Error("Parameters.NoSource", "neither PARAMETERS_FILE nor AWS_ENDPOINT_URL is set");
  return from_ssm(endpoint, name, decrypt);
}
