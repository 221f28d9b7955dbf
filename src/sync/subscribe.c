// subscribe.c - query sets of v2 and one-off queries of all versions (websocket.md 8.4, 9.2, 9.3).
//
// Registration and the first rows happen in one executor step, between two commits: what the client holds and
// what it is told afterwards fit together without any lock (G3, G4).

#include "base/gate.h"
#include "sync/client.h"
#include "sync/message_v1.h"
#include "sync/message_v2.h"

// What one-off queries are compiled into.
#define ONE_OFF_BYTES_MAX QUERY_PLAN_BYTES_MAX

static void subscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static void subscribe_batch(Sync *sync, SyncClient *client, const Request *request,
                            uint64_t ticket);
static Status subscribe_set(Sync *sync, SyncClient *client, const RequestSet *wanted,
                            QuerySet **ret_set, Error *error);
static Status write_query_rows(Sync *sync, const QuerySet *set, Error *error);
static void unsubscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static Status unsubscribe_set(Sync *sync, QuerySet *set, const Request *request, Error *error);
static void subscription_error(Sync *sync, const SyncClient *client, const Request *request,
                               const Error *error);
static void one_off(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static Status compile_one_off(Sync *sync, const SyncClient *client, const Request *request,
                              SharedPlan *plan, Error *error);
static void write_one_off(Sync *sync, const SyncClient *client, const Request *request,
                          const SharedPlan *plan);
static void write_one_off_error(Sync *sync, const SyncClient *client, const Request *request,
                                const Error *error);

void sync_request(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    ASSERT(sync->message.count == 0);
    sync_schema_changed(sync, ticket);  // a publish that was undone moves it, too
    switch (request->kind) {
    case REQUEST_SUBSCRIBE: subscribe(sync, client, request, ticket); return;
    case REQUEST_SUBSCRIBE_BATCH: subscribe_batch(sync, client, request, ticket); return;
    case REQUEST_UNSUBSCRIBE: unsubscribe(sync, client, request, ticket); return;
    case REQUEST_ONE_OFF: one_off(sync, client, request, ticket); return;
    case REQUEST_SUBSCRIBE_LEGACY:
    case REQUEST_SUBSCRIBE_SINGLE:
    case REQUEST_SUBSCRIBE_MULTI:
    case REQUEST_UNSUBSCRIBE_SINGLE:
    case REQUEST_UNSUBSCRIBE_MULTI: sync_request_v1(sync, client, request, ticket); return;
    case REQUEST_CALL_REDUCER:
    case REQUEST_CALL_PROCEDURE: break;  // db/ runs them
    }
    UNREACHABLE();
}

// ---- subscribing ----

static void subscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    ASSERT(client->format == FORMAT_V2 && request->set_count == 1);
    const RequestSet *wanted = &request->sets[0];
    QuerySet *set = NULL;
    Error error;
    Status status = subscribe_set(sync, client, wanted, &set, &error);
    if (status == STATUS_OK && sync_subscribe_apart(sync, client, set, request->request_id, ticket))
        return;
    if (status == STATUS_OK) {
        v2_subscribe_applied(&sync->message, request->request_id, set->id);
        status = write_query_rows(sync, set, &error);
        if (status != STATUS_OK) {
            sync_rewind_message(sync, 0);
            sync_drop_set(sync, set);
        }
    }
    if (status == STATUS_OK) {
        sync_send_message(sync, client, ticket);
    } else {
        subscription_error(sync, client, request, &error);
    }
}

// Each set stands for itself: one that fails says why in its place.
static void subscribe_batch(Sync *sync, SyncClient *client, const Request *request,
                            uint64_t ticket) {
    ASSERT(client->format == FORMAT_V2);
    v2_subscribe_batch_applied(&sync->message, request->request_id, request->set_count);
    for (uint32_t i = 0; i < request->set_count; i++) {
        const RequestSet *wanted = &request->sets[i];
        size_t start = sync->message.count;
        QuerySet *set = NULL;
        Error error;
        Status status = subscribe_set(sync, client, wanted, &set, &error);
        if (status == STATUS_OK) {
            v2_batch_result(&sync->message, wanted->query_set_id);
            status = write_query_rows(sync, set, &error);
            if (status != STATUS_OK) {
                sync_rewind_message(sync, start);
                sync_drop_set(sync, set);
            }
        }
        if (status != STATUS_OK) {
            v2_batch_error(&sync->message, wanted->query_set_id, bytes_of_text(error.text));
        }
    }
    ASSERT(!sync->message.failed);  // errors are short, and sets are bounded by request_read
    sync_send_message(sync, client, ticket);
}

