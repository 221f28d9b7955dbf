// random_test.c - what clients hold is what their queries yield: random schemas, rules, views, queries and commits.
//
// Each game makes tables (of rows, of events), indexes, rules of row-level security and views; clients of several
// protocols come, subscribe to joins of up to four with filters and ranges, are slow, unsubscribe and go; indexes come
// and go. After each step every client that is not slow has applied its messages as a client would, and what it
// holds must equal a fresh evaluation by the naive evaluator of random_model.h; a slow one must catch up to just that.
//
// A failure prints its seed; SYNC_SEED runs one seed; SYNC_TRANSACTIONS plays games until so many transactions were
// committed (default 20000), from SYNC_SEED_FIRST on. The long run: SYNC_TRANSACTIONS=1000000.

#include "random_model.h"

#define TRANSACTIONS 20000u
#define GAME_TRANSACTIONS 120u
#define CLIENTS_MAX 6u
#define SETS_MAX 4u
#define QUERIES_MAX 6u
#define INSTANCES_MAX 16u
#define SLOW_MESSAGES_MAX 4096u

typedef struct TestSet {
    bool is_used;     // asked for, and not known to have ended
    bool is_leaving;  // its end was asked for
    RandomQuery queries[QUERIES_MAX];
    Bytes texts[QUERIES_MAX];  // heap
    uint32_t count;
    Bag rows;
    Bag events;         // that arrived since the last check
    Bag events_wanted;  // and should have
} TestSet;

typedef struct TestClient {
    SyncClient *client;  // NULL: a free place
    uint8_t number;
    Asker asker;
    Protocol protocol;
    bool is_slow;  // does not read
    TestSet sets[SETS_MAX];
    SharedSlice unread[SLOW_MESSAGES_MAX];
    uint32_t unread_count;
} TestClient;

// Rows of a view that somebody reads.
typedef struct Instance {
    uint8_t view;  // the table's number
    uint8_t sender;
    uint8_t key[VIEW_KEY_BYTES];
    uint32_t held;
    ModelRows stored;
} Instance;

typedef struct Game {
    World *world;
    Model model;
    TestClient clients[CLIENTS_MAX];
    Instance instances[INSTANCES_MAX];
    uint32_t instance_count;
    uint32_t commits;
} Game;

static bool is_v1(const TestClient *client) {
    return protocol_is_v1(client->protocol);
}

static bool model_is_view(const ModelTable *table) {
    return table->kind == MODEL_VIEW || table->kind == MODEL_VIEW_OF_SENDER;
}

static void set_end(TestSet *set) {
    for (uint32_t i = 0; i < set->count; i++) free((void *)(uintptr_t)set->texts[i].data);
    bytes_map_done(&set->rows);
    bytes_map_done(&set->events);
    bytes_map_done(&set->events_wanted);
    *set = (TestSet){0};
}

// ---- what arrives ----

static uint32_t take_row_list(Reader *reader, Bag *bag, Bytes table, int change) {
    uint8_t hint = reader_u8(reader);
    CHECK(hint <= 1);
    if (hint == 0) {
        uint32_t size = reader_u16(reader);
        Bytes rows = reader_bytes(reader);
        CHECK(size > 0 && rows.count > 0 && rows.count % size == 0);
        for (uint32_t at = 0; at < rows.count; at += size)
            bag_add(bag, table, bytes_slice(rows, at, size), change);
        return rows.count / size;
    }
    uint32_t count = reader_u32(reader);
    Reader offsets = *reader;
    (void)reader_take(reader, (size_t)count * 8);
    Bytes rows = reader_bytes(reader);
    CHECK(reader_ok(reader));
    uint64_t start = count > 0 ? reader_u64(&offsets) : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t end = i + 1 < count ? reader_u64(&offsets) : rows.count;
        CHECK(start <= end && end <= rows.count);
        bag_add(bag, table, bytes_slice(rows, (uint32_t)start, (uint32_t)(end - start)), change);
        start = end;
    }
    return count;
}

static void take_query_rows(Reader *reader, Bag *bag, int change) {
    uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        Bytes table = reader_string(reader);
        (void)take_row_list(reader, bag, table, change);
    }
}

