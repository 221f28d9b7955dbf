// load_system.h - clocks, CPU times, and what a sync of the disk costs.
#pragma once

#include <stdint.h>

#include "load_histogram.h"

uint64_t system_nanos(void);  // monotonic
// CPU seconds of this process so far.
double system_own_cpu(void);
// CPU seconds of another process so far; negative if it cannot be read.
double system_process_cpu(int process);
// Resident bytes of another process; 0 if it cannot be read.
uint64_t system_process_memory(int process);
// Appends 200 bytes and calls fdatasync, a thousand times, in a file that is removed afterwards.
// Ends the process if that fails.
void system_sync_probe(const char *directory, Histogram *histogram);
