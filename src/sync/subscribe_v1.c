// subscribe_v1.c - subscriptions of v1 (websocket.md 9.4).
//
// The client knows queries, not sets: each is delivered once, whatever ids hold it, so that only what is new to
// the client is listed when an id comes, and only what leaves it when one goes. The legacy set stands beside
// the ids and is replaced as a whole.

#include "base/gate.h"
#include "sync/client.h"
#include "sync/message_v1.h"

static void subscribe_legacy(Sync *sync, SyncClient *client, const Request *request,
                             uint64_t ticket);
static Status fill_legacy(Sync *sync, QuerySet *set, const Request *request, Error *error);
static void subscribe_id(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static Status fill_id(Sync *sync, QuerySet *set, const Request *request, Error *error);
static Status check_events(const QuerySet *set, Error *error);
static Status apply_id(Sync *sync, const QuerySet *set, const Request *request, Error *error);
static void unsubscribe_id(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static Status unsubscribe_set(Sync *sync, const QuerySet *set, const Request *request,
                              Error *error);
static bool is_only_here(const QuerySet *set, const SharedQuery *shared);

// Rows of a subscription come as inserts, of the end of one as deletes.
typedef enum Direction { ROWS_COME, ROWS_GO } Direction;
typedef enum Selection { ALL_QUERIES, QUERIES_ONLY_HERE } Selection;
typedef struct Rows {
    const QuerySet *set;
    Selection selection;
    Direction direction;
} Rows;
static Status write_database_update(Sync *sync, const Rows *rows, Error *error);
static Status write_fragment(Sync *sync, const Rows *rows, const SharedFragment *fragment,
                             Error *error);
static Status write_single(Sync *sync, const Rows *rows, const SharedQuery *shared, Error *error);
static void write_table(Sync *sync, const Rows *rows, const SharedPlan *plan);
static Status finish_rows(Sync *sync, Status status);
static void subscription_error(Sync *sync, const SyncClient *client, const Request *request,
                               const Error *error);

void sync_request_v1(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    ASSERT(client->format != FORMAT_V2 && request->set_count == 1);
    switch (request->kind) {
    case REQUEST_SUBSCRIBE_LEGACY: subscribe_legacy(sync, client, request, ticket); return;
    case REQUEST_SUBSCRIBE_SINGLE:
    case REQUEST_SUBSCRIBE_MULTI: subscribe_id(sync, client, request, ticket); return;
    case REQUEST_UNSUBSCRIBE_SINGLE:
    case REQUEST_UNSUBSCRIBE_MULTI: unsubscribe_id(sync, client, request, ticket); return;
    case REQUEST_SUBSCRIBE:
    case REQUEST_SUBSCRIBE_BATCH:
    case REQUEST_UNSUBSCRIBE:
    case REQUEST_ONE_OFF:
    case REQUEST_CALL_REDUCER:
    case REQUEST_CALL_PROCEDURE: break;
    }
    UNREACHABLE();
}

// ---- the legacy set ----

// The old set stays if the new one fails.
static void subscribe_legacy(Sync *sync, SyncClient *client, const Request *request,
                             uint64_t ticket) {
    QuerySet *set = sync_create_set(sync, client, 0);
    set->is_legacy = true;
    ASSERT(sync->message.count == 0);
    Error error;
    Status status = fill_legacy(sync, set, request, &error);
    if (status != STATUS_OK) {
        sync_drop_set(sync, set);
        subscription_error(sync, client, request, &error);
        return;
    }
    if (client->legacy) sync_drop_set(sync, client->legacy);
    status = sync_register_set(sync, set, &error);
    ASSERT(status == STATUS_OK);  // it needs no id
    sync_send_message(sync, client, ticket);
}

static Status fill_legacy(Sync *sync, QuerySet *set, const Request *request, Error *error) {
    Status status = sync_collect_queries(sync, set, &request->sets[0], error);
    if (status == STATUS_OK) status = sync_check_row_limit(sync, set, error);
    if (status != STATUS_OK) return status;
    v1_initial_subscription_begin(&sync->message);
    Rows rows = {set, ALL_QUERIES, ROWS_COME};
    status = write_database_update(sync, &rows, error);
    if (status == STATUS_OK) v1_initial_subscription_end(&sync->message, request->request_id);
    return finish_rows(sync, status);
}

// ---- sets with an id ----

static void subscribe_id(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    QuerySet *set = sync_create_set(sync, client, request->sets[0].query_set_id);
    Error error;
    Status status = fill_id(sync, set, request, &error);
    if (status == STATUS_OK) status = sync_register_set(sync, set, &error);
    if (status == STATUS_OK) status = apply_id(sync, set, request, &error);
    if (status == STATUS_OK) {
        sync_send_message(sync, client, ticket);
    } else {
        sync_drop_set(sync, set);
        subscription_error(sync, client, request, &error);
    }
}

static Status fill_id(Sync *sync, QuerySet *set, const Request *request, Error *error) {
    const RequestSet *wanted = &request->sets[0];
    bool is_single = request->kind == REQUEST_SUBSCRIBE_SINGLE;
    Status status = is_single ? sync_collect_query(sync, set, wanted->queries[0], error)
                              : sync_collect_queries(sync, set, wanted, error);
    if (status == STATUS_OK) status = check_events(set, error);
    if (status != STATUS_OK) return status;
    status = sync_check_row_limit(sync, set, error);
    if (status == STATUS_OK || !is_single) return status;
    Error cause = *error;
    return error_set(error, status, "%s, executing: `%.*s`", cause.text,
                     BYTES_FORMAT(wanted->queries[0]));
}

// Old generated code would keep events as if they were rows.
static Status check_events(const QuerySet *set, Error *error) {
    for (uint32_t i = 0; i < set->queries.count; i++) {
        if (!set->queries.items[i].shared->plan.is_event) continue;
        return error_set(
            error, STATUS_UNSUPPORTED,
            "Subscribing to event tables requires WebSocket v2. Please upgrade your client "
            "SDK and regenerate your module bindings.");
    }
    return STATUS_OK;
}

static Status apply_id(Sync *sync, const QuerySet *set, const Request *request, Error *error) {
    Rows rows = {set, QUERIES_ONLY_HERE, ROWS_COME};
    Status status;
    if (request->kind == REQUEST_SUBSCRIBE_SINGLE) {
        ASSERT(set->queries.count == 1);
        v1_applied(&sync->message, V1_SUBSCRIBE_APPLIED, request->request_id, set->id);
        status = write_single(sync, &rows, set->queries.items[0].shared, error);
    } else {
        v1_applied(&sync->message, V1_SUBSCRIBE_MULTI_APPLIED, request->request_id, set->id);
        status = write_database_update(sync, &rows, error);
    }
    return finish_rows(sync, status);
}

static void unsubscribe_id(Sync *sync, SyncClient *client, const Request *request,
                           uint64_t ticket) {
    uint32_t id = request->sets[0].query_set_id;
    ASSERT(sync->message.count == 0);
    QuerySet *set = sync_find_set(client, id);
    Status status = STATUS_NOT_FOUND;
    Error error;
    if (set) {
        status = unsubscribe_set(sync, set, request, &error);
        sync_drop_set(sync, set);
    } else {
        sync_set_missing(client, id, &error);
    }
    if (status == STATUS_OK) {
        sync_send_message(sync, client, ticket);
    } else {
        subscription_error(sync, client, request, &error);
    }
}

static Status unsubscribe_set(Sync *sync, const QuerySet *set, const Request *request,
                              Error *error) {
    Rows rows = {set, QUERIES_ONLY_HERE, ROWS_GO};
    if (request->kind == REQUEST_UNSUBSCRIBE_MULTI) {
        v1_applied(&sync->message, V1_UNSUBSCRIBE_MULTI_APPLIED, request->request_id, set->id);
        return finish_rows(sync, write_database_update(sync, &rows, error));
    }
    const SharedQuery *leaving = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->queries.count; i++) {
        if (!is_only_here(set, set->queries.items[i].shared)) continue;
        leaving = set->queries.items[i].shared;
        count++;
    }
    // The answer has room for one query; upstream says no more than this.
    if (count != 1) return error_set(error, STATUS_CONFLICT, "Internal error");
    v1_applied(&sync->message, V1_UNSUBSCRIBE_APPLIED, request->request_id, set->id);
    return finish_rows(sync, write_single(sync, &rows, leaving, error));
}

// The set itself holds it, and is counted.
static bool is_only_here(const QuerySet *set, const SharedQuery *shared) {
    uint32_t count = sync_count_query(set->client, shared);
    ASSERT(count > 0);
    return count == 1;
}

// ---- rows ----

// One table update per fragment whose tables all have rows.
static Status write_database_update(Sync *sync, const Rows *rows, Error *error) {
    Buffer *message = &sync->message;
    size_t count_at = message->count;
    uint32_t count = 0;
    buffer_u32(message, 0);
    for (uint32_t q = 0; q < rows->set->queries.count; q++) {
        const SharedQuery *shared = rows->set->queries.items[q].shared;
        if (rows->selection == QUERIES_ONLY_HERE && !is_only_here(rows->set, shared)) continue;
        for (uint32_t f = 0; f < shared->plan.fragment_count; f++) {
            const SharedFragment *fragment = &shared->plan.fragments[f];
            if (!sync_has_rows(sync, fragment)) continue;
            Status status = write_fragment(sync, rows, fragment, error);
            if (status != STATUS_OK) return status;
            count++;
        }
    }
    ASSERT(!message->failed);
    store_u32le(message->data + count_at, count);
    return sync_check_size(sync, error);
}

static Status write_fragment(Sync *sync, const Rows *rows, const SharedFragment *fragment,
                             Error *error) {
    Status status = sync_run_fragment(sync, fragment, error);
    if (status != STATUS_OK) return status;
    write_table(sync, rows, &fragment->shared->plan);
    return sync_check_size(sync, error);
}

// SubscribeRows: the fragments merged, even if there are no rows.
static Status write_single(Sync *sync, const Rows *rows, const SharedQuery *shared, Error *error) {
    Status status = sync_run_query(sync, shared->plan.query, error);
    if (status != STATUS_OK) return status;
    v1_subscribe_rows(&sync->message, &shared->plan);
    write_table(sync, rows, &shared->plan);
    return sync_check_size(sync, error);
}

static void write_table(Sync *sync, const Rows *rows, const SharedPlan *plan) {
    V1Rows form = v1_stored_rows(rows->set->format, plan);
    const RowList *list = &sync->inserts;
    v1_table_update(&sync->message, plan, &form, rows->direction == ROWS_GO ? list : NULL,
                    rows->direction == ROWS_COME ? list : NULL);
}

// After a failure nothing of the answer may be left.
static Status finish_rows(Sync *sync, Status status) {
    if (status != STATUS_OK) sync_rewind_message(sync, 0);
    return status;
}

static void subscription_error(Sync *sync, const SyncClient *client, const Request *request,
                               const Error *error) {
    const uint32_t *query_id = request->kind == REQUEST_SUBSCRIBE_LEGACY
                                   ? NULL
                                   : &request->sets[0].query_set_id;
    v1_subscription_error(&sync->message, &request->request_id, query_id,
                          bytes_of_text(error->text));
    sync_send_message(sync, client, TICKET_NONE);
}
