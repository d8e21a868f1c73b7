// The generic `bootstrap`: runs whatever handler _HANDLER names.

#include "runtime/bootstrap/shared_object_handler.h"

int main() { return mayfly::runtime::run(mayfly::runtime::shared_object_from_environment()); }
