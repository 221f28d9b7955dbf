// subscribe.c - query sets: subscribing, unsubscribing, one-off queries (websocket.md 8.4, 9.2, 9.3).
//
// Registration and the first rows happen in one executor step, between two commits: what the client holds and
// what it is told afterwards fit together without any lock (G3, G4).

#include "base/gate.h"
#include "sync/client.h"

static void subscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static void subscribe_batch(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static Status create_set(Sync *sync, SyncClient *client, const RequestSet *wanted, QuerySet **ret_set,
                         Error *error);
static Status collect_queries(Sync *sync, SyncClient *client, const RequestSet *wanted, QuerySet *set,
                              Error *error);
static Status add_query(Sync *sync, SyncClient *client, Bytes text, QuerySet *set, Error *error);
static Status add_all_tables(Sync *sync, SyncClient *client, QuerySet *set, Error *error);
static Status check_row_limit(Sync *sync, const SyncClient *client, const Query *query, Error *error);
static void unsubscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static void one_off(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
static SqlContext context_of(const Sync *sync, const SyncClient *client);
static bool fragment_has_rows(const Sync *sync, const Fragment *fragment);
static bool add_row(void *user, Bytes row);
static void client_text(const SyncClient *client, char ret_text[160]);

void sync_request(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    switch (request->kind) {
        case REQUEST_SUBSCRIBE: subscribe(sync, client, request, ticket); return;
        case REQUEST_SUBSCRIBE_BATCH: subscribe_batch(sync, client, request, ticket); return;
        case REQUEST_UNSUBSCRIBE: unsubscribe(sync, client, request, ticket); return;
        case REQUEST_ONE_OFF: one_off(sync, client, request, ticket); return;
        case REQUEST_SUBSCRIBE_LEGACY:
        case REQUEST_SUBSCRIBE_SINGLE:
        case REQUEST_SUBSCRIBE_MULTI:
        case REQUEST_UNSUBSCRIBE_SINGLE:
        case REQUEST_UNSUBSCRIBE_MULTI:
        case REQUEST_CALL_REDUCER:
        case REQUEST_CALL_PROCEDURE: break;  // v1 is not offered; calls go to db/
    }
    UNREACHABLE();
}

static SqlContext context_of(const Sync *sync, const SyncClient *client) {
    return (SqlContext){.store = sync->store,
                        .sender = client->options.identity,
                        .is_owner = client->options.is_owner};
}

static void subscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    ASSERT(request->set_count == 1);
    const RequestSet *wanted = &request->sets[0];
    QuerySet *set = NULL;
    Error error;
    if (create_set(sync, client, wanted, &set, &error) != STATUS_OK) {
        v2_subscription_error(&sync->message, &request->request_id, wanted->query_set_id,
                              bytes_of_text(error.text));
        sync_send_message(sync, client, TICKET_NONE);
        return;
    }
    v2_subscribe_applied(&sync->message, request->request_id, set->id);
    sync_write_query_rows(sync, &set->queries);
    sync_send_message(sync, client, ticket);
}

static void subscribe_batch(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    v2_subscribe_batch_applied(&sync->message, request->request_id, request->set_count);
    for (uint32_t i = 0; i < request->set_count; i++) {
        const RequestSet *wanted = &request->sets[i];
        QuerySet *set = NULL;
        Error error;
        Status status = create_set(sync, client, wanted, &set, &error);
        buffer_u32(&sync->message, wanted->query_set_id);
        buffer_u8(&sync->message, status == STATUS_OK ? 0 : 1);
        if (status == STATUS_OK) {
            sync_write_query_rows(sync, &set->queries);
        } else {
            buffer_string(&sync->message, bytes_of_text(error.text));
        }
    }
    sync_send_message(sync, client, ticket);
}

// Compiles every text, then registers the set; on failure nothing is registered.
static Status create_set(Sync *sync, SyncClient *client, const RequestSet *wanted, QuerySet **ret_set,
                         Error *error) {
    QuerySet *set = mem_alloc_zero(sizeof *set);
    *set = (QuerySet){.client = client, .id = wanted->query_set_id};
    Status status = collect_queries(sync, client, wanted, set, error);
    if (status == STATUS_OK && sync_find_set(client, set->id)) {
        char who[160];
        client_text(client, who);
        status = error_set(error, STATUS_CONFLICT,
                           "Subscription with id QuerySetId { id: %u } already exists for client: %s", set->id, who);
    }
    if (status == STATUS_OK && client->sets.count >= CLIENT_QUERY_SETS_MAX) {
        status = error_set(error, STATUS_LIMIT, "a client may hold %u query sets; unsubscribe some first",
                           CLIENT_QUERY_SETS_MAX);
    }
    if (status != STATUS_OK) {
        for (uint32_t i = 0; i < set->queries.count; i++) {
            queries_drop(sync->queries, set->queries.items[i], set);
        }
        shared_query_vec_done(&set->queries);
        mem_free(set);
        return status;
    }
    (void)u64_map_set(&client->sets, set->id, set);
    sync->stats.query_sets++;
    *ret_set = set;
    return STATUS_OK;
}

// Queries are held as they are found: a text that compiles is kept for the next one of the same request.
static Status collect_queries(Sync *sync, SyncClient *client, const RequestSet *wanted, QuerySet *set,
                              Error *error) {
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < wanted->query_count && status == STATUS_OK; i++) {
        if (sql_is_subscribe_all(wanted->queries[i])) status = add_all_tables(sync, client, set, error);
    }
    for (uint32_t i = 0; i < wanted->query_count && status == STATUS_OK; i++) {
        if (!sql_is_subscribe_all(wanted->queries[i])) {
            status = add_query(sync, client, wanted->queries[i], set, error);
        }
    }
    return status;
}

