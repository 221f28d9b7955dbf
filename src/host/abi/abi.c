// abi.c - the table of host calls, guest memory, and how a call fails.
#include "host/abi/abi.h"

#include <ctype.h>
#include <stdio.h>

// "runtime error calling " and a name in camel case.
#define CALL_NAME_BYTES_MAX 64u

static void call_name(const HostCall *call, char ret_name[CALL_NAME_BYTES_MAX]);
static void trap_set(Instance *instance, const char *format, va_list arguments);

// Every function a wasm module may import: linking, signature checks and the tests walk this table.
// clang-format off
static const HostCall HOST_CALLS[] = {
    // module           name                                           signature      needs_tx  handler
    { "spacetime_10.0", "table_id_from_name",                          "iii:i",       true,  host_table_id_from_name },
    { "spacetime_10.0", "index_id_from_name",                          "iii:i",       true,  host_index_id_from_name },
    { "spacetime_10.0", "datastore_table_row_count",                   "ii:i",        true,  host_table_row_count },
    { "spacetime_10.0", "datastore_table_scan_bsatn",                  "ii:i",        true,  host_table_scan },
    { "spacetime_10.0", "datastore_index_scan_range_bsatn",            "iiiiiiiii:i", true,  host_index_scan_range },
    { "spacetime_10.0", "datastore_btree_scan_bsatn",                  "iiiiiiiii:i", true,  host_index_scan_range },
    { "spacetime_10.0", "row_iter_bsatn_advance",                      "iii:i",       false, host_row_iter_advance },
    { "spacetime_10.0", "row_iter_bsatn_close",                        "i:i",         false, host_row_iter_close },
    { "spacetime_10.0", "datastore_insert_bsatn",                      "iii:i",       true,  host_insert },
    { "spacetime_10.0", "datastore_update_bsatn",                      "iiii:i",      true,  host_update },
    { "spacetime_10.0", "datastore_delete_by_index_scan_range_bsatn",  "iiiiiiiii:i", true,  host_delete_by_range },
    { "spacetime_10.0", "datastore_delete_by_btree_scan_bsatn",        "iiiiiiiii:i", true,  host_delete_by_range },
    { "spacetime_10.0", "datastore_delete_all_by_eq_bsatn",            "iiii:i",      true,  host_delete_all_by_eq },
    { "spacetime_10.0", "bytes_source_read",                           "iii:i",       false, host_bytes_source_read },
    { "spacetime_10.0", "bytes_sink_write",                            "iii:i",       false, host_bytes_sink_write },
    { "spacetime_10.0", "console_log",                                 "iiiiiiii:",   false, host_console_log },
    { "spacetime_10.0", "console_timer_start",                         "ii:i",        false, host_console_timer_start },
    { "spacetime_10.0", "console_timer_end",                           "i:i",         false, host_console_timer_end },
    { "spacetime_10.0", "identity",                                    "i:",          false, host_identity },
    { "spacetime_10.0", "volatile_nonatomic_schedule_immediate",       "iiii:",       false, host_schedule_immediate },
    { "spacetime_10.1", "bytes_source_remaining_length",               "ii:i",        false,
      host_bytes_source_remaining_length },
    { "spacetime_10.2", "get_jwt",                                     "ii:i",        true,  host_get_jwt },
    { "spacetime_10.3", "procedure_sleep_until",                       "l:l",         false, host_procedure_sleep_until },
    { "spacetime_10.3", "procedure_start_mut_tx",                      "i:i",         false, host_procedure_start },
    { "spacetime_10.3", "procedure_commit_mut_tx",                     ":i",          false, host_procedure_commit },
    { "spacetime_10.3", "procedure_abort_mut_tx",                      ":i",          false, host_procedure_abort },
    { "spacetime_10.3", "procedure_http_request",                      "iiiii:i",     false, host_procedure_http_request },
    { "spacetime_10.4", "datastore_index_scan_point_bsatn",            "iiii:i",      true,  host_index_scan_point },
    { "spacetime_10.4", "datastore_delete_by_index_scan_point_bsatn",  "iiii:i",      true,  host_delete_by_point },
    { "spacetime_10.5", "datastore_clear",                             "ii:i",        true,  host_clear },
    { "spacetime_10.6", "env_get",                                     "iii:i",       false, host_env_get },
};
// clang-format on
#define HOST_CALL_COUNT ((uint32_t)(sizeof HOST_CALLS / sizeof *HOST_CALLS))

