// query_set.c - sets of queries: making, registering, dropping (websocket.md 9.1 to 9.4).
//
// A set is first collected, query by query, and only then registered with its client, so that a failure
// anywhere leaves nothing behind. Queries are held as they are found: a text that compiles is kept for the
// next one of the same request.
//
// v1 delivers a query once to a client, however many sets with an id hold it: the client counts them.

#include "sync/client.h"
#include "sync/message_v1.h"
#include "sync/message_v2.h"

#include <stdio.h>

#define CLIENT_TEXT_MAX 160u

static Status collect_all_tables(Sync *sync, QuerySet *set, Error *error);
static bool has_parameters(const Sync *sync, const TableSchema *schema);
static void count_query(QuerySet *set, const SharedQuery *shared, int change);
static void mark_failed(Sync *sync, QuerySet *set);
static void client_text(const SyncClient *client, char ret_text[CLIENT_TEXT_MAX]);

SqlContext sync_context_of(const Sync *sync, const SyncClient *client) {
    return (SqlContext){.store = sync->store,
                        .sender = client->options.identity,
                        .is_owner = client->options.is_owner};
}

QuerySet *sync_create_set(Sync *sync, SyncClient *client, uint32_t id) {
    QuerySet *set = mem_alloc_zero(sizeof *set);
    *set = (QuerySet){
        .client = client, .format = client->format, .serial = ++sync->set_serial, .id = id};
    return set;
}

// ---- collecting ----

Status sync_collect_queries(Sync *sync, QuerySet *set, const RequestSet *wanted, Error *error) {
    Status status = STATUS_OK;
    // What stands for all tables comes first, wherever it was.
    for (uint32_t i = 0; i < wanted->query_count && status == STATUS_OK; i++) {
        if (!sql_is_subscribe_all(wanted->queries[i])) continue;
        status = collect_all_tables(sync, set, error);
        break;
    }
    for (uint32_t i = 0; i < wanted->query_count && status == STATUS_OK; i++) {
        if (sql_is_subscribe_all(wanted->queries[i])) continue;
        status = sync_collect_query(sync, set, wanted->queries[i], error);
    }
    return status;
}

Status sync_collect_query(Sync *sync, QuerySet *set, Bytes text, Error *error) {
    SqlContext context = sync_context_of(sync, set->client);
    SharedQuery *shared = NULL;
    Status status = queries_get(sync->queries, &context, text, &shared, error);
    if (status != STATUS_OK) return status;
    if (shared->collected_by == set->serial) return STATUS_OK;  // the same text twice counts once
    if (set->client->query_count + set->queries.count >= CLIENT_QUERIES_MAX) {
        queries_drop_unheld(sync->queries, shared);
        return error_set(error, STATUS_LIMIT,
                         "a client may hold %u queries; unsubscribe some first",
                         CLIENT_QUERIES_MAX);
    }
    ASSERT(shared->collected_by < set->serial);  // sets are collected one after the other
    shared->collected_by = set->serial;
    queries_hold(shared, set);
    return STATUS_OK;
}

// "SELECT * FROM *": every user table that the client may read and that is no event table.
static Status collect_all_tables(Sync *sync, QuerySet *set, Error *error) {
    bool is_owner = set->client->options.is_owner;
    TableId at = 0;
    Status status = STATUS_OK;
    Buffer text;
    buffer_init(&text, SQL_TEXT_BYTES_MAX);
    for (Table *table = store_next_table(sync->store, &at); table && status == STATUS_OK;
         table = store_next_table(sync->store, &at)) {
        const TableSchema *schema = table_schema(table);
        bool is_readable = schema->access == TABLE_PUBLIC || is_owner;
        if (schema->origin != TABLE_USER || schema->is_event || !is_readable) continue;
        if (has_parameters(sync, schema)) continue;
        // As upstream writes it: the same text from the client is the same query.
        buffer_clear(&text);
        buffer_append_format(&text, "SELECT * FROM %.*s", BYTES_FORMAT(schema->name));
        status = sync_collect_query(sync, set, buffer_bytes(&text), error);
        if (status == STATUS_OK) continue;
        // A keyword, perhaps.
        buffer_clear(&text);
        buffer_append_format(&text, "SELECT * FROM \"%.*s\"", BYTES_FORMAT(schema->name));
        status = sync_collect_query(sync, set, buffer_bytes(&text), error);
    }
    buffer_done(&text);
    return status;
}

