// libmayfly-tls.so: where it lies and whether it may be trusted. It is opened by
// the first caller, which is never before the first `next`, and stays.
//
// Thread-safety: any thread.

#pragma once

#include "core/failure.h"
#include "extensions/telemetry/tls/tls_functions.h"

namespace mayfly::telemetry {

// It is looked for at ../lib/mayfly/ from the folder of the program, then at
// /opt/lib/mayfly/, and must belong to root, to us or to whoever owns the
// program; nobody else may be able to write to it.
// Errors: Errc::not_found when there is none, Errc::refused when it must not or
// cannot be opened. Each call looks anew until it was found.
core::Outcome<const mayfly_tls_functions*> tls_module();

}  // namespace mayfly::telemetry
