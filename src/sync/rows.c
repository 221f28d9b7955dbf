// rows.c - what queries yield now.

#include "sync/client.h"

static bool add_row(void *user, Bytes row);
static Status check_rows(const Sync *sync, const QueryOutcome *outcome, Error *error);

Status sync_run_fragment(Sync *sync, const SharedFragment *fragment, Error *error) {
    row_list_clear(&sync->inserts);
    QueryOutcome outcome = fragment_run(fragment->plan, sync->store, add_row, &sync->inserts);
    return check_rows(sync, &outcome, error);
}

Status sync_run_query(Sync *sync, const Query *query, Error *error) {
    row_list_clear(&sync->inserts);
    QueryOutcome outcome = query_run(query, sync->store, add_row, &sync->inserts);
    return check_rows(sync, &outcome, error);
}

static bool add_row(void *user, Bytes row) {
    return row_list_add(user, row);
}

// Part of a result is none.
static Status check_rows(const Sync *sync, const QueryOutcome *outcome, Error *error) {
    Status status = query_check_outcome(outcome, error);
    if (status != STATUS_OK) return status;
    return sync->inserts.is_full ? sync_too_large(sync, error) : STATUS_OK;
}

Status sync_check_size(const Sync *sync, Error *error) {
    return sync_is_too_large(sync) ? sync_too_large(sync, error) : STATUS_OK;
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