// A view whose parameters nobody has given here.
static bool has_parameters(const Sync *sync, const TableSchema *schema) {
    enum { VIEW_ID = 0, VIEW_TABLE_ID = 2, PARAM_VIEW_ID = 0, OPTION_SOME = 0 };
    Table *views = store_find_table(sync->store, ST_VIEW);
    Table *parameters = store_find_table(sync->store, ST_VIEW_PARAM);
    if (table_row_count(parameters) == 0) return false;
    Bytes view_id = BYTES_NONE;
    Row row;
    TableScan scan = table_scan(views);
    while (view_id.data == NULL && table_scan_next(&scan, &row)) {
        Bytes table_id = table_column(views, row.bytes, VIEW_TABLE_ID);
        if (table_id.data[0] != OPTION_SOME || load_u32le(table_id.data + 1) != schema->id)
            continue;
        view_id = table_column(views, row.bytes, VIEW_ID);
    }
    scan = table_scan(parameters);
    while (view_id.data && table_scan_next(&scan, &row)) {
        if (bytes_equal(table_column(parameters, row.bytes, PARAM_VIEW_ID), view_id)) return true;
    }
    return false;
}

Status sync_check_row_limit(const Sync *sync, const QuerySet *set, Error *error) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < set->queries.count; i++) {
        const SharedQuery *shared = set->queries.items[i].shared;
        if (shared->holders.count > 1) continue;
        uint64_t estimate = query_estimate(shared->plan.query, sync->store);
        sum = estimate > UINT64_MAX - sum ? UINT64_MAX : sum + estimate;
    }
    return sync_check_estimate(sync, set->client, sum, error);
}

Status sync_check_estimate(const Sync *sync, const SyncClient *client, uint64_t estimate,
                           Error *error) {
    uint64_t limit = 0;
    if (client->options.is_owner || !query_row_limit(sync->store, &limit)) return STATUS_OK;
    if (estimate <= limit) return STATUS_OK;
    return error_set(error, STATUS_LIMIT,
                     "Estimated cardinality (%llu rows) exceeds limit (%llu rows)",
                     (unsigned long long)estimate, (unsigned long long)limit);
}

// ---- registering and dropping ----

Status sync_register_set(Sync *sync, QuerySet *set, Error *error) {
    SyncClient *client = set->client;
    ASSERT(!set->is_failed);
    if (!set->is_legacy) {
        if (sync_find_set(client, set->id)) {
            char who[CLIENT_TEXT_MAX];
            client_text(client, who);
            return error_set(
                error, STATUS_CONFLICT,
                "Subscription with id QuerySetId { id: %u } already exists for client: %s", set->id,
                who);
        }
        if (client->sets.count >= CLIENT_QUERY_SETS_MAX) {
            return error_set(error, STATUS_LIMIT,
                             "a client may hold %u query sets; unsubscribe some first",
                             CLIENT_QUERY_SETS_MAX);
        }
        (void)u64_map_set(&client->sets, set->id, set);
    } else {
        ASSERT(client->legacy == NULL);
        client->legacy = set;
    }
    client->query_count += set->queries.count;
    sync->stats.query_sets++;
    for (uint32_t i = 0; i < set->queries.count; i++)
        count_query(set, set->queries.items[i].shared, 1);
    return STATUS_OK;
}

