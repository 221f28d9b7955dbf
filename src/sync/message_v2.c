// message_v2.c - server messages of protocols v2 and v3 (websocket.md 5.2 and 5.3), without the compression tag:
// the connection puts it before each WebSocket message.

#include "sync/client.h"

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

#define OPTION_SOME 0u
#define OPTION_NONE 1u
#define RESULT_OK 0u
#define RESULT_ERR 1u
#define OUTCOME_OK 0u
#define OUTCOME_ERR 2u
#define OUTCOME_INTERNAL 3u
#define PROCEDURE_RETURNED 0u
#define PROCEDURE_INTERNAL 1u
#define ROWS_PERSISTENT 0u
#define ROWS_EVENT 1u

static void write_query_sets(Buffer *message, const PendingVec *pending);
static uint32_t write_tables(Buffer *message, const PendingVec *pending, uint32_t first);
static uint32_t write_table(Buffer *message, const PendingVec *pending, uint32_t first);
static void put_u32(Buffer *message, size_t at, uint32_t value);

void v2_initial_connection(Buffer *message, const SyncClientOptions *options, Bytes token) {
    buffer_u8(message, TAG_INITIAL_CONNECTION);
    buffer_append(message, options->identity.bytes, sizeof options->identity.bytes);
    buffer_append(message, options->connection_id.bytes, sizeof options->connection_id.bytes);
    buffer_string(message, token);
}

void v2_subscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id) {
    buffer_u8(message, TAG_SUBSCRIBE_APPLIED);
    buffer_u32(message, request_id);
    buffer_u32(message, query_set_id);
}

void v2_unsubscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id, bool with_rows) {
    buffer_u8(message, TAG_UNSUBSCRIBE_APPLIED);
    buffer_u32(message, request_id);
    buffer_u32(message, query_set_id);
    buffer_u8(message, (uint8_t)(with_rows ? OPTION_SOME : OPTION_NONE));
}

void v2_subscribe_batch_applied(Buffer *message, uint32_t request_id, uint32_t set_count) {
    buffer_u8(message, TAG_SUBSCRIBE_BATCH_APPLIED);
    buffer_u32(message, request_id);
    buffer_u32(message, set_count);
}

void v2_subscription_error(Buffer *message, const uint32_t *request_id, uint32_t query_set_id, Bytes text) {
    buffer_u8(message, TAG_SUBSCRIPTION_ERROR);
    buffer_u8(message, (uint8_t)(request_id ? OPTION_SOME : OPTION_NONE));
    if (request_id) buffer_u32(message, *request_id);
    buffer_u32(message, query_set_id);
    buffer_string(message, text);
}

void v2_one_off_ok(Buffer *message, uint32_t request_id) {
    buffer_u8(message, TAG_ONE_OFF_RESULT);
    buffer_u32(message, request_id);
    buffer_u8(message, RESULT_OK);
}

void v2_one_off_error(Buffer *message, uint32_t request_id, Bytes text) {
    buffer_u8(message, TAG_ONE_OFF_RESULT);
    buffer_u32(message, request_id);
    buffer_u8(message, RESULT_ERR);
    buffer_string(message, text);
}

void v2_transaction_update(Buffer *message, const PendingVec *pending) {
    ASSERT(pending->count > 0);
    buffer_u8(message, TAG_TRANSACTION_UPDATE);
    write_query_sets(message, pending);
}

void v2_reducer_ok(Buffer *message, uint32_t request_id, int64_t timestamp, const PendingVec *pending) {
    buffer_u8(message, TAG_REDUCER_RESULT);
    buffer_u32(message, request_id);
    buffer_u64(message, (uint64_t)timestamp);
    buffer_u8(message, OUTCOME_OK);
    buffer_u32(message, 0);  // ret_value: always empty, the Rust SDK insists on it
    write_query_sets(message, pending);
}

void v2_reducer_error(Buffer *message, uint32_t request_id, int64_t timestamp, CallResult result, Bytes text) {
    ASSERT(result != RESULT_COMMITTED);
    buffer_u8(message, TAG_REDUCER_RESULT);
    buffer_u32(message, request_id);
    buffer_u64(message, (uint64_t)timestamp);
    if (result == RESULT_USER_ERROR) {
        // The error value is BSATN of a string inside a byte string: two lengths.
        buffer_u8(message, OUTCOME_ERR);
        buffer_u32(message, text.count + 4);
    } else {
        buffer_u8(message, OUTCOME_INTERNAL);
    }
    buffer_string(message, text);
}

void v2_procedure_returned(Buffer *message, const SyncEvent *event, Bytes value) {
    buffer_u8(message, TAG_PROCEDURE_RESULT);
    buffer_u8(message, PROCEDURE_RETURNED);
    buffer_string(message, value);
    buffer_u64(message, (uint64_t)event->timestamp);
    buffer_u64(message, (uint64_t)event->duration_micros);
    buffer_u32(message, event->request->request_id);
}

void v2_procedure_failed(Buffer *message, uint32_t request_id, Bytes text) {
    buffer_u8(message, TAG_PROCEDURE_RESULT);
    buffer_u8(message, PROCEDURE_INTERNAL);
    buffer_string(message, text);
    buffer_u64(message, 0);
    buffer_u64(message, 0);
    buffer_u32(message, request_id);
}

void v2_table_update_rows(Buffer *message, bool is_event, const RowList *inserts, const RowList *deletes) {
    buffer_u8(message, (uint8_t)(is_event ? ROWS_EVENT : ROWS_PERSISTENT));
    row_list_write(inserts, message);
    if (!is_event) row_list_write(deletes, message);
}

// Pending rows are sorted by set and table: each level counts as it goes and fills its count in afterwards.
static void write_query_sets(Buffer *message, const PendingVec *pending) {
    size_t count_at = message->count;
    uint32_t set_count = 0;
    buffer_u32(message, 0);
    for (uint32_t i = 0; i < pending->count; set_count++) i = write_tables(message, pending, i);
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
    return i;
}

static uint32_t write_table(Buffer *message, const PendingVec *pending, uint32_t first) {
    uint32_t id = pending->items[first].query_set_id;
    Bytes name = pending->items[first].shared->table_name;
    buffer_string(message, name);
    size_t count_at = message->count;
    uint32_t row_count = 0;
    buffer_u32(message, 0);
    uint32_t i = first;
    for (; i < pending->count; i++, row_count++) {
        const PendingRows *rows = &pending->items[i];
        if (rows->query_set_id != id || !bytes_equal(rows->shared->table_name, name)) break;
        buffer_append_bytes(message, rows->update->rows);
    }
    put_u32(message, count_at, row_count);
    return i;
}

static void put_u32(Buffer *message, size_t at, uint32_t value) {
    if (!message->failed) store_u32le(message->data + at, value);
}
