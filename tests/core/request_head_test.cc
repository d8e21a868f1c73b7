#include "core/http_server/request_head.h"

#include <doctest/doctest.h>

#include <string>

using mayfly::core::head_problem;
using mayfly::core::too_long_line;

TEST_CASE("head_problem names what is wrong") {
  CHECK(head_problem("GET / HTTP/1.1\r\nHost: x\r\n\r\n") == "");
  CHECK(head_problem("GET / HTTP/1.1\r\n") == "no end of the head");
  CHECK(head_problem("") == "no end of the head");
  CHECK(head_problem("GET / HTTP/1.1\r\n\r\nx") == "bytes behind the head");
  CHECK(head_problem("GET / HTTP/1.1\r\na: " + std::string(65'000, 'x') + "\r\n\r\n") ==
        "a line of more than 65000 bytes");
  CHECK(head_problem("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n") ==
        "a Transfer-Encoding in an HTTP/1.0 request");
  CHECK(head_problem("GET / HTTP/1.1\n\r\n") == "a line that does not end with CR LF");
  CHECK(head_problem("GET / HTTP/1.1") == "a line that does not end with CR LF");
}

TEST_CASE("too_long_line finds a field's line whose length is a problem") {
  auto line = [](std::string name) { return name + ": " + std::string(65'000, 'x') + "\r\n"; };
  auto head = [](std::string fields) { return "GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"; };
  CHECK(too_long_line(head(line("B") + line("a") + line("A")), "A") == line("a"));
  CHECK(too_long_line(head("A: x\r\n"), "A").empty());
  CHECK(too_long_line(head(line("B")), "A").empty());
  CHECK(too_long_line(line("A") + head(""), "A").empty());
  CHECK(too_long_line("GET / HTTP/1.1\r\n" + line("A").substr(0, 65'001), "A").empty());
  CHECK(too_long_line("", "A").empty());
}