static void take_update_v2(TestClient *client, Reader *reader) {
    uint32_t set_count = reader_u32(reader);
    for (uint32_t q = 0; q < set_count; q++) {
        uint32_t id = reader_u32(reader);
        CHECK(id < SETS_MAX && client->sets[id].is_used);
        TestSet *set = &client->sets[id];
        uint32_t table_count = reader_u32(reader);
        for (uint32_t t = 0; t < table_count; t++) {
            Bytes table = reader_string(reader);
            uint32_t part_count = reader_u32(reader);
            for (uint32_t i = 0; i < part_count; i++) {
                bool is_event = reader_u8(reader) == 1;
                // Deletes may meet inserts of another part: inserts first.
                uint32_t rows = take_row_list(reader, is_event ? &set->events : &set->rows, table,
                                              1);
                if (!is_event) rows += take_row_list(reader, &set->rows, table, -1);
                CHECK(rows > 0);
            }
        }
    }
}

// A join of too many, once rules are counted, or one that would look up events (sql.md 15.1).
static void check_refusal(Bytes text) {
    if (!bytes_contain(text, "Invalid number of tables") &&
        !bytes_contain(text, "Event tables cannot be used as the lookup table")) {
        fail_msg("SYNC_SEED=%u: %.*s", random_seed, BYTES_FORMAT(text));
    }
}

static void take_message_v2(TestClient *client, Bytes message) {
    Reader reader = reader_of(message);
    uint8_t tag = reader_u8(&reader);
    if (tag == 4) {
        CHECK(load_u32le(reader.at) > 0);
        take_update_v2(client, &reader);
    } else if (tag == 1) {
        (void)reader_u32(&reader);
        uint32_t id = reader_u32(&reader);
        take_query_rows(&reader, &client->sets[id].rows, 1);
    } else if (tag == 3) {
        CHECK(reader_u8(&reader) == 0);
        (void)reader_u32(&reader);
        uint32_t id = reader_u32(&reader);
        Bytes text = reader_string(&reader);
        check_refusal(text);
        set_end(&client->sets[id]);
    } else {
        CHECK(tag == 2);
        (void)reader_u32(&reader);
        uint32_t id = reader_u32(&reader);
        if (reader_u8(&reader) == 0) {
            take_query_rows(&reader, &client->sets[id].rows, -1);
            CHECK(client->sets[id].rows.count == 0);  // exactly what was held
        }
        set_end(&client->sets[id]);
    }
    CHECK(reader_finish(&reader));
}

static bool is_events(const Game *game, Bytes name) {
    for (uint32_t i = 0; i < game->model.table_count; i++) {
        const ModelTable *table = &game->model.tables[i];
        if (bytes_equal_text(name, table->name)) return table->kind == MODEL_EVENTS;
    }
    CHECK(false);
    return false;
}

static void take_tables_v1(const Game *game, TestSet *set, Reader *reader) {
    uint32_t table_count = reader_u32(reader);
    for (uint32_t t = 0; t < table_count; t++) {
        (void)reader_u32(reader);
        Bytes table = reader_string(reader);
        bool has_events = is_events(game, table);
        uint64_t row_count = reader_u64(reader), rows = 0;
        uint32_t entries = reader_u32(reader);
        Bag deletes = {0};
        for (uint32_t i = 0; i < entries; i++) {
            CHECK(reader_u8(reader) == 0);
            rows += take_row_list(reader, &deletes, table, 1);
            rows += take_row_list(reader, has_events ? &set->events : &set->rows, table, 1);
        }
        CHECK(rows == row_count);
        uint32_t at = 0;
        Bytes key;
        void *count;
        while (bytes_map_next(&deletes, &at, &key, &count)) {
            Bytes row = bytes_slice(key, table.count + 1, key.count - table.count - 1);
            bag_add(&set->rows, table, row, -(int)(intptr_t)count);
        }
        bytes_map_done(&deletes);
    }
}

