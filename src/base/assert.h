// assert.h - our own mistakes end the process with a stack; outside mistakes are a Status (status.h).
//
// Threads    any.
// Limits     none. ASSERT stays on in release builds; ASSERT_SLOW only in STDB_SLOW_CHECKS builds.
#pragma once

#include <assert.h>  // static_assert

// Aborts with file, line, text and a backtrace. Never returns.
_Noreturn void assert_failed(const char *file, int line, const char *text);

#define ASSERT(condition) \
    ((__builtin_expect(!(condition), 0)) ? assert_failed(__FILE__, __LINE__, #condition) : (void)0)

// A place that no input can reach.
#define UNREACHABLE() assert_failed(__FILE__, __LINE__, "unreachable")

#ifdef STDB_SLOW_CHECKS
#define ASSERT_SLOW(condition) ASSERT(condition)
#else
#define ASSERT_SLOW(condition) ((void)0)
#endif
