// How the daemon's heap behaves: memory here is the function's memory.
//
// Deliveries of Lambda (256 KiB at most) and sealed batches come and go many
// times a second under load. Mapped anew each time, as the C library does with
// blocks of that size, their page faults are a third of what a record costs. So
// they come from the heap, and what is free there goes back to the kernel when
// the next event is asked for.

#pragma once

namespace mayfly::telemetry {

// Before anything is allocated.
void configure_heap();

// Gives free memory back, if it is worth the call: some 100 us for each MiB, so
// once `next` was asked for.
void trim_heap();

}  // namespace mayfly::telemetry