static Status add_query(Sync *sync, SyncClient *client, Bytes text, QuerySet *set, Error *error) {
    SqlContext context = context_of(sync, client);
    SharedQuery *shared = NULL;
    Status status = queries_get(sync->queries, &context, text, &shared, error);
    if (status != STATUS_OK) return status;
    for (uint32_t i = 0; i < set->queries.count; i++) {
        if (set->queries.items[i] == shared) return STATUS_OK;  // the same text twice counts once
    }
    bool is_new = shared->sets.count == 0;
    if (is_new) status = check_row_limit(sync, client, shared->query, error);
    if (status != STATUS_OK) {
        queries_drop(sync->queries, shared, NULL);
        return status;
    }
    queries_hold(sync->queries, shared, set);
    shared_query_vec_push(&set->queries, shared);
    return STATUS_OK;
}

// "SELECT * FROM *": every user table that the client may read and that is not an event table.
static Status add_all_tables(Sync *sync, SyncClient *client, QuerySet *set, Error *error) {
    TableId at = 0;
    Status status = STATUS_OK;
    for (Table *table = store_next_table(sync->store, &at); table && status == STATUS_OK;
         table = store_next_table(sync->store, &at)) {
        const TableSchema *schema = table_schema(table);
        bool readable = schema->access == TABLE_PUBLIC || client->options.is_owner;
        if (schema->origin != TABLE_USER || schema->is_event || !readable) continue;
        Buffer text;
        buffer_init(&text, SQL_TEXT_BYTES_MAX);
        buffer_append_format(&text, "SELECT * FROM \"%.*s\"", BYTES_FORMAT(schema->name));
        status = add_query(sync, client, buffer_bytes(&text), set, error);
        buffer_done(&text);
    }
    return status;
}

static Status check_row_limit(Sync *sync, const SyncClient *client, const Query *query, Error *error) {
    uint64_t limit = 0;
    if (client->options.is_owner || !query_row_limit(sync->store, &limit)) return STATUS_OK;
    uint64_t estimate = query_estimate(query, sync->store);
    if (estimate <= limit) return STATUS_OK;
    return error_set(error, STATUS_LIMIT, "Estimated cardinality (%llu rows) exceeds limit (%llu rows)",
                     (unsigned long long)estimate, (unsigned long long)limit);
}

QuerySet *sync_find_set(const SyncClient *client, uint32_t id) {
    return u64_map_find(&client->sets, id);
}

