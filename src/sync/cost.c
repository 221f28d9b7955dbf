// cost.c - see cost.h.

#include "sync/client.h"

#include <stdlib.h>

// What a delta weighs besides its rows.
#define DELTA_WEIGHT 4u
// The clock is read at the latest when deltas weigh so much together.
#define WEIGHT_MAX 1024u

static int64_t read_clock(const Sync *sync);
static void share_out(Sync *sync);
static void write_queries(const Sync *sync, uint32_t limit, Buffer *json);
static void write_query(const SharedQuery *shared, Buffer *json);
static void write_clients(const Sync *sync, uint32_t limit, Buffer *json);
static void write_client(const SyncClient *client, Buffer *json);
static int compare_queries(const void *a, const void *b);
static int compare_clients(const void *a, const void *b);
static void write_number(Buffer *json, const char *name, uint64_t value);

// ---- counting ----

static int64_t read_clock(const Sync *sync) {
    const SyncNotices *notices = &sync->notices;
    return notices->nanos ? notices->nanos(notices->user) : 0;
}

void sync_cost_begin(Sync *sync) {
    ASSERT(sync->clock.count == 0);
    if (sync->candidates.count > 0) sync->clock.read_nanos = read_clock(sync);
}

void sync_cost_add(Sync *sync, SharedQuery *shared, uint64_t scanned, uint64_t rows) {
    CostClock *clock = &sync->clock;
    ASSERT(clock->count < COST_SHARES_MAX);
    uint64_t weight = DELTA_WEIGHT + scanned + rows;
    QueryCost *cost = &shared->cost;
    cost->evaluations++;
    cost->scanned += scanned;
    cost->rows += rows;
    clock->costs[clock->count] = cost;
    clock->weights[clock->count++] = weight;
    clock->weight += weight;
    if (clock->count == COST_SHARES_MAX || clock->weight > WEIGHT_MAX) share_out(sync);
}

void sync_cost_end(Sync *sync) {
    if (sync->clock.count > 0) share_out(sync);
    ASSERT(sync->clock.weight == 0);
}

static void share_out(Sync *sync) {
    CostClock *clock = &sync->clock;
    ASSERT(clock->count > 0 && clock->weight >= DELTA_WEIGHT);
    int64_t now = read_clock(sync);
    uint64_t passed = now > clock->read_nanos ? (uint64_t)(now - clock->read_nanos) : 0;
    double each = (double)passed / (double)clock->weight;
    for (uint32_t i = 0; i < clock->count; i++)
        clock->costs[i]->nanos += (uint64_t)((double)clock->weights[i] * each + 0.5);
    *clock = (CostClock){.read_nanos = now};
}

// ---- telling ----

void sync_write_costs(const Sync *sync, uint32_t limit, Buffer *json) {
    buffer_append_text(json, "{\"queries\":[");
    write_queries(sync, limit, json);
    buffer_append_text(json, "],\"clients\":[");
    write_clients(sync, limit, json);
    buffer_append_text(json, "]");
    write_number(json, ",\"query_count\":", queries_count(sync->queries));
    write_number(json, ",\"client_count\":", sync->client_count);
    buffer_append_text(json, "}");
}

// The first ones of many, in order: what is behind them is not sorted, so that the executor is not kept for long.
typedef struct Ranking {
    const void **items;
    uint64_t count;
    uint64_t capacity;  // twice the limit, or room for all
    uint32_t limit;
    bool is_cut;  // items[limit - 1] is the last of the first ones so far
    int (*compare)(const void *a, const void *b);
} Ranking;

static Ranking ranking_create(uint32_t limit, uint64_t count_max,
                              int (*compare)(const void *a, const void *b)) {
    Ranking ranking = {.limit = limit, .capacity = 2 * (uint64_t)limit, .compare = compare};
    if (ranking.capacity > count_max + 1) ranking.capacity = count_max + 1;
    ranking.items = mem_alloc((ranking.capacity + 1) * sizeof *ranking.items);
    return ranking;
}

static void ranking_sort(Ranking *ranking) {
    qsort(ranking->items, ranking->count, sizeof *ranking->items, ranking->compare);
    if (ranking->count > ranking->limit) ranking->count = ranking->limit;
}

static void ranking_add(Ranking *ranking, const void *item) {
    if (ranking->limit == 0) return;
    if (ranking->is_cut && ranking->compare(&item, &ranking->items[ranking->limit - 1]) > 0) return;
    ASSERT(ranking->count < ranking->capacity);
    ranking->items[ranking->count++] = item;
    if (ranking->count < ranking->capacity || ranking->capacity <= ranking->limit) return;
    ranking_sort(ranking);
    ranking->is_cut = true;
}

