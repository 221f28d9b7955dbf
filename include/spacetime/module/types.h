// types.h - the values that tables and reducers are made of.
//
// Lifetime   plain values, copied by assignment. What a String, Bytes or array points to lives as
//            long as whoever owns it: values read from rows and arguments until the end of the
//            call, literals for ever.
// Format     docs/modules-in-c.md, "Types", says which database type each of them is.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Functions that declarations make, whether or not the module calls them.
#define STDB_INLINE __attribute__((unused)) static inline

__extension__ typedef unsigned __int128 StdbU128;
__extension__ typedef __int128 StdbI128;

// 256-bit integers, least significant word first, two's complement.
typedef struct StdbU256 {
    uint64_t words[4];
} StdbU256;
typedef struct StdbI256 {
    uint64_t words[4];
} StdbI256;

// Text in UTF-8. `length` counts bytes. Strings that come from rows, arguments and stdb_format are
// followed by a zero byte, so `data` can be printed with %s; a String that you make yourself need
// not be.
typedef struct StdbString {
    const char *data;
    uint32_t length;
} StdbString;

// A byte array.
typedef struct StdbBytes {
    const uint8_t *data;
    uint32_t count;
} StdbBytes;

// Who: a user or a database. Least significant byte first; stdb_identity_text prints it the usual
// way round.
typedef struct StdbIdentity {
    uint8_t bytes[32];
} StdbIdentity;

// One connection of somebody. All zeros: none, as for scheduled reducers.
typedef struct StdbConnectionId {
    uint8_t bytes[16];
} StdbConnectionId;

// A UUID, last byte of its text first.
typedef struct StdbUuid {
    uint8_t bytes[16];
} StdbUuid;

// Microseconds since 1970-01-01T00:00:00Z.
typedef struct StdbTimestamp {
    int64_t micros;
} StdbTimestamp;

// A span of time.
typedef struct StdbDuration {
    int64_t micros;
} StdbDuration;

typedef enum StdbScheduleAtTag {
    STDB_SCHEDULE_INTERVAL,
    STDB_SCHEDULE_TIME,
} StdbScheduleAtTag;

// When a scheduled reducer runs: stdb_every(interval) or stdb_at(time).
typedef struct StdbScheduleAt {
    StdbScheduleAtTag tag;
    union {
        StdbDuration interval;
        StdbTimestamp time;
    };
} StdbScheduleAt;

// No value: the payload of a variant that carries nothing.
typedef struct StdbUnit {
    uint8_t nothing;
} StdbUnit;

// ---- strings ----

// A String from a literal, also in static initialisers. From a char pointer: stdb_string.
#define STDB_STRING(literal) ((StdbString){"" literal "", sizeof(literal) - 1})

// Borrows the text up to its zero byte.
StdbString stdb_string(const char *text);
// A copy that ends with a zero byte, in the memory of this call.
StdbString stdb_string_copy(StdbString text);
bool stdb_string_equal(StdbString left, StdbString right);
// Order of the bytes, which is the order of the code points: negative, zero or positive.
int stdb_string_compare(StdbString left, StdbString right);

// ---- identities ----

bool stdb_identity_equal(StdbIdentity left, StdbIdentity right);
bool stdb_connection_id_equal(StdbConnectionId left, StdbConnectionId right);
bool stdb_connection_id_is_none(StdbConnectionId connection_id);
bool stdb_uuid_equal(StdbUuid left, StdbUuid right);
// 64 hex digits, 32 hex digits, and the hyphenated form. In the memory of this call, with a zero
// byte.
const char *stdb_identity_text(StdbIdentity identity);
const char *stdb_connection_id_text(StdbConnectionId connection_id);
const char *stdb_uuid_text(StdbUuid uuid);
// 64 hex digits, with or without 0x in front. False: it is something else.
bool stdb_identity_parse(StdbString text, StdbIdentity *ret_identity);

// ---- times ----

// 2026-03-01T12:00:00.000000Z, in the memory of this call, with a zero byte.
const char *stdb_timestamp_text(StdbTimestamp timestamp);

static inline StdbDuration stdb_micros(int64_t micros) {
    return (StdbDuration){micros};
}
static inline StdbDuration stdb_millis(int64_t millis) {
    return (StdbDuration){millis * 1000};
}
static inline StdbDuration stdb_seconds(int64_t seconds) {
    return (StdbDuration){seconds * 1000000};
}
static inline StdbDuration stdb_minutes(int64_t minutes) {
    return stdb_seconds(minutes * 60);
}
static inline StdbDuration stdb_hours(int64_t hours) {
    return stdb_seconds(hours * 3600);
}
static inline StdbTimestamp stdb_later(StdbTimestamp timestamp, StdbDuration duration) {
    return (StdbTimestamp){timestamp.micros + duration.micros};
}
static inline StdbTimestamp stdb_earlier(StdbTimestamp timestamp, StdbDuration duration) {
    return (StdbTimestamp){timestamp.micros - duration.micros};
}
// From `start` to `end`.
static inline StdbDuration stdb_elapsed(StdbTimestamp start, StdbTimestamp end) {
    return (StdbDuration){end.micros - start.micros};
}
// Again and again, the first time one interval from now.
static inline StdbScheduleAt stdb_every(StdbDuration interval) {
    return (StdbScheduleAt){STDB_SCHEDULE_INTERVAL, .interval = interval};
}
// Once, at this time; at once if it has passed.
static inline StdbScheduleAt stdb_at(StdbTimestamp time) {
    return (StdbScheduleAt){STDB_SCHEDULE_TIME, .time = time};
}

// ---- the C library's own, so that no libc is needed ----

void *memcpy(void *restrict target, const void *restrict source, size_t count);
void *memmove(void *target, const void *source, size_t count);
void *memset(void *target, int byte, size_t count);
int memcmp(const void *left, const void *right, size_t count);
size_t strlen(const char *text);
int strcmp(const char *left, const char *right);