const HostCall *host_calls(uint32_t *ret_count) {
    *ret_count = HOST_CALL_COUNT;
    return HOST_CALLS;
}

const HostCall *host_call_find(Bytes module, Bytes name) {
    for (uint32_t i = 0; i < HOST_CALL_COUNT; i++) {
        const HostCall *call = &HOST_CALLS[i];
        if (bytes_equal_text(name, call->name) && bytes_equal_text(module, call->module))
            return call;
    }
    return NULL;
}

int64_t host_trap(Instance *instance, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    trap_set(instance, format, arguments);
    va_end(arguments);
    return 0;
}

int64_t host_fail(Instance *instance, const char *format, ...) {
    char name[CALL_NAME_BYTES_MAX];
    call_name(instance->host_call, name);
    va_list arguments;
    va_start(arguments, format);
    trap_set(instance, format, arguments);
    va_end(arguments);
    error_prefix(&instance->trap, "runtime error calling %s: ", name);
    return 0;
}

static void trap_set(Instance *instance, const char *format, va_list arguments) {
    ASSERT(!instance->trapped);  // the first failure ends the call
    instance->trapped = true;
    instance->trap.status = STATUS_INVALID;
    (void)vsnprintf(instance->trap.text, sizeof instance->trap.text, format,
                    arguments);  // cut if longer
}

// "table_id_from_name" -> "TableIdFromName".
static void call_name(const HostCall *call, char ret_name[CALL_NAME_BYTES_MAX]) {
    uint32_t count = 0;
    bool starts_word = true;
    for (const char *at = call->name; *at; at++) {
        ASSERT(count < CALL_NAME_BYTES_MAX - 1);
        if (*at != '_') ret_name[count++] = starts_word ? (char)toupper((unsigned char)*at) : *at;
        starts_word = *at == '_';
    }
    ret_name[count] = '\0';
}

uint8_t *guest_view_slow(Instance *instance, uint32_t at, uint32_t count) {
    if (at == 0) {
        host_trap(instance, "null pointer passed to a spacetime function");
        return NULL;
    }
    instance->engine->memory_refresh(instance);
    if ((uint64_t)at + count <= instance->memory_bytes) return instance->memory + at;
    host_trap(instance, "out of bounds pointer passed to a spacetime function");
    return NULL;
}

bool guest_name(Instance *instance, uint32_t at, uint32_t count, Bytes *ret_name) {
    Bytes name;
    if (!guest_bytes(instance, at, count, &name)) return false;
    if (!utf8_is_valid(name)) {
        host_trap(instance, "invalid utf8 passed to a spacetime function");
        return false;
    }
    *ret_name = name;
    return true;
}

int64_t guest_store_u32(Instance *instance, uint32_t at, uint32_t value) {
    uint8_t *view = guest_view(instance, at, sizeof value);
    if (view) store_u32le(view, value);
    return ERRNO_OK;
}

int64_t guest_store_u64(Instance *instance, uint32_t at, uint64_t value) {
    uint8_t *view = guest_view(instance, at, sizeof value);
    if (view) store_u64le(view, value);
    return ERRNO_OK;
}

Table *host_find_table(Instance *instance, TableId id) {
    if (id == ST_ENV) return NULL;
    return store_find_table(instance->env->store, id);
}

Index *host_find_index(Instance *instance, IndexId id, Errno *ret_errno) {
    Index *index = store_find_index(instance->env->store, id);
    *ret_errno = index ? ERRNO_NO_SUCH_TABLE : ERRNO_NO_SUCH_INDEX;
    if (index && table_id(index_table(index)) == ST_ENV) return NULL;
    return index;
}

bool host_may_write(Instance *instance, const Table *table) {
    if (__builtin_expect(instance->reads != NULL, 0)) {
        host_fail(instance, "views cannot write");
        return false;
    }
    if (table_id(table) >= USER_ID_MIN) return true;
    host_fail(instance, "modules cannot write system tables");
    return false;
}

void host_note_read(Instance *instance, Table *table, const Index *index, Bytes key) {
    const ReadTracker *reads = instance->reads;
    ASSERT(reads != NULL);
    reads->read(reads->user, table, index, key);
}
