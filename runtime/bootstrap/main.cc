// The generic `bootstrap`: runs whatever handler _HANDLER names.

#include "core/environment.h"
#include "runtime/bootstrap/exec_handler.h"
#include "runtime/bootstrap/exec_wrapper.h"
#include "runtime/bootstrap/shared_object_handler.h"

using namespace mayfly::runtime;

namespace {

Handler make(const void* arguments) {
  start_wrapper(static_cast<char**>(const_cast<void*>(arguments)));
  auto is_program = mayfly::core::env_or("_HANDLER", "").starts_with(kExecPrefix);
  HandlerSource source = is_program ? program_from_environment() : shared_object_from_environment();
  return source.make(source.from);
}

}  // namespace

int main(int, char** arguments) { return run(HandlerSource{&make, arguments}); }
