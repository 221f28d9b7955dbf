// locked_os.h - an Os for one thread, made safe for many: one call at a time.
//
// Threads    any. Lifetime   the inner Os outlives it.
#pragma once

#include "base/os.h"
#include "base/thread.h"

typedef struct LockedOs {
    Os os;  // first: an Os that is ours is a LockedOs
    Os *inner;
    Mutex mutex;
} LockedOs;

void locked_os_init(LockedOs *locked, Os *inner);
void locked_os_done(LockedOs *locked);
