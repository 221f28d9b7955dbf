// abi.h - the host calls: what a module may import, independent of the engine that runs it. Private to host/.
//
// An engine finds the call by module and name, sees that a transaction is open if it needs one, and calls the
// handler with the guest's arguments. If instance->trapped is set afterwards the guest's call ends with
// instance->trap.text; otherwise the handler's value is the result.
//
// Threads    the instance's.
// Format     spec: module-abi.md 1.3 to 1.8.
#pragma once

#include "host/instance.h"

// One argument or result in the engine's form: 16 bytes, of which the guest's type says what is there.
typedef union __attribute__((may_alias)) HostValue {
    uint32_t u32;
    uint64_t u64;
    uint8_t bytes[16];
} HostValue;

// The guest's result (an errno for most), or anything after a trap.
typedef int64_t HostHandler(Instance *instance, const HostValue *args);

struct HostCall {
    const char *module;
    const char *name;
    const char *signature;  // i: i32, l: i64; parameters, ':', result if any
    bool needs_tx;          // answers NOT_IN_TRANSACTION without one
    HostHandler *handler;
};

// module-abi.md 1.5; those that a host call answers.
typedef enum Errno {
    ERRNO_OK = 0,
    ERRNO_HOST_CALL_FAILURE = 1,
    ERRNO_NOT_IN_TRANSACTION = 2,
    ERRNO_BSATN_DECODE = 3,
    ERRNO_NO_SUCH_TABLE = 4,
    ERRNO_NO_SUCH_INDEX = 5,
    ERRNO_NO_SUCH_ITER = 6,
    ERRNO_NO_SUCH_TIMER = 7,
    ERRNO_NO_SUCH_BYTES = 8,
    ERRNO_NO_SPACE = 9,
    ERRNO_BUFFER_TOO_SMALL = 11,
    ERRNO_UNIQUE_ALREADY_EXISTS = 12,
    ERRNO_SCHEDULE_DELAY_TOO_LONG = 13,
    ERRNO_INDEX_NOT_UNIQUE = 14,
    ERRNO_NO_SUCH_ROW = 15,
    ERRNO_WOULD_BLOCK_TRANSACTION = 17,
    ERRNO_TRANSACTION_NOT_ANONYMOUS = 18,
    ERRNO_HTTP = 21,
} Errno;

// Every import there is; in no particular order.
const HostCall *host_calls(uint32_t *ret_count);
const HostCall *host_call_find(Bytes module, Bytes name);  // NULL if there is none

// ---- for handlers ----

// Ends the guest's call. Returns 0, for `return host_trap(...)`.
int64_t host_trap(Instance *instance, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// The same with "runtime error calling TableIdFromName: " before it.
int64_t host_fail(Instance *instance, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

uint8_t *guest_view_slow(Instance *instance, uint32_t at, uint32_t count);
// Guest memory [at, at + count), or NULL after a trap: null pointers (even of nothing) and what lies outside.
// Every access to guest memory goes through here.
static inline uint8_t *guest_view(Instance *instance, uint32_t at, uint32_t count) {
    if (__builtin_expect(at != 0 && (uint64_t)at + count <= instance->memory_bytes, 1))
        return instance->memory + at;
    return guest_view_slow(instance, at, count);
}
static inline bool guest_bytes(Instance *instance, uint32_t at, uint32_t count, Bytes *ret_bytes) {
    const uint8_t *view = guest_view(instance, at, count);
    if (!view) return false;
    *ret_bytes = (Bytes){view, count};
    return true;
}
// Traps unless it is valid UTF-8.
bool guest_name(Instance *instance, uint32_t at, uint32_t count, Bytes *ret_name);
// Results for the guest; after a trap they change nothing. Both return ERRNO_OK.
int64_t guest_store_u32(Instance *instance, uint32_t at, uint32_t value);
int64_t guest_store_u64(Instance *instance, uint32_t at, uint64_t value);

// A table by id; NULL if there is none, or it is hidden from modules (st_env).
Table *host_find_table(Instance *instance, TableId id);
// An index by id; NULL with the errno to answer.
Index *host_find_index(Instance *instance, IndexId id, Errno *ret_errno);
// False after a trap: modules do not write system tables, and views write nothing.
bool host_may_write(Instance *instance, const Table *table);
// What a view reads, for who wants to know: instance->reads is not NULL. As ReadTracker.read.
void host_note_read(Instance *instance, Table *table, const Index *index, Bytes key);

// ---- handlers, by file ----

// table_calls.c
HostHandler host_table_id_from_name, host_index_id_from_name, host_table_row_count;
HostHandler host_insert, host_update, host_delete_all_by_eq, host_clear;
// scan_calls.c
HostHandler host_table_scan, host_index_scan_range, host_index_scan_point;
HostHandler host_delete_by_range, host_delete_by_point;
HostHandler host_row_iter_advance, host_row_iter_close;
// bytes_calls.c
HostHandler host_bytes_source_read, host_bytes_source_remaining_length, host_bytes_sink_write;
// console_calls.c
HostHandler host_console_log, host_console_timer_start, host_console_timer_end;
// context_calls.c
HostHandler host_identity, host_get_jwt, host_env_get, host_schedule_immediate;
// procedure_calls.c
HostHandler host_procedure_sleep_until, host_procedure_http_request;
HostHandler host_procedure_start, host_procedure_commit, host_procedure_abort;