// One set per client, so that no query counts for two.
static void take_message_v1(const Game *game, TestClient *client, Bytes message) {
    Reader reader = reader_of(message);
    TestSet *set = &client->sets[0];
    uint8_t tag = reader_u8(&reader);
    switch (tag) {
    case 1:
        CHECK(reader_u8(&reader) == 0);
        take_tables_v1(game, set, &reader);
        (void)reader_take(&reader, 8 + 32 + 16);
        (void)reader_string(&reader);
        (void)reader_u32(&reader);
        (void)reader_bytes(&reader);
        (void)reader_take(&reader, 4 + 16 + 8);
        break;
    case 2:
        (void)reader_u32(&reader);
        take_tables_v1(game, set, &reader);
        break;
    case 7:
        (void)reader_u64(&reader);
        for (uint32_t i = 0; i < 3; i++) {  // of request, set and table, where there is one
            if (reader_u8(&reader) == 0) (void)reader_u32(&reader);
        }
        check_refusal(reader_string(&reader));
        set_end(set);
        break;
    case 8:
    case 9:
        (void)reader_take(&reader, 16);
        take_tables_v1(game, set, &reader);
        if (tag == 9) {
            CHECK(set->rows.count == 0);
            set_end(set);
        }
        break;
    default: CHECK(tag == 8);
    }
    CHECK(reader_finish(&reader));
}

static void take_message(const Game *game, TestClient *client, SharedSlice slice) {
    Bytes message = shared_slice_bytes(slice);
    if (is_v1(client)) {
        take_message_v1(game, client, message);
    } else {
        take_message_v2(client, message);
    }
    shared_buf_unref(slice.buf);
}

static void catch_up(const Game *game, TestClient *client) {
    for (uint32_t i = 0; i < client->unread_count; i++)
        take_message(game, client, client->unread[i]);
    client->unread_count = 0;
}

static void drain(Game *game) {
    World *world = game->world;
    while (world->sent_first < world->sent_count) {
        Sent sent = world->sent[world->sent_first++];
        CHECK(sent.to > 0 && sent.to <= CLIENTS_MAX);
        TestClient *client = &game->clients[sent.to - 1];
        CHECK(client->client != NULL);
        if (client->is_slow) {
            CHECK(client->unread_count < SLOW_MESSAGES_MAX);
            client->unread[client->unread_count++] = sent.slice;
        } else {
            take_message(game, client, sent.slice);
        }
    }
    world->sent_first = world->sent_count = 0;
}

// ---- checking ----

static void check_client(const Game *game, TestClient *client) {
    for (uint32_t i = 0; i < SETS_MAX; i++) {
        TestSet *set = &client->sets[i];
        if (!set->is_used) continue;
        Bag rows = {0};
        for (uint32_t q = 0; q < set->count; q++) {
            if (query_has_events(&game->model, &set->queries[q])) continue;
            evaluate(&game->model, &set->queries[q], client->asker, &rows);
        }
        bag_check_equal(&rows, &set->rows);
        bag_check_equal(&set->events_wanted, &set->events);
        bytes_map_done(&rows);
        bytes_map_done(&set->events);
        bytes_map_done(&set->events_wanted);
        set->events = set->events_wanted = (Bag){0};
    }
}

static void check_all(Game *game) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        TestClient *client = &game->clients[i];
        if (client->client && !client->is_slow) check_client(game, client);
    }
}

// What this commit's events are to each set.
static void want_events(Game *game) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        TestClient *client = &game->clients[i];
        if (client->client == NULL) continue;
        for (uint32_t s = 0; s < SETS_MAX; s++) {
            TestSet *set = &client->sets[s];
            if (!set->is_used || set->is_leaving) continue;
            for (uint32_t q = 0; q < set->count; q++) {
                if (!query_has_events(&game->model, &set->queries[q])) continue;
                evaluate(&game->model, &set->queries[q], client->asker, &set->events_wanted);
            }
        }
    }
}

// ---- views ----

static ModelRows instance_rows(const Model *model, const Instance *instance) {
    const ModelTable *view = &model->tables[instance->view];
    const ModelRows *source = &model->now[view->source];
    uint8_t right = view->filter.value == SENDER ? instance->sender : view->filter.value;
    ModelRows rows = {0};
    for (uint32_t i = 0; i < source->count; i++) {
        if (compare(source->items[i].values[view->filter.column], view->filter.op, right))
            rows.items[rows.count++] = source->items[i];
    }
    return rows;
}