static Status subscribe_set(Sync *sync, SyncClient *client, const RequestSet *wanted,
                            QuerySet **ret_set, Error *error) {
    ASSERT(client->format == FORMAT_V2);
    QuerySet *set = sync_create_set(sync, client, wanted->query_set_id);
    Status status = sync_collect_queries(sync, set, wanted, error);
    if (status == STATUS_OK) status = sync_check_row_limit(sync, set, error);
    if (status == STATUS_OK) status = sync_register_set(sync, set, error);
    if (status == STATUS_OK) {
        *ret_set = set;
    } else {
        sync_drop_set(sync, set);
    }
    return status;
}

// QueryRows: one entry per fragment whose tables all have rows.
static Status write_query_rows(Sync *sync, const QuerySet *set, Error *error) {
    Buffer *message = &sync->message;
    size_t count_at = message->count;
    uint32_t count = 0;
    buffer_u32(message, 0);
    for (uint32_t q = 0; q < set->queries.count; q++) {
        const SharedPlan *plan = &set->queries.items[q].shared->plan;
        for (uint32_t f = 0; f < plan->fragment_count; f++) {
            if (!sync_has_rows(sync, &plan->fragments[f])) continue;
            Status status = sync_run_fragment(sync, &plan->fragments[f], error);
            if (status != STATUS_OK) return status;
            buffer_string(message, plan->table_name);
            row_list_write(&sync->inserts, message);
            status = sync_check_size(sync, error);
            if (status != STATUS_OK) return status;
            count++;
        }
    }
    Status status = sync_check_size(sync, error);
    if (status == STATUS_OK) store_u32le(message->data + count_at, count);
    return status;
}

static void subscription_error(Sync *sync, const SyncClient *client, const Request *request,
                               const Error *error) {
    v2_subscription_error(&sync->message, &request->request_id, request->sets[0].query_set_id,
                          bytes_of_text(error->text));
    sync_send_message(sync, client, TICKET_NONE);
}

// ---- unsubscribing ----

static void unsubscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    ASSERT(client->format == FORMAT_V2 && request->set_count == 1);
    uint32_t id = request->sets[0].query_set_id;
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

static Status unsubscribe_set(Sync *sync, QuerySet *set, const Request *request, Error *error) {
    enum { SEND_DROPPED_ROWS = 1 };
    ASSERT(sync->message.count == 0 && request->flags <= SEND_DROPPED_ROWS);
    if (request->flags != SEND_DROPPED_ROWS) {
        v2_unsubscribe_applied_only(&sync->message, request->request_id, set->id);
        return STATUS_OK;
    }
    v2_unsubscribe_applied(&sync->message, request->request_id, set->id);
    Status status = write_query_rows(sync, set, error);
    if (status != STATUS_OK) sync_rewind_message(sync, 0);
    return status;
}

// ---- one-off queries ----

// Exactly one table entry, the fragments merged; or the error.
static void one_off(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    SharedPlan plan = {0};
    arena_init(&plan.arena, ONE_OFF_BYTES_MAX);
    Error error;
    Status status = compile_one_off(sync, client, request, &plan, &error);
    if (status == STATUS_OK && sync_one_off_apart(sync, client, &plan, request->request_id, ticket))
        return;
    if (status == STATUS_OK) status = sync_run_query(sync, plan.query, &error);
    if (status == STATUS_OK) {
        write_one_off(sync, client, request, &plan);
        status = sync_check_size(sync, &error);
        if (status != STATUS_OK) sync_rewind_message(sync, 0);
    }
    if (status != STATUS_OK) write_one_off_error(sync, client, request, &error);
    arena_done(&plan.arena);
    sync_send_message(sync, client, ticket);
}

static Status compile_one_off(Sync *sync, const SyncClient *client, const Request *request,
                              SharedPlan *plan, Error *error) {
    SqlContext context = sync_context_of(sync, client);
    Status status = sql_compile_query(&context, request->query, SQL_ONE_OFF, &plan->arena,
                                      &plan->query, error);
    if (status != STATUS_OK) return status;
    uint64_t estimate = query_estimate(plan->query, sync->store);
    status = sync_check_estimate(sync, client, estimate, error);
    if (status == STATUS_OK) queries_describe(sync->store, plan);
    return status;
}

static void write_one_off(Sync *sync, const SyncClient *client, const Request *request,
                          const SharedPlan *plan) {
    if (client->format == FORMAT_V2) {
        v2_one_off(&sync->message, request->request_id, plan->table_name, &sync->inserts);
        return;
    }
    V1OneOff answer = {
        .message_id = request->message_id,
        .table_name = plan->table_name,
        .form = v1_stored_rows(client->format, plan),
        .rows = &sync->inserts,
    };
    v1_one_off_response(&sync->message, &answer);
}

static void write_one_off_error(Sync *sync, const SyncClient *client, const Request *request,
                                const Error *error) {
    Bytes text = bytes_of_text(error->text);
    if (client->format == FORMAT_V2) {
        v2_one_off_error(&sync->message, request->request_id, text);
        return;
    }
    V1OneOff answer = {.message_id = request->message_id, .error = text};
    v1_one_off_response(&sync->message, &answer);
}
