// An echo function on a bare socket: GET next, POST response, nothing else.

#include <cstdio>

#include "raw_socket.h"

int main() {
  const char* api = getenv("AWS_LAMBDA_RUNTIME_API");
  raw::Socket socket(api);
  char next[256], response[512];
  auto next_bytes = static_cast<unsigned long>(
      snprintf(next, sizeof next, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", api));
  for (;;) {
    socket.send(next, next_bytes, nullptr, 0);
    // Answers to responses go before the event, which is still being sent then.
    raw::Answer event = socket.receive(4096);
    const char* id = strstr(event.head, "Lambda-Runtime-Aws-Request-Id: ") + 31;
    auto response_bytes = static_cast<unsigned long>(snprintf(
        response, sizeof response,
        "POST /2018-06-01/runtime/invocation/%.36s/response HTTP/1.1\r\nHost: %s\r\nContent-Length: %lu\r\n\r\n", id,
        api, event.body_bytes));
    socket.send(response, response_bytes, event.body, event.body_bytes);
    socket.receive(0);
  }
}