// The number of the client's sets with an id that hold the query, where that matters.
static void count_query(QuerySet *set, const SharedQuery *shared, int change) {
    if (set->format == FORMAT_V2 || set->is_legacy) return;
    U64Map *counted = &set->client->counted;
    uint64_t key = (uint64_t)(uintptr_t)shared;
    uintptr_t before = (uintptr_t)u64_map_find(counted, key);
    ASSERT(change == 1 || (change == -1 && before > 0));
    uintptr_t count = before + (uintptr_t)change;
    if (count == 0) {
        (void)u64_map_remove(counted, key);
    } else {
        (void)u64_map_set(counted, key, (void *)count);
    }
}

uint32_t sync_count_query(const SyncClient *client, const SharedQuery *shared) {
    return (uint32_t)(uintptr_t)u64_map_find(&client->counted, (uint64_t)(uintptr_t)shared);
}

QuerySet *sync_find_set(const SyncClient *client, uint32_t id) {
    return u64_map_find(&client->sets, id);
}

void sync_drop_set(Sync *sync, QuerySet *set) {
    SyncClient *client = set->client;
    bool is_registered = set->is_legacy ? client->legacy == set
                                        : sync_find_set(client, set->id) == set;
    if (is_registered) {
        if (set->is_legacy) {
            client->legacy = NULL;
        } else {
            (void)u64_map_remove(&client->sets, set->id);
        }
        for (uint32_t i = 0; i < set->queries.count; i++) {
            count_query(set, set->queries.items[i].shared, -1);
        }
        ASSERT(client->query_count >= set->queries.count && sync->stats.query_sets > 0);
        client->query_count -= set->queries.count;
        sync->stats.query_sets--;
    }
    queries_release_set(sync->queries, set);
    held_query_vec_done(&set->queries);
    mem_free(set);
}

// ---- failing ----

void sync_fail_set(Sync *sync, QuerySet *set, Bytes text, uint64_t ticket) {
    if (set->is_failed) return;
    SyncClient *client = set->client;
    ASSERT(sync->message.count == 0);
    ASSERT(set->is_legacy || sync_find_set(client, set->id) == set);
    if (client->format == FORMAT_V2) {
        v2_subscription_error(&sync->message, NULL, set->id, text);
        mark_failed(sync, set);
    } else {
        v1_subscription_error(&sync->message, NULL, NULL, text);
        if (client->legacy) mark_failed(sync, client->legacy);
        uint32_t at = 0;
        uint64_t id = 0;
        void *other = NULL;
        while (u64_map_next(&client->sets, &at, &id, &other)) mark_failed(sync, other);
    }
    ASSERT(set->is_failed);
    sync_send_message(sync, client, ticket);
}

static void mark_failed(Sync *sync, QuerySet *set) {
    if (set->is_failed) return;
    set->is_failed = true;
    query_set_vec_push(&sync->failed, set);
}

void sync_drop_failed(Sync *sync) {
    for (uint32_t i = 0; i < sync->failed.count; i++) sync_drop_set(sync, sync->failed.items[i]);
    query_set_vec_clear(&sync->failed);
}

// ---- texts ----

void sync_set_missing(const SyncClient *client, uint32_t id, Error *error) {
    char who[CLIENT_TEXT_MAX];
    client_text(client, who);
    (void)error_set(error, STATUS_NOT_FOUND, "Subscription not found: (%s, QuerySetId { id: %u })",
                    who, id);
}

static void client_text(const SyncClient *client, char ret_text[CLIENT_TEXT_MAX]) {
    char identity[IDENTITY_HEX_COUNT + 1];
    char connection[CONNECTION_ID_HEX_COUNT + 1];
    identity_to_hex(&client->options.identity, identity);
    connection_id_to_hex(&client->options.connection_id, connection);
    int count = snprintf(ret_text, CLIENT_TEXT_MAX, "(Identity(%s), ConnectionId(%s))", identity,
                         connection);
    ASSERT(count > 0 && (unsigned)count < CLIENT_TEXT_MAX);
}