void sync_drop_set(Sync *sync, QuerySet *set) {
    void *removed = u64_map_remove(&set->client->sets, set->id);
    ASSERT(removed == set);
    for (uint32_t i = 0; i < set->queries.count; i++) queries_drop(sync->queries, set->queries.items[i], set);
    shared_query_vec_done(&set->queries);
    sync->stats.query_sets--;
    mem_free(set);
}

static void unsubscribe(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    ASSERT(request->set_count == 1);
    uint32_t id = request->sets[0].query_set_id;
    QuerySet *set = sync_find_set(client, id);
    if (set == NULL) {
        char who[160];
        client_text(client, who);
        Error error;
        (void)error_set(&error, STATUS_NOT_FOUND, "Subscription not found: (%s, QuerySetId { id: %u })", who, id);
        v2_subscription_error(&sync->message, &request->request_id, id, bytes_of_text(error.text));
        sync_send_message(sync, client, TICKET_NONE);
        return;
    }
    bool with_rows = request->flags == 1;
    v2_unsubscribe_applied(&sync->message, request->request_id, id, with_rows);
    if (with_rows) sync_write_query_rows(sync, &set->queries);
    sync_drop_set(sync, set);
    sync_send_message(sync, client, ticket);
}

static bool add_row(void *user, Bytes row) {
    row_list_add(user, row);
    return true;
}

static bool fragment_has_rows(const Sync *sync, const Fragment *fragment) {
    for (uint32_t i = 0; i < fragment_table_count(fragment); i++) {
        Table *table = store_find_table(sync->store, fragment_table(fragment, i));
        if (table == NULL || table_row_count(table) == 0) return false;
    }
    return true;
}

void sync_write_query_rows(Sync *sync, const SharedQueryVec *queries) {
    Buffer *message = &sync->message;
    size_t count_at = message->count;
    uint32_t count = 0;
    buffer_u32(message, 0);
    for (uint32_t q = 0; q < queries->count; q++) {
        const SharedQuery *shared = queries->items[q];
        for (uint32_t f = 0; f < query_fragment_count(shared->query); f++) {
            const Fragment *fragment = query_fragment(shared->query, f);
            if (!fragment_has_rows(sync, fragment)) continue;
            row_list_clear(&sync->inserts);
            fragment_run(fragment, sync->store, add_row, &sync->inserts);
            buffer_string(message, shared->table_name);
            row_list_write(&sync->inserts, message);
            count++;
        }
    }
    if (!message->failed) store_u32le(message->data + count_at, count);
}

// Exactly one table entry, the fragments merged; or the error.
static void one_off(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket) {
    Arena arena;
    arena_init(&arena, 16u << 20);
    SqlContext context = context_of(sync, client);
    const Query *query = NULL;
    Error error;
    Status status = sql_compile_query(&context, request->query, SQL_ONE_OFF, &arena, &query, &error);
    if (status == STATUS_OK) status = check_row_limit(sync, client, query, &error);
    if (status == STATUS_OK) {
        Table *table = store_find_table(sync->store, query_table(query));
        ASSERT(table != NULL);
        row_list_clear(&sync->inserts);
        query_run(query, sync->store, add_row, &sync->inserts);
        v2_one_off_ok(&sync->message, request->request_id);
        buffer_u32(&sync->message, 1);
        buffer_string(&sync->message, table_schema(table)->name);
        row_list_write(&sync->inserts, &sync->message);
    } else {
        v2_one_off_error(&sync->message, request->request_id, bytes_of_text(error.text));
    }
    sync_send_message(sync, client, status == STATUS_OK ? ticket : TICKET_NONE);
    arena_done(&arena);
}

static void client_text(const SyncClient *client, char ret_text[160]) {
    char identity[IDENTITY_HEX_COUNT + 1];
    char connection[CONNECTION_ID_HEX_COUNT + 1];
    identity_to_hex(&client->options.identity, identity);
    connection_id_to_hex(&client->options.connection_id, connection);
    Error text;
    (void)error_set(&text, STATUS_OK, "(Identity(%s), ConnectionId(%s))", identity, connection);
    memcpy(ret_text, text.text, 159);
    ret_text[159] = 0;
}