static bool rows_have(const ModelTable *table, const ModelRows *rows, const ModelRow *row) {
    for (uint32_t i = 0; i < rows->count; i++) {
        if (row_equal(table, &rows->items[i], row)) return true;
    }
    return false;
}

static Bytes stored_row(const ModelTable *view, const Instance *instance, const ModelRow *row) {
    static uint8_t bytes[512];
    Bytes visible_part = row_bytes(view, row);
    CHECK(VIEW_KEY_BYTES + visible_part.count <= sizeof bytes);
    memcpy(bytes, instance->key, VIEW_KEY_BYTES);
    memcpy(bytes + VIEW_KEY_BYTES, visible_part.data, visible_part.count);
    return bytes_of(bytes, VIEW_KEY_BYTES + visible_part.count);
}

// Brings what is stored of an instance up to date.
static void keep_instance(Game *game, Tx *tx, Instance *instance) {
    const ModelTable *view = &game->model.tables[instance->view];
    ModelRows wanted = instance_rows(&game->model, instance);
    for (uint32_t i = 0; i < instance->stored.count; i++) {
        const ModelRow *row = &instance->stored.items[i];
        if (rows_have(view, &wanted, row)) continue;
        CHECK(tx_delete_equal(tx, view->table, stored_row(view, instance, row)));
    }
    for (uint32_t i = 0; i < wanted.count; i++) {
        if (rows_have(view, &instance->stored, &wanted.items[i])) continue;
        InsertResult result;
        Bytes row = stored_row(view, instance, &wanted.items[i]);
        CHECK(tx_insert(tx, view->table, row, &result) == INSERT_ADDED);
    }
    instance->stored = wanted;
}

static Instance *find_instance(Game *game, const QueryView *of, uint8_t sender) {
    for (uint32_t i = 0; i < game->instance_count; i++) {
        Instance *instance = &game->instances[i];
        if (memcmp(instance->key, of->key.data, VIEW_KEY_BYTES) != 0) continue;
        if (table_id(game->model.tables[instance->view].table) == of->table) return instance;
    }
    CHECK(game->instance_count < INSTANCES_MAX);
    Instance *instance = &game->instances[game->instance_count++];
    *instance = (Instance){.sender = sender};
    CHECK(of->key.count == VIEW_KEY_BYTES);
    memcpy(instance->key, of->key.data, VIEW_KEY_BYTES);
    while (table_id(game->model.tables[instance->view].table) != of->table) instance->view++;
    return instance;
}

static Status hold_views(void *user, const Identity *sender, const Query *query, Error *error) {
    (void)error;
    Game *game = user;
    uint32_t count = 0;
    const QueryView *views = query_views(query, &count);
    for (uint32_t i = 0; i < count; i++) {
        Instance *instance = find_instance(game, &views[i], sender->bytes[0]);
        if (instance->held++ > 0 || store_tx(game->world->store)) continue;
        Tx *tx = tx_begin(game->world->store);  // nobody reads it yet: nobody is told
        keep_instance(game, tx, instance);
        (void)tx_commit(tx);
        tx_release(tx);
    }
    return STATUS_OK;
}

static void release_views(void *user, const Query *query) {
    Game *game = user;
    uint32_t count = 0;
    const QueryView *views = query_views(query, &count);
    for (uint32_t i = 0; i < count; i++) {
        Instance *instance = find_instance(game, &views[i], 0);
        CHECK(instance->held > 0);
        instance->held--;
    }
}

// ---- schemas ----

static void make_table(Game *game, ModelTable *table) {
    TypeField fields[COLUMNS_MAX];
    WorldIndex indexes[COLUMNS_MAX];
    static const char *const NAMES[] = {"c0", "c1", "c2", "c3"};
    uint32_t index_count = 0;
    for (uint32_t i = 0; i < table->column_count; i++) {
        fields[i] = (TypeField){bytes_of_text(NAMES[i]), value_type(table->columns[i])};
        if (!table->is_indexed[i]) continue;
        IndexKind kind = one_in(3) ? INDEX_HASH : INDEX_BTREE;
        indexes[index_count++] = (WorldIndex){kind, table->is_unique[i], (uint16_t)i};
    }
    WorldTable of = {.name = table->name,
                     .columns = fields,
                     .column_count = (uint16_t)table->column_count,
                     .indexes = indexes,
                     .index_count = index_count,
                     .is_event = table->kind == MODEL_EVENTS};
    table->table = store_find_table(game->world->store, world_table(game->world, &of));
}

