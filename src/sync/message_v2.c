// message_v2.c - see message_v2.h.

#include "sync/message_v2.h"

typedef enum MessageTag {
    TAG_INITIAL_CONNECTION,
    TAG_SUBSCRIBE_APPLIED,
    TAG_UNSUBSCRIBE_APPLIED,
    TAG_SUBSCRIPTION_ERROR,
    TAG_TRANSACTION_UPDATE,
    TAG_ONE_OFF_RESULT,
    TAG_REDUCER_RESULT,
    TAG_PROCEDURE_RESULT,
    TAG_SUBSCRIBE_BATCH_APPLIED,
} MessageTag;

enum { OPTION_SOME, OPTION_NONE };
enum { RESULT_OK, RESULT_ERR };
enum { OUTCOME_OK, OUTCOME_OK_EMPTY, OUTCOME_ERR, OUTCOME_INTERNAL };
enum { PROCEDURE_RETURNED, PROCEDURE_INTERNAL };
enum { ROWS_PERSISTENT, ROWS_EVENT };
enum { BATCH_APPLIED, BATCH_ERROR };

static void write_head(Buffer *message, MessageTag tag, uint32_t request_id);
static void write_query_sets(Buffer *message, const PendingVec *pending);
static uint32_t write_tables(Buffer *message, const PendingVec *pending, uint32_t first);
static uint32_t write_table(Buffer *message, const PendingVec *pending, uint32_t first);
static void put_u32(Buffer *message, size_t at, uint32_t value);

static void write_head(Buffer *message, MessageTag tag, uint32_t request_id) {
    buffer_u8(message, (uint8_t)tag);
    buffer_u32(message, request_id);
}

void v2_initial_connection(Buffer *message, const SyncClientOptions *options, Bytes token) {
    buffer_u8(message, TAG_INITIAL_CONNECTION);
    buffer_append(message, options->identity.bytes, sizeof options->identity.bytes);
    buffer_append(message, options->connection_id.bytes, sizeof options->connection_id.bytes);
    buffer_string(message, token);
}

// ---- subscriptions ----

void v2_subscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id) {
    write_head(message, TAG_SUBSCRIBE_APPLIED, request_id);
    buffer_u32(message, query_set_id);
}

void v2_unsubscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id) {
    write_head(message, TAG_UNSUBSCRIBE_APPLIED, request_id);
    buffer_u32(message, query_set_id);
    buffer_u8(message, OPTION_SOME);
}

void v2_unsubscribe_applied_only(Buffer *message, uint32_t request_id, uint32_t query_set_id) {
    write_head(message, TAG_UNSUBSCRIBE_APPLIED, request_id);
    buffer_u32(message, query_set_id);
    buffer_u8(message, OPTION_NONE);
}

void v2_subscribe_batch_applied(Buffer *message, uint32_t request_id, uint32_t set_count) {
    write_head(message, TAG_SUBSCRIBE_BATCH_APPLIED, request_id);
    buffer_u32(message, set_count);
}

void v2_batch_result(Buffer *message, uint32_t query_set_id) {
    buffer_u32(message, query_set_id);
    buffer_u8(message, BATCH_APPLIED);
}

void v2_batch_error(Buffer *message, uint32_t query_set_id, Bytes text) {
    buffer_u32(message, query_set_id);
    buffer_u8(message, BATCH_ERROR);
    buffer_string(message, text);
}

void v2_subscription_error(Buffer *message, const uint32_t *request_id, uint32_t query_set_id,
                           Bytes text) {
    buffer_u8(message, TAG_SUBSCRIPTION_ERROR);
    buffer_u8(message, request_id ? OPTION_SOME : OPTION_NONE);
    if (request_id) buffer_u32(message, *request_id);
    buffer_u32(message, query_set_id);
    buffer_string(message, text);
}

void v2_one_off(Buffer *message, uint32_t request_id, Bytes table_name, const RowList *rows) {
    v2_one_off_head(message, request_id);
    buffer_u32(message, 1);
    buffer_string(message, table_name);
    row_list_write(rows, message);
}

void v2_one_off_head(Buffer *message, uint32_t request_id) {
    write_head(message, TAG_ONE_OFF_RESULT, request_id);
    buffer_u8(message, RESULT_OK);
}

void v2_one_off_error(Buffer *message, uint32_t request_id, Bytes text) {
    write_head(message, TAG_ONE_OFF_RESULT, request_id);
    buffer_u8(message, RESULT_ERR);
    buffer_string(message, text);
}

