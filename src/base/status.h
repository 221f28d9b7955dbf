// status.h - how a fallible function answers: a Status, and an Error with the text.
//
// Threads    an Error belongs to whoever declared it.
// Limits     ERROR_TEXT_MAX; longer texts are cut on a UTF-8 boundary.
#pragma once

#include "base/limits.h"

#include <stdarg.h>

#ifdef __clang__
#define MUST_USE __attribute__((warn_unused_result))
#define MUST_USE_TYPE __attribute__((warn_unused_result))
#else
#define MUST_USE __attribute__((warn_unused_result))
#define MUST_USE_TYPE
#endif

typedef enum MUST_USE_TYPE Status {
    STATUS_OK = 0,
    STATUS_INVALID,      // the caller's bytes, SQL, module or arguments are wrong
    STATUS_NOT_FOUND,    // what was named does not exist
    STATUS_CONFLICT,     // it exists already, or its state forbids this
    STATUS_DENIED,       // not allowed for this identity
    STATUS_LIMIT,        // a named limit was exceeded
    STATUS_IO,           // the machine failed: disk, socket
    STATUS_FULL,         // no room is left on the disk; the same may succeed later
    STATUS_CORRUPT,      // stored data is damaged
    STATUS_UNSUPPORTED,  // understood, but not offered
} Status;

typedef struct Error {
    Status status;
    char text[ERROR_TEXT_MAX];
} Error;

// Sets both fields and returns `status`, so that `return error_set(...)` reads well. error may be NULL.
Status error_set(Error *error, Status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Puts a formatted text before the one that is there ("snapshot 7: " + "bad hash").
void error_prefix(Error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The same as error_set with errno's text appended ("open foo: No such file or directory"); STATUS_IO.
Status error_set_errno(Error *error, int error_number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
