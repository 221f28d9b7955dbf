// host.h - the functions that the host offers to a module, as they are.
//
// Modules rarely call them: the row functions of table.h do. They return 0 or a StdbErrno; a bad
// pointer traps. "in/out" lengths hold the capacity on entry and the count on return. Only what a
// module calls becomes an import.
// Format     module ABI 10.6, table 1.7
#pragma once

#include "types.h"

typedef enum StdbErrno {
    STDB_ERRNO_NO_SUCH_ROW = 15,
    STDB_ERRNO_UNIQUE_EXISTS = 12,
    STDB_ERRNO_SCHEDULE_TOO_LONG = 13,
    STDB_ERRNO_BUFFER_TOO_SMALL = 11,
    STDB_ERRNO_WOULD_BLOCK = 17,
    STDB_ERRNO_HTTP = 21,
} StdbErrno;

#define STDB_IMPORT(version, name) \
    __attribute__((import_module("spacetime_" version), import_name(name))) extern

STDB_IMPORT("10.0", "table_id_from_name")
uint32_t stdb_host_table_id_from_name(const char *name, uint32_t length, uint32_t *ret_id);
STDB_IMPORT("10.0", "index_id_from_name")
uint32_t stdb_host_index_id_from_name(const char *name, uint32_t length, uint32_t *ret_id);
STDB_IMPORT("10.0", "datastore_table_row_count")
uint32_t stdb_host_table_row_count(uint32_t table, uint64_t *ret_count);
STDB_IMPORT("10.0", "datastore_table_scan_bsatn")
uint32_t stdb_host_table_scan(uint32_t table, uint32_t *ret_iter);
STDB_IMPORT("10.0", "datastore_index_scan_range_bsatn")
uint32_t stdb_host_index_scan_range(uint32_t index, const uint8_t *prefix, uint32_t prefix_bytes,
                                    uint32_t prefix_columns, const uint8_t *low, uint32_t low_bytes,
                                    const uint8_t *high, uint32_t high_bytes, uint32_t *ret_iter);
STDB_IMPORT("10.0", "row_iter_bsatn_advance")
int32_t stdb_host_row_iter_advance(uint32_t iter, uint8_t *buffer, uint32_t *length);
STDB_IMPORT("10.0", "row_iter_bsatn_close")
uint32_t stdb_host_row_iter_close(uint32_t iter);
STDB_IMPORT("10.0", "datastore_insert_bsatn")
uint32_t stdb_host_insert(uint32_t table, uint8_t *row, uint32_t *length);
STDB_IMPORT("10.0", "datastore_update_bsatn")
uint32_t stdb_host_update(uint32_t table, uint32_t index, uint8_t *row, uint32_t *length);
STDB_IMPORT("10.0", "datastore_delete_by_index_scan_range_bsatn")
uint32_t stdb_host_delete_range(uint32_t index, const uint8_t *prefix, uint32_t prefix_bytes,
                                uint32_t prefix_columns, const uint8_t *low, uint32_t low_bytes,
                                const uint8_t *high, uint32_t high_bytes, uint32_t *ret_count);
STDB_IMPORT("10.0", "datastore_delete_all_by_eq_bsatn")
uint32_t stdb_host_delete_all_by_eq(uint32_t table, const uint8_t *rows, uint32_t length,
                                    uint32_t *ret_count);
STDB_IMPORT("10.0", "bytes_source_read")
int32_t stdb_host_bytes_source_read(uint32_t source, uint8_t *buffer, uint32_t *length);
STDB_IMPORT("10.0", "bytes_sink_write")
uint32_t stdb_host_bytes_sink_write(uint32_t sink, const uint8_t *bytes, uint32_t *length);
STDB_IMPORT("10.0", "console_log")
void stdb_host_console_log(uint32_t level, const char *target, uint32_t target_length,
                           const char *file, uint32_t file_length, uint32_t line, const char *text,
                           uint32_t text_length);
STDB_IMPORT("10.0", "console_timer_start")
uint32_t stdb_host_console_timer_start(const char *name, uint32_t length);
STDB_IMPORT("10.0", "console_timer_end")
uint32_t stdb_host_console_timer_end(uint32_t timer);
STDB_IMPORT("10.0", "identity")
void stdb_host_identity(uint8_t *ret_identity);
STDB_IMPORT("10.1", "bytes_source_remaining_length")
uint32_t stdb_host_bytes_source_remaining_length(uint32_t source, uint32_t *ret_length);
STDB_IMPORT("10.2", "get_jwt")
uint32_t stdb_host_get_jwt(const uint8_t *connection_id, uint32_t *ret_source);
STDB_IMPORT("10.3", "procedure_sleep_until")
int64_t stdb_host_sleep_until(int64_t micros);
STDB_IMPORT("10.3", "procedure_start_mut_tx")
uint32_t stdb_host_start_tx(int64_t *ret_micros);
STDB_IMPORT("10.3", "procedure_commit_mut_tx")
uint32_t stdb_host_commit_tx(void);
STDB_IMPORT("10.3", "procedure_abort_mut_tx")
uint32_t stdb_host_abort_tx(void);
STDB_IMPORT("10.3", "procedure_http_request")
uint32_t stdb_host_http_request(const uint8_t *request, uint32_t request_bytes, const uint8_t *body,
                                uint32_t body_bytes, uint32_t ret_sources[2]);
STDB_IMPORT("10.4", "datastore_index_scan_point_bsatn")
uint32_t stdb_host_index_scan_point(uint32_t index, const uint8_t *key, uint32_t length,
                                    uint32_t *ret_iter);
STDB_IMPORT("10.4", "datastore_delete_by_index_scan_point_bsatn")
uint32_t stdb_host_delete_point(uint32_t index, const uint8_t *key, uint32_t length,
                                uint32_t *ret_count);
STDB_IMPORT("10.5", "datastore_clear")
uint32_t stdb_host_clear(uint32_t table, uint64_t *ret_count);
STDB_IMPORT("10.6", "env_get")
uint32_t stdb_host_env_get(const char *key, uint32_t length, uint32_t *ret_source);
