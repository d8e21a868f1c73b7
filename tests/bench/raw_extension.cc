// The calls with which a telemetry extension starts, on bare sockets: register,
// listen, subscribe, next.

#include <cstdio>

#include "raw_socket.h"

int main() {
  const char* api = getenv("AWS_LAMBDA_RUNTIME_API");
  raw::Socket socket(api);
  char text[1024], body[512];
  auto send = [&](const char* line, const char* fields) {
    int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n\r\n", line, api, fields,
                     strlen(body));
    socket.send(text, static_cast<unsigned long>(n), body, strlen(body));
  };
  strcpy(body, R"({"events":["INVOKE","SHUTDOWN"]})");
  send("POST /2020-01-01/extension/register",
       "Lambda-Extension-Name: raw_extension\r\nLambda-Extension-Accept-Feature: accountId\r\n");
  char identifier[128];
  snprintf(identifier, sizeof identifier, "Lambda-Extension-Identifier: %.36s\r\n",
           strstr(socket.receive(0).head, "Lambda-Extension-Identifier: ") + 29);

  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) || listen(listener, 16)) return 1;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);

  snprintf(
      body, sizeof body,
      R"({"schemaVersion":"2022-12-13","types":["platform","function"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":1000},)"
      R"("destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:%d"}})",
      ntohs(address.sin_port));
  send("PUT /2022-07-01/telemetry", identifier);
  socket.receive(0);
  body[0] = 0;
  send("GET /2020-01-01/extension/event/next", identifier);
  socket.receive(0);
}