static void some_table(Game *game, uint32_t number) {
    ModelTable *table = &game->model.tables[number];
    *table = (ModelTable){.kind = number > 0 && one_in(4) ? MODEL_EVENTS : MODEL_TABLE};
    snprintf(table->name, sizeof table->name, "t%u", number);
    table->column_count = 2 + below(COLUMNS_MAX - 1);
    // Few kinds, so that columns can be joined.
    for (uint32_t i = 0; i < table->column_count; i++) {
        table->columns[i] = (ValueKind)(one_in(2) ? VALUE_I32 : below(VALUE_KIND_COUNT));
        bool may_be_unique = table->kind == MODEL_TABLE && value_count(table->columns[i]) > 3;
        table->is_unique[i] = may_be_unique && one_in(5);
        table->is_indexed[i] = table->is_unique[i] || (table->columns[i] != VALUE_F64 && one_in(2));
    }
    make_table(game, table);
}

// Over an earlier table, with the same columns.
static void some_view(Game *game, uint32_t number) {
    Model *model = &game->model;
    ModelTable *view = &model->tables[number];
    uint8_t source = 0;  // always a table
    *view = model->tables[source];
    *view = (ModelTable){.kind = one_in(2) ? MODEL_VIEW : MODEL_VIEW_OF_SENDER,
                         .source = source,
                         .column_count = view->column_count};
    memcpy(view->columns, model->tables[source].columns, sizeof view->columns);
    snprintf(view->name, sizeof view->name, "v%u", number);
    RandomQuery query = {.relation_count = 1, .tables = {source}};
    do view->filter = some_term(model, &query);
    while (view->filter.value == SENDER && view->kind == MODEL_VIEW);
    Arena *arena = &game->world->arena;
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, view->column_count);
    TypeField fields[COLUMNS_MAX];
    for (uint32_t i = 0; i < view->column_count; i++) {
        columns[i].name = columns[i].accessor = arena_format(arena, "c%u", i);
        columns[i].type = value_type(view->columns[i]);
        fields[i] = (TypeField){columns[i].name, columns[i].type};
    }
    ViewDef of = {.name = bytes_of_text(view->name),
                  .source_name = bytes_of_text(view->name),
                  .is_public = true,
                  .is_anonymous = view->kind == MODEL_VIEW,
                  .params = type_unit(),
                  .canonical_params = type_unit(),
                  .return_type = type_array(arena, type_product(arena, fields, view->column_count)),
                  .columns = columns,
                  .column_count = (uint16_t)view->column_count,
                  .primary_key = COLUMN_NONE};
    Error error;
    Tx *tx = tx_begin(game->world->store);
    CHECK(tx_create_view(tx, &of, &view->table, &error) == STATUS_OK);
    world_commit(game->world, (SyncEvent){0});
}

// Rules read tables behind their own only, so that they end.
static void some_rules(Game *game, uint32_t number) {
    Model *model = &game->model;
    ModelTable *table = &model->tables[number];
    if (table->kind != MODEL_TABLE || !one_in(3)) return;
    uint32_t wanted = 1 + below(RULES_MAX);
    for (uint32_t i = 0; i < wanted; i++) {
        RandomQuery rule = {.relation_count = 1, .tables = {(uint8_t)number}};
        bool has_tables = false;
        for (uint32_t k = number + 1; k < model->table_count; k++)
            has_tables = has_tables || model->tables[k].kind == MODEL_TABLE;
        if (has_tables && one_in(2)) (void)add_join(model, &rule, number + 1);
        if (rule.relation_count > 1 && model_is_view(&model->tables[rule.tables[1]]))
            rule.relation_count = 1;
        add_conditions(model, &rule, 1 + below(2));
        Bytes text = query_text(model, &rule);
        SqlContext owner = {.store = game->world->store, .is_owner = true};
        TableId id = 0;
        Error error;
        if (sql_check_row_level_security(&owner, text, &id, &error) != STATUS_OK)
            fail_msg("SYNC_SEED=%u: %.*s: %s", random_seed, BYTES_FORMAT(text), error.text);
        bool is_known = false;
        for (uint32_t k = 0; k < table->rule_count; k++) {
            Bytes known = arena_copy(&game->world->arena, query_text(model, &table->rules[k]));
            is_known = is_known || bytes_equal(known, query_text(model, &rule));
        }
        if (is_known) continue;
        Tx *tx = tx_begin(game->world->store);
        text = query_text(model, &rule);
        CHECK(tx_set_row_level_security(tx, id, text, true, &error) == STATUS_OK);
        world_commit(game->world, (SyncEvent){0});
        table->rules[table->rule_count++] = rule;
    }
}

