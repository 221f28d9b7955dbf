// rows.c - what queries yield now, written into messages.

#include "sync/client.h"

static bool add_row(void *user, Bytes row);

bool sync_run_fragment(Sync *sync, const SharedFragment *fragment) {
    row_list_clear(&sync->inserts);
    fragment_run(fragment->plan, sync->store, add_row, &sync->inserts);
    return !sync->inserts.is_full;
}

bool sync_run_query(Sync *sync, const Query *query) {
    row_list_clear(&sync->inserts);
    query_run(query, sync->store, add_row, &sync->inserts);
    return !sync->inserts.is_full;
}

static bool add_row(void *user, Bytes row) {
    return row_list_add(user, row);
}

bool sync_has_rows(const Sync *sync, const SharedFragment *fragment) {
    for (uint32_t i = 0; i < fragment_table_count(fragment->plan); i++) {
        const Table *table = store_find_table(sync->store, fragment_table(fragment->plan, i));
        ASSERT(table != NULL);  // plans are up to date
        if (table_row_count(table) == 0) return false;
    }
    return true;
}

Status sync_too_large(const Sync *sync, Error *error) {
    return error_set(error, STATUS_LIMIT,
                     "the rows are more than the %u bytes that a message may have",
                     sync->output.message_bytes_max);
}