// Those that took the most time first.
static void write_queries(const Sync *sync, uint32_t limit, Buffer *json) {
    Ranking ranking = ranking_create(limit, queries_count(sync->queries), compare_queries);
    for (SharedQuery *shared = queries_next(sync->queries, NULL); shared;
         shared = queries_next(sync->queries, shared)) {
        ranking_add(&ranking, shared);
    }
    ranking_sort(&ranking);
    for (uint64_t i = 0; i < ranking.count; i++) {
        if (i > 0) buffer_append_text(json, ",");
        write_query(ranking.items[i], json);
    }
    mem_free(ranking.items);
}

static int compare_queries(const void *a, const void *b) {
    const SharedQuery *left = *(const SharedQuery *const *)a;
    const SharedQuery *right = *(const SharedQuery *const *)b;
    const uint64_t lefts[] = {left->cost.nanos, left->cost.scanned, left->cost.bytes_sent};
    const uint64_t rights[] = {right->cost.nanos, right->cost.scanned, right->cost.bytes_sent};
    for (uint32_t i = 0; i < sizeof lefts / sizeof *lefts; i++) {
        if (lefts[i] != rights[i]) return lefts[i] > rights[i] ? -1 : 1;
    }
    uint64_t first = left->plan.fragments[0].serial, second = right->plan.fragments[0].serial;
    return first < second ? -1 : first > second;
}

static void write_query(const SharedQuery *shared, Buffer *json) {
    const QueryCost *cost = &shared->cost;
    ASSERT(shared->holders.count > 0);  // or it would be gone
    buffer_append_text(json, "{\"sql\":");
    json_write_string(json, shared->plan.text);
    buffer_append_text(json,
                       shared->context.is_owner ? ",\"as_owner\":true" : ",\"as_owner\":false");
    buffer_append_text(json, ",\"sender\":");
    if (query_depends_on_sender(shared->plan.query)) {
        char sender[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&shared->context.sender, sender);
        buffer_append_format(json, "\"%s\"", sender);
    } else {
        buffer_append_text(json, "null");
    }
    bool is_indexed = !query_scans_joins(shared->plan.query);
    buffer_append_text(json, is_indexed ? ",\"joins_without_index\":false"
                                        : ",\"joins_without_index\":true");
    write_number(json, ",\"subscriptions\":", shared->holders.count);
    write_number(json, ",\"evaluations\":", cost->evaluations);
    write_number(json, ",\"rows_scanned\":", cost->scanned);
    write_number(json, ",\"rows\":", cost->rows);
    write_number(json, ",\"rows_sent\":", cost->rows_sent);
    write_number(json, ",\"bytes_sent\":", cost->bytes_sent);
    write_number(json, ",\"microseconds\":", (cost->nanos + 500) / 1000);
    buffer_append_text(json, "}");
}

// Those that were sent the most bytes first.
static void write_clients(const Sync *sync, uint32_t limit, Buffer *json) {
    Ranking ranking = ranking_create(limit, sync->client_count, compare_clients);
    for (SyncClient *client = sync->first; client; client = client->next) {
        reads_settle(client);
        ranking_add(&ranking, client);
    }
    ranking_sort(&ranking);
    for (uint64_t i = 0; i < ranking.count; i++) {
        if (i > 0) buffer_append_text(json, ",");
        write_client(ranking.items[i], json);
    }
    mem_free(ranking.items);
}

static int compare_clients(const void *a, const void *b) {
    const SyncClient *left = *(const SyncClient *const *)a;
    const SyncClient *right = *(const SyncClient *const *)b;
    if (left->cost->bytes != right->cost->bytes)
        return left->cost->bytes > right->cost->bytes ? -1 : 1;
    int order = memcmp(&left->options.identity, &right->options.identity, sizeof(Identity));
    if (order != 0) return order;
    return memcmp(&left->options.connection_id, &right->options.connection_id,
                  sizeof(ConnectionId));
}

static void write_client(const SyncClient *client, Buffer *json) {
    char identity[IDENTITY_HEX_COUNT + 1];
    char connection[CONNECTION_ID_HEX_COUNT + 1];
    identity_to_hex(&client->options.identity, identity);
    connection_id_to_hex(&client->options.connection_id, connection);
    buffer_append_format(json, "{\"identity\":\"%s\",\"connection_id\":\"%s\",\"protocol\":\"%s\"",
                         identity, connection, protocol_name(client->options.protocol));
    write_number(json, ",\"query_sets\":", client->sets.count + (client->legacy ? 1u : 0u));
    write_number(json, ",\"queries\":", client->query_count);
    write_number(json, ",\"messages_sent\":", client->cost->messages);
    write_number(json, ",\"rows_sent\":", client->cost->rows);
    write_number(json, ",\"bytes_sent\":", client->cost->bytes);
    buffer_append_text(json, "}");
}

static void write_number(Buffer *json, const char *name, uint64_t value) {
    buffer_append_format(json, "%s%llu", name, (unsigned long long)value);
}