static void game_open(Game *game) {
    memset(game, 0, sizeof *game);
    game->world = world_open();
    SyncViews views = {game, hold_views, release_views};
    sync_set_views(game->world->sync, &views);
    uint32_t tables = 2 + below(TABLES_MAX - 2);
    for (uint32_t i = 0; i < tables; i++) {
        game->model.table_count = i + 1;
        some_table(game, i);
    }
    if (one_in(2)) some_view(game, game->model.table_count++);
    for (uint32_t i = 0; i < tables; i++) some_rules(game, i);
}

// ---- clients ----

static TestClient *some_client(Game *game) {
    TestClient *client = &game->clients[below(CLIENTS_MAX)];
    return client->client ? client : NULL;
}

static void step_join(Game *game) {
    TestClient *client = &game->clients[below(CLIENTS_MAX)];
    if (client->client) return;
    static const Protocol PROTOCOLS[] = {PROTOCOL_V2, PROTOCOL_V3, PROTOCOL_V1_BSATN};
    memset(client, 0, sizeof *client);
    client->number = (uint8_t)(client - game->clients + 1);
    client->protocol = PROTOCOLS[below(COUNT_OF(PROTOCOLS))];
    client->asker = (Asker){(uint8_t)below(IDENTITIES), one_in(4)};
    SyncClientOptions options = {.protocol = client->protocol,
                                 .identity = world_identity(client->asker.identity),
                                 .is_owner = client->asker.is_owner,
                                 .light = one_in(2),
                                 .connection = (void *)(uintptr_t)client->number};
    options.connection_id.bytes[0] = client->number;
    client->client = sync_add_client(game->world->sync, &options);
}

static void leave(Game *game, TestClient *client) {
    sync_remove_client(game->world->sync, client->client);
    for (uint32_t i = 0; i < client->unread_count; i++) shared_buf_unref(client->unread[i].buf);
    for (uint32_t i = 0; i < SETS_MAX; i++) set_end(&client->sets[i]);
    client->client = NULL;
    client->unread_count = 0;
}

static void set_add(TestSet *set, const Model *model, const RandomQuery *query) {
    Bytes text = query_text(model, query);
    for (uint32_t i = 0; i < set->count; i++) {
        if (bytes_equal(set->texts[i], text)) return;  // counts once
    }
    uint8_t *copy = malloc(text.count);
    memcpy(copy, text.data, text.count);
    set->texts[set->count] = bytes_of(copy, text.count);
    set->queries[set->count++] = *query;
}

