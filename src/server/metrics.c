// metrics.c - numbers for Prometheus (http-api.md 14). Each database writes its own lines on its executor; the
// last one answers.

#include "server/handlers.h"

typedef struct Scrape Scrape;

// One database's part.
typedef struct ScrapePart {
    DbMessage message;
    Scrape *scrape;
    Hosted *hosted;  // a reference
    DatabaseStats stats;
} ScrapePart;

struct Scrape {
    WebRequest *request;
    _Atomic uint32_t left;  // acquire-release: the last one sees all parts
    uint32_t count;
    ScrapePart parts[];
};

typedef struct Series {
    const char *name;
    const char *type;
    const char *label;  // under which the database's identity goes
    uint64_t (*value)(const DatabaseStats *stats);
} Series;

static uint64_t value_clients(const DatabaseStats *stats);
static uint64_t value_transactions(const DatabaseStats *stats);
static uint64_t value_calls(const DatabaseStats *stats);
static uint64_t value_call_nanos(const DatabaseStats *stats);
static uint64_t value_rows(const DatabaseStats *stats);
static uint64_t value_row_bytes(const DatabaseStats *stats);
static uint64_t value_module_memory(const DatabaseStats *stats);
static uint64_t value_query_sets(const DatabaseStats *stats);
static uint64_t value_queries(const DatabaseStats *stats);
static uint64_t value_update_rows(const DatabaseStats *stats);
static uint64_t value_disk_full(const DatabaseStats *stats);
static uint64_t value_disk_failed(const DatabaseStats *stats);
static void exec_scrape(Database *database, DbMessage *message);
static void scrape_step(Scrape *scrape);
static void answer(Scrape *scrape);
static void write_series(Buffer *text, const Series *series, const Scrape *scrape);
static void write_net(Buffer *text, NetServer *net);
static void write_one(Buffer *text, const char *name, const char *type, uint64_t value);

// Upstream's names where the meaning is the same.
static const Series SERIES[] = {
    {"spacetime_worker_connected_clients", "gauge", "database_identity", value_clients},
    {"spacetime_subscription_sets", "gauge", "database_identity", value_query_sets},
    {"spacetime_active_queries", "gauge", "database_identity", value_queries},
    {"spacetime_worker_wasm_memory_bytes", "gauge", "database_identity", value_module_memory},
    {"spacetime_num_txns_total", "counter", "db", value_transactions},
    {"spacetime_calls_total", "counter", "db", value_calls},
    {"spacetime_call_nanoseconds_total", "counter", "db", value_call_nanos},
    {"spacetime_num_table_rows", "gauge", "db", value_rows},
    {"spacetime_table_size_bytes", "gauge", "db", value_row_bytes},
    {"spacetime_websocket_sent_num_rows_total", "counter", "db", value_update_rows},
    // Ours: 1 while nothing can be written to the database's log.
    {"spacetime_disk_full", "gauge", "db", value_disk_full},
    {"spacetime_disk_failed", "gauge", "db", value_disk_failed},
};

void handle_metrics(WebRequest *request) {
    View *view = registry_view(request->server->registry);
    ViewDatabases databases = view_databases(view, NULL, request->arena);
    Scrape *scrape = arena_alloc_zero(request->arena,
                                      sizeof *scrape + databases.count * sizeof(ScrapePart));
    scrape->request = request;
    for (uint32_t i = 0; i < databases.count; i++) {
        Hosted *hosted = databases.items[i]->hosted;
        if (hosted->database == NULL) continue;
        scrape->parts[scrape->count++] = (ScrapePart){
            .message = {.run = exec_scrape}, .scrape = scrape, .hosted = hosted_ref(hosted)};
    }
    view_unref(view);
    // One more than parts: the answer must not come before all are posted.
    uint32_t count = scrape->count;
    scrape->left = count + 1;
    for (uint32_t i = 0; i < count; i++) {
        database_post(scrape->parts[i].hosted->database, &scrape->parts[i].message);
    }
    scrape_step(scrape);
}

static void exec_scrape(Database *database, DbMessage *message) {
    ScrapePart *part = (ScrapePart *)(void *)message;
    part->stats = database_stats(database);
    scrape_step(part->scrape);
}

static void scrape_step(Scrape *scrape) {
    if (atomic_fetch_sub_explicit(&scrape->left, 1, memory_order_acq_rel) == 1) answer(scrape);
}

static void answer(Scrape *scrape) {
    WebRequest *request = scrape->request;
    Buffer text;
    buffer_init(&text, SERVER_TEXT_BYTES_MAX);
    for (size_t i = 0; i < sizeof SERIES / sizeof SERIES[0]; i++) {
        write_series(&text, &SERIES[i], scrape);
    }
    write_net(&text, request->server->net);
    for (uint32_t i = 0; i < scrape->count; i++) hosted_unref(scrape->parts[i].hosted);
    if (text.failed) {
        web_answer_text(request, 500, "the numbers are too long");
    } else {
        web_answer_bytes(request, 200, buffer_bytes(&text));
    }
    buffer_done(&text);
}

static void write_series(Buffer *text, const Series *series, const Scrape *scrape) {
    buffer_append_format(text, "# TYPE %s %s\n", series->name, series->type);
    for (uint32_t i = 0; i < scrape->count; i++) {
        const ScrapePart *part = &scrape->parts[i];
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&part->hosted->record.identity, hex);
        buffer_append_format(text, "%s{%s=\"%s\"} %llu\n", series->name, series->label, hex,
                             (unsigned long long)series->value(&part->stats));
    }
}

static void write_net(Buffer *text, NetServer *net) {
    NetStats stats = net_server_stats(net);
    write_one(text, "spacetime_net_connections_total", "counter", stats.connections);
    write_one(text, "spacetime_net_requests_total", "counter", stats.requests);
    write_one(text, "spacetime_net_messages_in_total", "counter", stats.messages_in);
    write_one(text, "spacetime_net_messages_out_total", "counter", stats.messages_out);
    write_one(text, "spacetime_net_bytes_in_total", "counter", stats.bytes_in);
    write_one(text, "spacetime_net_bytes_out_total", "counter", stats.bytes_out);
}

static void write_one(Buffer *text, const char *name, const char *type, uint64_t value) {
    buffer_append_format(text, "# TYPE %s %s\n%s %llu\n", name, type, name,
                         (unsigned long long)value);
}

static uint64_t value_clients(const DatabaseStats *stats) {
    return stats->clients;
}

static uint64_t value_transactions(const DatabaseStats *stats) {
    return stats->transactions;
}

static uint64_t value_calls(const DatabaseStats *stats) {
    return stats->calls;
}

static uint64_t value_call_nanos(const DatabaseStats *stats) {
    return stats->call_nanos;
}

static uint64_t value_rows(const DatabaseStats *stats) {
    return stats->rows;
}

static uint64_t value_row_bytes(const DatabaseStats *stats) {
    return stats->row_bytes;
}

static uint64_t value_module_memory(const DatabaseStats *stats) {
    return stats->module_memory_bytes;
}

static uint64_t value_query_sets(const DatabaseStats *stats) {
    return stats->sync.query_sets;
}

static uint64_t value_queries(const DatabaseStats *stats) {
    return stats->sync.queries;
}

static uint64_t value_update_rows(const DatabaseStats *stats) {
    return stats->sync.rows;
}

static uint64_t value_disk_full(const DatabaseStats *stats) {
    return stats->is_disk_full;
}

static uint64_t value_disk_failed(const DatabaseStats *stats) {
    return stats->has_disk_failed;
}
