// The smallest function: bytes in, bytes out, nothing parsed.

#include <mayfly/runtime.h>

std::string hello(std::string_view event) {
  return R"({"hello":"from C++","event_bytes":)" + std::to_string(event.size()) + "}";
}

int main() { return mayfly::run(hello); }
