// As much of HTTP/1.1 as two programs on one machine need: small messages, one a
// connection. Every wait ends after two seconds.

#pragma once

#include <functional>
#include <string>
#include <string_view>

struct Request {
  std::string target;  // "/systemsmanager/parameters/get?name=x"
  std::string token;   // X-Aws-Parameters-Secrets-Token
};

struct Answer {
  int status = 0;  // 0: none came
  std::string body;
};

// Listens on 127.0.0.1. Throws std::system_error when the port is taken.
int listen_on(int port);

// Answers one GET after the other, for ever.
[[noreturn]] void serve(int listener, const std::function<Answer(const Request&)>& answer);

// POSTs to "http://host:port"; further header lines end with \r\n.
Answer post(const std::string& url, const std::string& headers, const std::string& body);
