// Handlers that are shared objects: `_HANDLER` = "file.so:symbol".
//
// The file is looked for in the function's folder, then in the layers' library
// folder; always by an absolute path, so that neither the working directory nor
// LD_LIBRARY_PATH can put another file in its place. Every way in which this can
// fail is reported to init/error with what was looked for, and where.

#pragma once

#include <mayfly/runtime/handler.h>

namespace mayfly::runtime {

// Takes the name from _HANDLER and the function's folder from LAMBDA_TASK_ROOT
// (/var/task when it is not set). What goes wrong is reported to init/error as
// Runtime.InvalidHandler (no such form), Runtime.HandlerNotFound (no such file or
// symbol) or Runtime.HandlerNotLoadable (not for this machine, another version).
HandlerSource shared_object_from_environment();

}  // namespace mayfly::runtime
