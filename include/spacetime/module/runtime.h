// runtime.h - what a call has at hand: its context, errors, logs, memory, text, random numbers.
//
// Lifetime   everything allocated here is gone when the call ends.
// Limits     memory: what the host grants; then the call ends with a panic.
#pragma once

#include "types.h"

#define STDB_PRINTF(text, first) __attribute__((format(printf, text, first)))

// ---- outcome ----

// How a reducer ends, and what row functions that can fail say. The compiler warns when one is
// dropped.
typedef enum __attribute__((warn_unused_result)) StdbStatus {
    STDB_OK,      // the changes are kept
    STDB_FAILED,  // the changes are undone and the caller sees the text of stdb_fail
} StdbStatus;

// Notes the text for the caller and returns STDB_FAILED: return stdb_fail("no account %u", id);
// The last text before the reducer ends counts.
StdbStatus stdb_fail(const char *format, ...) STDB_PRINTF(1, 2);

// The text noted last, empty if none.
StdbString stdb_fail_text(void);

// Passes a failure on: STDB_TRY(user_insert(&user)); returns STDB_FAILED from this function if it
// failed. The only macro here that hides a return.
#define STDB_TRY(call)                             \
    do {                                           \
        if ((call) != STDB_OK) return STDB_FAILED; \
    } while (0)

// ---- context ----

// Deterministic random numbers: seeded with the call's timestamp on first use.
typedef struct StdbRandom {
    uint64_t state[4];
    bool is_seeded;
} StdbRandom;

// What a reducer knows about its call. Made anew for each call.
typedef struct StdbContext {
    StdbIdentity sender;  // who called; the database itself for scheduled reducers
    StdbConnectionId
        connection_id;        // over which connection; none (zero) for scheduled reducers and init
    StdbTimestamp timestamp;  // when the call was made
    StdbRandom random;        // see stdb_random_u64
    uint32_t uuid_counter;    // see stdb_uuid_v7
} StdbContext;

// The identity of this database.
StdbIdentity stdb_database_identity(void);
// Whether the call comes from the database itself: a scheduled reducer.
bool stdb_is_internal(const StdbContext *ctx);
// The claims of the caller's token, JSON text. False: the call came without a token.
bool stdb_jwt(const StdbContext *ctx, StdbString *ret_claims);

// Same timestamp, same numbers. Not for secrets.
uint64_t stdb_random_u64(StdbContext *ctx);
// 0 up to, but not including, `limit`, which is not 0; all equally likely.
uint64_t stdb_random_below(StdbContext *ctx, uint64_t limit);
// 0.0 up to, but not including, 1.0.
double stdb_random_double(StdbContext *ctx);
void stdb_random_fill(StdbContext *ctx, void *bytes, size_t count);
// Random; ordered by time.
StdbUuid stdb_uuid_v4(StdbContext *ctx);
StdbUuid stdb_uuid_v7(StdbContext *ctx);

// ---- logs ----

typedef enum StdbLogLevel {
    STDB_LOG_ERROR = 0,
    STDB_LOG_WARN = 1,
    STDB_LOG_INFO = 2,
    STDB_LOG_DEBUG = 3,
    STDB_LOG_TRACE = 4,
    STDB_LOG_PANIC = 101,
} StdbLogLevel;

// Logs are kept even if the call fails. printf formats: %d %i %u %x %X %o %c %s %p %f %e %g %%,
// flags, width, precision and the lengths hh h l ll j z t.
#define stdb_log_error(...) stdb_log(STDB_LOG_ERROR, __FILE__, __LINE__, __VA_ARGS__)
#define stdb_log_warn(...) stdb_log(STDB_LOG_WARN, __FILE__, __LINE__, __VA_ARGS__)
#define stdb_log_info(...) stdb_log(STDB_LOG_INFO, __FILE__, __LINE__, __VA_ARGS__)
#define stdb_log_debug(...) stdb_log(STDB_LOG_DEBUG, __FILE__, __LINE__, __VA_ARGS__)
#define stdb_log_trace(...) stdb_log(STDB_LOG_TRACE, __FILE__, __LINE__, __VA_ARGS__)
void stdb_log(StdbLogLevel level, const char *file, uint32_t line, const char *format, ...)
    STDB_PRINTF(4, 5);

// For the impossible: logs and ends the instance. The changes of the call are undone, the caller
// learns only that something broke. For what callers do wrong there is stdb_fail.
#define stdb_panic(...) stdb_panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define STDB_ASSERT(condition)                                         \
    do {                                                               \
        if (!(condition)) stdb_panic("assertion failed: " #condition); \
    } while (0)
_Noreturn void stdb_panic_at(const char *file, uint32_t line, const char *format, ...)
    STDB_PRINTF(3, 4);

// Logs how long something took: uint32_t timer = stdb_timer_start("load"); ...
// stdb_timer_end(timer);
uint32_t stdb_timer_start(const char *name);
void stdb_timer_end(uint32_t timer);

// ---- memory ----

// Zeroed, aligned for anything, gone when the call ends. Never NULL.
void *stdb_alloc(size_t bytes);
// An array of `count` zeroed items: Point *points = STDB_NEW(Point, 3);
#define STDB_NEW(Type, count) ((Type *)stdb_alloc_array((count), sizeof(Type)))
void *stdb_alloc_array(uint64_t count, size_t item_bytes);

// For loops over very many rows: whatever was allocated or read after stdb_mark is given up by
// stdb_release. Iterators opened before the mark must not be advanced in between.
typedef struct StdbMark {
    uintptr_t top;
} StdbMark;
StdbMark stdb_mark(void);
void stdb_release(StdbMark mark);

// ---- text ----

// As printf into a String of its own.
StdbString stdb_format(const char *format, ...) STDB_PRINTF(1, 2);
StdbString stdb_format_list(const char *format, va_list arguments) STDB_PRINTF(1, 0);
// As snprintf: the length the whole text has; `capacity` 0 writes nothing.
size_t stdb_format_into(char *buffer, size_t capacity, const char *format, va_list arguments)
    STDB_PRINTF(3, 0);

// ---- claims: what stdb_jwt gives ----

// A member whose value is a text, its escapes resolved: "sub", "iss" or another. False: it is not
// there or no text.
bool stdb_claim_text(StdbString claims, const char *name, StdbString *ret_value);
// Whether a member is this text or an array with it, as "aud" may be either.
bool stdb_claim_has(StdbString claims, const char *name, StdbString value);