static void step_subscribe(Game *game) {
    TestClient *client = some_client(game);
    if (client == NULL) return;
    uint32_t id = is_v1(client) ? 0 : below(SETS_MAX);
    TestSet *set = &client->sets[id];
    if (set->is_used) return;
    set->is_used = true;
    uint32_t count = 1 + below(QUERIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        RandomQuery query = some_query(&game->model);
        // Others' queries again, so that they are shared.
        const TestClient *other = &game->clients[below(CLIENTS_MAX)];
        if (one_in(3) && other->sets[0].count > 0) query = other->sets[0].queries[0];
        if (is_v1(client) && query_has_events(&game->model, &query)) continue;  // v2 only
        set_add(set, &game->model, &query);
    }
    Buffer request;
    buffer_init(&request, 1u << 20);
    if (is_v1(client)) {
        buffer_append_text(&request, "{\"SubscribeMulti\":{\"query_strings\":[");
        for (uint32_t i = 0; i < set->count; i++) {
            if (i > 0) buffer_append_text(&request, ",");
            json_write_string(&request, set->texts[i]);
        }
        buffer_append_text(&request, "],\"request_id\":1,\"query_id\":{\"id\":0}}}");
        world_ask_form(game->world, client->client, MESSAGE_TEXT, buffer_bytes(&request));
        buffer_done(&request);
        return;
    }
    buffer_u8(&request, 0);
    buffer_u32(&request, 1);
    buffer_u32(&request, id);
    buffer_u32(&request, set->count);
    for (uint32_t i = 0; i < set->count; i++) buffer_string(&request, set->texts[i]);
    world_ask_buffer(game->world, client->client, &request);
}

static void step_unsubscribe(Game *game) {
    TestClient *client = some_client(game);
    if (client == NULL) return;
    uint32_t id = is_v1(client) ? 0 : below(SETS_MAX);
    TestSet *set = &client->sets[id];
    // Who has not read the answer yet does not know whether the set is there.
    if (!set->is_used || set->is_leaving || client->is_slow) return;
    set->is_leaving = true;
    if (is_v1(client)) {
        world_ask_text(game->world, client->client,
                       "{\"UnsubscribeMulti\":{\"request_id\":1,\"query_id\":{\"id\":0}}}");
    } else {
        world_unsubscribe(game->world, client->client, 1, id, (uint8_t)below(2));
    }
}

static void step_slow(Game *game) {
    TestClient *client = some_client(game);
    if (client == NULL) return;
    client->is_slow = !client->is_slow;
    if (!client->is_slow) catch_up(game, client);
}

// ---- commits ----

static ModelRow some_row(const ModelTable *table) {
    ModelRow row = {0};
    for (uint32_t i = 0; i < table->column_count; i++)
        row.values[i] = (uint8_t)below(value_count(table->columns[i]));
    return row;
}

// Nothing is in its way; skip: a row that is about to go.
static bool fits(const ModelTable *table, const ModelRows *rows, const ModelRow *row,
                 uint32_t skip) {
    for (uint32_t i = 0; i < rows->count; i++) {
        if (i == skip) continue;
        if (row_equal(table, &rows->items[i], row)) return false;
        for (uint32_t c = 0; c < table->column_count; c++) {
            if (table->is_unique[c] && rows->items[i].values[c] == row->values[c]) return false;
        }
    }
    return true;
}

static void change(Game *game, Tx *tx, uint32_t number) {
    const ModelTable *table = &game->model.tables[number];
    ModelRows *rows = &game->model.now[number];
    if (model_is_view(table)) return;
    if (table->kind == MODEL_TABLE && one_in(80)) {
        CHECK(tx_clear(tx, table->table) == rows->count);
        rows->count = 0;
        return;
    }
    InsertResult result;
    ModelRow row = some_row(table);
    bool is_new = rows->count == 0 || (rows->count < ROWS_MAX && one_in(2)) ||
                  table->kind == MODEL_EVENTS;
    if (is_new) {
        if (rows->count == ROWS_MAX || !fits(table, rows, &row, UINT32_MAX)) return;
        CHECK(tx_insert(tx, table->table, row_bytes(table, &row), &result) == INSERT_ADDED);
        rows->items[rows->count++] = row;
        return;
    }
    uint32_t at = below(rows->count);
    bool is_update = one_in(2);
    // Often just one column changes.
    if (one_in(2)) {
        ModelRow changed = rows->items[at];
        uint32_t column = below(table->column_count);
        changed.values[column] = row.values[column];
        row = changed;
    }
    if (is_update && !fits(table, rows, &row, at)) return;
    CHECK(tx_delete_equal(tx, table->table, row_bytes(table, &rows->items[at])));
    if (is_update) {
        CHECK(tx_insert(tx, table->table, row_bytes(table, &row), &result) == INSERT_ADDED);
        rows->items[at] = row;
    } else {
        rows->items[at] = rows->items[--rows->count];
    }
}