// ---- transactions and calls ----

void v2_transaction_update(Buffer *message, const PendingVec *pending) {
    ASSERT(pending->count > 0);
    buffer_u8(message, TAG_TRANSACTION_UPDATE);
    write_query_sets(message, pending);
}

void v2_reducer_ok(Buffer *message, uint32_t request_id, int64_t timestamp,
                   const PendingVec *pending) {
    write_head(message, TAG_REDUCER_RESULT, request_id);
    buffer_u64(message, (uint64_t)timestamp);
    buffer_u8(message, OUTCOME_OK);
    buffer_u32(message, 0);  // ret_value: always empty, the Rust SDK insists on it
    write_query_sets(message, pending);
}

void v2_reducer_error(Buffer *message, const SyncEvent *event) {
    ASSERT(event->result != RESULT_COMMITTED);
    ASSERT(event->request != NULL);
    write_head(message, TAG_REDUCER_RESULT, event->request->request_id);
    buffer_u64(message, (uint64_t)event->timestamp);
    if (event->result == RESULT_USER_ERROR) {
        // The error value is BSATN of a string inside a byte string: two lengths.
        buffer_u8(message, OUTCOME_ERR);
        buffer_u32(message, event->text.count + 4);
    } else {
        buffer_u8(message, OUTCOME_INTERNAL);
    }
    buffer_string(message, event->text);
}

void v2_procedure_result(Buffer *message, const SyncEvent *event, Bytes value) {
    ASSERT(event->request != NULL);
    bool is_returned = event->result == RESULT_COMMITTED;
    buffer_u8(message, TAG_PROCEDURE_RESULT);
    buffer_u8(message, is_returned ? PROCEDURE_RETURNED : PROCEDURE_INTERNAL);
    buffer_string(message, is_returned ? value : event->text);
    buffer_u64(message, is_returned ? (uint64_t)event->timestamp : 0);
    buffer_u64(message, is_returned ? (uint64_t)event->duration_micros : 0);
    buffer_u32(message, event->request->request_id);
}

void v2_table_update_rows(Buffer *message, bool is_event, const RowList *inserts,
                          const RowList *deletes) {
    ASSERT(inserts->count > 0 || deletes->count > 0);
    if (is_event) ASSERT(deletes->count == 0);  // events only happen
    buffer_u8(message, is_event ? ROWS_EVENT : ROWS_PERSISTENT);
    row_list_write(inserts, message);
    if (!is_event) row_list_write(deletes, message);
}

// Pending rows are sorted by set and table: each level counts as it goes and fills its count in afterwards.
static void write_query_sets(Buffer *message, const PendingVec *pending) {
    size_t count_at = message->count;
    uint32_t set_count = 0;
    buffer_u32(message, 0);
    for (uint32_t i = 0; i < pending->count; set_count++) {
        uint32_t next = write_tables(message, pending, i);
        ASSERT(next > i && next <= pending->count);
        i = next;
    }
    put_u32(message, count_at, set_count);
}

static uint32_t write_tables(Buffer *message, const PendingVec *pending, uint32_t first) {
    uint32_t id = pending->items[first].query_set_id;
    buffer_u32(message, id);
    size_t count_at = message->count;
    uint32_t table_count = 0;
    buffer_u32(message, 0);
    uint32_t i = first;
    for (; i < pending->count && pending->items[i].query_set_id == id; table_count++) {
        i = write_table(message, pending, i);
    }
    put_u32(message, count_at, table_count);
    ASSERT(i == pending->count || pending->items[i].query_set_id > id);
    return i;
}

static uint32_t write_table(Buffer *message, const PendingVec *pending, uint32_t first) {
    uint32_t id = pending->items[first].query_set_id;
    const SharedPlan *plan = &pending->items[first].fragment->shared->plan;
    buffer_string(message, plan->table_name);
    size_t count_at = message->count;
    uint32_t rows_count = 0;
    buffer_u32(message, 0);
    uint32_t i = first;
    for (; i < pending->count; i++, rows_count++) {
        const PendingRows *rows = &pending->items[i];
        if (rows->query_set_id != id || rows->fragment->shared->plan.table_id != plan->table_id)
            break;
        buffer_append_bytes(message, rows->fragment->update.rows[FORMAT_V2]);
    }
    put_u32(message, count_at, rows_count);
    return i;
}

static void put_u32(Buffer *message, size_t at, uint32_t value) {
    if (!message->failed) store_u32le(message->data + at, value);
}
