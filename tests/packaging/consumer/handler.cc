// A handler for the bootstrap of layer and image, which throws on demand.

#include <string>
#include <string_view>

#include <mayfly/error.h>
#include <mayfly/shared_object.h>

std::string echo(std::string_view event) {
  if (event == "\"fail\"") throw mayfly::Error("Echo.Asked", "asked to fail");
  return std::string(event);
}
MAYFLY_HANDLER(echo)