// An index that is not unique comes or goes within the transaction.
static void change_index(Game *game, Tx *tx) {
    ModelTable *table = &game->model.tables[below(game->model.table_count)];
    uint16_t column = (uint16_t)below(table->column_count);
    bool is_free = table->kind == MODEL_TABLE && !table->is_unique[column] &&
                   table->columns[column] != VALUE_F64;
    if (!is_free) return;
    ColumnList list = {&column, 1};
    Error error;
    if (table->is_indexed[column]) {
        CHECK(tx_drop_index(tx, table_find_index(table->table, list), &error) == STATUS_OK);
    } else {
        IndexSchema index = {.kind = one_in(3) ? INDEX_HASH : INDEX_BTREE, .columns = list};
        index.name = index.accessor = arena_format(&game->world->arena, "%s_new_%u_%u", table->name,
                                                   column, game->commits);
        CHECK(tx_create_index(tx, table->table, &index, &error) == STATUS_OK);
    }
    table->is_indexed[column] = !table->is_indexed[column];
}

static void step_commit(Game *game) {
    Model *model = &game->model;
    for (uint32_t i = 0; i < model->table_count; i++) {
        if (model->tables[i].kind == MODEL_EVENTS) model->now[i].count = 0;
    }
    memcpy(model->before, model->now, sizeof model->before);
    Tx *tx = tx_begin(game->world->store);
    if (one_in(60)) change_index(game, tx);
    uint32_t count = one_in(10) ? below(40) : below(5);
    uint32_t focus = below(model->table_count);
    for (uint32_t i = 0; i < count; i++)
        change(game, tx, one_in(2) ? focus : below(model->table_count));
    for (uint32_t i = 0; i < game->instance_count; i++) {
        if (game->instances[i].held > 0) keep_instance(game, tx, &game->instances[i]);
    }
    want_events(game);
    world_commit(game->world, (SyncEvent){.reducer_id = UINT32_MAX, .withhold_reducer = one_in(2)});
    game->commits++;
}

// ---- the game ----

static void game_close(Game *game) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (game->clients[i].client == NULL) continue;
        if (game->clients[i].is_slow) {
            game->clients[i].is_slow = false;
            catch_up(game, &game->clients[i]);
            check_client(game, &game->clients[i]);
        }
        leave(game, &game->clients[i]);
    }
    SyncStats stats = sync_stats(game->world->sync);
    CHECK(stats.query_sets == 0 && stats.queries == 0);
    for (uint32_t i = 0; i < game->instance_count; i++) CHECK(game->instances[i].held == 0);
    store_check(game->world->store);
    world_close(game->world);
}

static uint32_t play(uint32_t seed) {
    static Game game;
    random_seed = seed;
    random_state = seed;
    game_open(&game);
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        step_join(&game);
        step_commit(&game);
        step_subscribe(&game);
        drain(&game);
    }
    for (random_step = 0; game.commits < GAME_TRANSACTIONS; random_step++) {
        switch (below(24)) {
        case 0:
        case 1: step_join(&game); break;
        case 2: {
            TestClient *client = some_client(&game);
            if (client && one_in(3)) leave(&game, client);
            break;
        }
        case 3:
        case 4:
        case 5: step_subscribe(&game); break;
        case 6:
            if (one_in(2)) step_unsubscribe(&game);
            break;
        case 7: step_slow(&game); break;
        default: step_commit(&game); break;
        }
        drain(&game);
        check_all(&game);
    }
    uint32_t commits = game.commits;
    game_close(&game);
    return commits;
}

static uint64_t setting(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_random(void **state) {
    (void)state;
    if (getenv("SYNC_SEED")) {
        (void)play((uint32_t)setting("SYNC_SEED", 1));
        return;
    }
    uint64_t wanted = setting("SYNC_TRANSACTIONS", TRANSACTIONS), done = 0;
    uint32_t first = (uint32_t)setting("SYNC_SEED_FIRST", 1), seed = first;
    while (done < wanted) done += play(seed++);
    if (getenv("SYNC_TRANSACTIONS"))
        printf("%llu transactions, seeds %u to %u\n", (unsigned long long)done, first, seed - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
