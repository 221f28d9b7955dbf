// hostile_pointers.c - hands any pointer, length and handle to any host call.
//
// call `poke` with the number of a host call and three numbers that it uses where the call takes
// addresses, lengths, and handles or ids. Whatever the host answers is logged; it may also trap.
#include <spacetime/module.h>

STDB_TABLE(Item, item, PUBLIC,
    (uint32_t, id, PRIMARY_KEY, AUTO_INC),
    (StdbString, text));

static uint32_t in_out;

#define AT(address) ((void *)(uintptr_t)(address))

// The calls with rows and indexes: `at` is every address, `id` every table, index and iterator.
static int32_t poke_data(uint32_t call, uint32_t at, uint32_t length, uint32_t id) {
    in_out = length;
    switch (call) {
    case 0: return (int32_t)stdb_host_table_id_from_name(AT(at), length, &in_out);
    case 1: return (int32_t)stdb_host_table_id_from_name("item", 4, AT(at));
    case 2: return (int32_t)stdb_host_index_id_from_name(AT(at), length, &in_out);
    case 3: return (int32_t)stdb_host_index_id_from_name("item_id_idx_btree", 17, AT(at));
    case 4: return (int32_t)stdb_host_table_row_count(id, AT(at));
    case 5: return (int32_t)stdb_host_table_scan(id, AT(at));
    case 6:
        return (int32_t)stdb_host_index_scan_range(id, AT(at), length, length, AT(at), length,
                                                   AT(at), length, AT(at));
    case 7: return stdb_host_row_iter_advance(id, AT(at), &in_out);
    case 8: return stdb_host_row_iter_advance(id, (uint8_t *)&in_out, AT(at));
    case 9: return (int32_t)stdb_host_row_iter_close(id);
    case 10: return (int32_t)stdb_host_insert(id, AT(at), &in_out);
    case 11: return (int32_t)stdb_host_insert(id, (uint8_t *)&in_out, AT(at));
    case 12: return (int32_t)stdb_host_update(id, length, AT(at), &in_out);
    case 13:
        return (int32_t)stdb_host_delete_range(id, AT(at), length, length, AT(at), length, AT(at),
                                               length, AT(at));
    case 14: return (int32_t)stdb_host_delete_all_by_eq(id, AT(at), length, AT(at));
    case 15: return (int32_t)stdb_host_index_scan_point(id, AT(at), length, AT(at));
    case 16: return (int32_t)stdb_host_delete_point(id, AT(at), length, AT(at));
    case 17: return (int32_t)stdb_host_clear(id, AT(at));
    default: return INT32_MIN;
    }
}

static int32_t poke_rest(uint32_t call, uint32_t at, uint32_t length, uint32_t id) {
    in_out = length;
    switch (call) {
    case 18: return stdb_host_bytes_source_read(id, AT(at), &in_out);
    case 19: return stdb_host_bytes_source_read(id, (uint8_t *)&in_out, AT(at));
    case 20: return (int32_t)stdb_host_bytes_source_remaining_length(id, AT(at));
    case 21: return (int32_t)stdb_host_bytes_sink_write(id, AT(at), &in_out);
    case 22: return (int32_t)stdb_host_bytes_sink_write(id, (uint8_t *)&in_out, AT(at));
    case 23:
        stdb_host_console_log(id, AT(at), length, AT(at), length, length, AT(at), length);
        return 0;
    case 24: return (int32_t)stdb_host_console_timer_start(AT(at), length);
    case 25: return (int32_t)stdb_host_console_timer_end(id);
    case 26: stdb_host_identity(AT(at)); return 0;
    case 27: return (int32_t)stdb_host_get_jwt(AT(at), &in_out);
    case 28: return (int32_t)stdb_host_get_jwt((uint8_t *)&in_out, AT(at));
    default: return INT32_MIN;
    }
}

STDB_REDUCER(poke, ctx, (uint32_t, call), (uint32_t, at), (uint32_t, length), (uint32_t, id)) {
    int32_t answer = call < 18 ? poke_data(call, at, length, id) : poke_rest(call, at, length, id);
    if (answer == INT32_MIN) return stdb_fail("no call has number %u", call);
    stdb_log_info("answer %d", answer);
    return STDB_OK;
}

// The number of a table and of an index, and an open iterator that is never closed: for `poke`.
STDB_REDUCER(ids, ctx) {
    uint32_t iter = 0;
    STDB_TRY(item_insert(&(Item){.text = STDB_STRING("one")}));
    stdb_host_table_scan(stdb_table_id(&stdb_table__item), &iter);
    return stdb_fail("%u %u %u", stdb_table_id(&stdb_table__item),
                     stdb_index_id(&stdb_index__item__id), iter);
}

// Rows that are not rows of the table.
STDB_REDUCER(insert_raw, ctx, (StdbBytes, row)) {
    uint8_t *copy = stdb_alloc((size_t)row.count + 16);
    memcpy(copy, row.data, row.count);
    in_out = row.count;
    stdb_log_info("answer %u", stdb_host_insert(stdb_table_id(&stdb_table__item), copy, &in_out));
    return STDB_OK;
}

// Iterators that nobody closes, call after call.
STDB_REDUCER(leak_iters, ctx, (uint32_t, count)) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t error = stdb_host_table_scan(stdb_table_id(&stdb_table__item), &in_out);
        if (error != 0) return stdb_fail("refused scan %u: %u", i, error);
    }
    return STDB_OK;
}
