// equivalence_test.c - what clients hold is what their queries yield, whatever happens.
//
// Random commits, and clients of all protocols that come, subscribe, unsubscribe, call and go. After each step
// the messages are decoded and applied as a client would; then every bag of rows must equal a fresh evaluation
// by a naive evaluator, which knows nothing of plans: it has the rows as structs and loops over them.
//
// A failure prints its seed; SYNC_SEED runs one seed, SYNC_SEEDS another number of them.

#include "model.h"

#include "sync/message_types.h"

#define SEEDS 25u
#define STEPS 160u
#define CLIENTS_MAX 7u
#define SETS_MAX 6u
#define QUERIES_MAX 10u

// ---- clients ----

typedef struct TestSet {
    bool is_used;
    TestQuery queries[QUERIES_MAX + 4];  // distinct
    uint32_t count;
    Bag rows;    // v2
    Bag events;  // v2, of the last commit
} TestSet;

typedef struct TestClient {
    SyncClient *client;  // NULL: a free place
    uint8_t number;
    Asker asker;
    Protocol protocol;
    TestSet sets[SETS_MAX];  // by id; v1: the last one is the legacy set
    Bag rows;                // v1
    uint32_t updates;        // since the last step
} TestClient;
#define LEGACY (SETS_MAX - 1)

typedef struct Game {
    World *world;
    Model model;
    TestClient clients[CLIENTS_MAX];
    Table *r, *s, *m, *e;
    const Type *row_types[4];
    uint32_t next_id;
} Game;

static bool is_v1(const TestClient *client) {
    return protocol_is_v1(client->protocol);
}

static bool set_holds(const TestSet *set, TestQuery query) {
    for (uint32_t i = 0; i < set->count; i++) {
        // Kinds without a parameter ignore it, in their text.
        char text[256];
        snprintf(text, sizeof text, "%s", query_text(query));
        if (strcmp(text, query_text(set->queries[i])) == 0) return true;
    }
    return false;
}

static void set_add(TestSet *set, TestQuery query) {
    if (!set_holds(set, query)) set->queries[set->count++] = query;
}

static void set_end(TestSet *set) {
    bytes_map_done(&set->rows);
    bytes_map_done(&set->events);
    *set = (TestSet){0};
}

// ---- decoding ----

static const char *table_of(Bytes name) {
    static const char *const NAMES[] = {"r", "s", "m", "e"};
    for (uint32_t i = 0; i < 4; i++) {
        if (bytes_equal_text(name, NAMES[i])) return NAMES[i];
    }
    fail_msg("SYNC_SEED=%u: table %.*s", random_seed, BYTES_FORMAT(name));
    return NULL;
}

static uint32_t take_row_list(Reader *reader, Bag *bag, const char *table, int change) {
    uint8_t hint = reader_u8(reader);
    CHECK(hint <= 1);
    if (hint == 0) {
        uint32_t size = reader_u16(reader);
        Bytes rows = reader_bytes(reader);
        CHECK(size > 0 && rows.count > 0 && rows.count % size == 0);
        for (uint32_t at = 0; at < rows.count; at += size) {
            bag_add(bag, table, bytes_slice(rows, at, size), change);
        }
        return rows.count / size;
    }
    uint32_t count = reader_u32(reader);
    Reader offsets = *reader;
    for (uint32_t i = 0; i < count; i++) (void)reader_u64(reader);
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

// v1.json, as BSATN: an array of strings of JSON.
static uint32_t take_json_rows(const Game *game, Reader *reader, Bag *bag, const char *table,
                               int change) {
    const Type *type = game->row_types[*table == 'r'   ? 0
                                       : *table == 's' ? 1
                                       : *table == 'm' ? 2
                                                       : 3];
    uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        Bytes text = reader_string(reader);
        Buffer row;
        Error error;
        buffer_init(&row, 1024);
        Status status = json_read_value(text, TYPESPACE_NONE, type, (JsonReadOptions){0}, &row,
                                        NULL, &error);
        if (status != STATUS_OK) fail_msg("%.*s: %s", BYTES_FORMAT(text), error.text);
        bag_add(bag, table, buffer_bytes(&row), change);
        buffer_done(&row);
    }
    return count;
}

static void take_query_rows(Reader *reader, Bag *bag, int change) {
    uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        const char *table = table_of(reader_string(reader));
        (void)take_row_list(reader, bag, table, change);
    }
}

static void take_update_v2(TestClient *client, Reader *reader) {
    uint32_t set_count = reader_u32(reader);
    int64_t last_id = -1;
    for (uint32_t q = 0; q < set_count; q++) {
        uint32_t id = reader_u32(reader);
        CHECK((int64_t)id > last_id && id < SETS_MAX && client->sets[id].is_used);
        last_id = id;
        TestSet *set = &client->sets[id];
        uint32_t table_count = reader_u32(reader);
        CHECK(table_count > 0);
        const char *last = "";
        for (uint32_t t = 0; t < table_count; t++) {
            const char *table = table_of(reader_string(reader));
            CHECK(strcmp(table, last) > 0);
            last = table;
            uint32_t part_count = reader_u32(reader);
            CHECK(part_count > 0);
            for (uint32_t i = 0; i < part_count; i++) {
                bool is_event = reader_u8(reader) == 1;
                CHECK(is_event == (*table == 'e'));
                // Deletes may meet inserts of another part: apply inserts first.
                uint32_t rows = take_row_list(reader, is_event ? &set->events : &set->rows, table,
                                              1);
                if (!is_event) rows += take_row_list(reader, &set->rows, table, -1);
                CHECK(rows > 0);
            }
        }
    }
}

static void take_message_v2(TestClient *client, Bytes message) {
    Reader reader = reader_of(message);
    uint8_t tag = reader_u8(&reader);
    if (tag == 4) {
        CHECK(load_u32le(reader.at) > 0);
        take_update_v2(client, &reader);
        client->updates++;
    } else if (tag == 6) {
        (void)reader_take(&reader, 12);
        CHECK(reader_u8(&reader) == 0);
        CHECK(reader_u32(&reader) == 0);
        take_update_v2(client, &reader);
        client->updates++;
    } else if (tag == 1) {
        (void)reader_u32(&reader);
        uint32_t id = reader_u32(&reader);
        take_query_rows(&reader, &client->sets[id].rows, 1);
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

static void take_tables_v1(const Game *game, TestClient *client, Reader *reader,
                           uint32_t table_count) {
    bool is_json = client->protocol == PROTOCOL_V1_JSON;
    for (uint32_t t = 0; t < table_count; t++) {
        uint32_t id = reader_u32(reader);
        const char *table = table_of(reader_string(reader));
        CHECK(store_find_table_by_name(game->world->store, bytes_of_text(table)) ==
              store_find_table(game->world->store, id));
        uint64_t row_count = reader_u64(reader);
        uint32_t entries = reader_u32(reader);
        uint64_t rows = 0;
        for (uint32_t i = 0; i < entries; i++) {
            if (!is_json) CHECK(reader_u8(reader) == 0);
            // Deletes come first, but may meet inserts of a later entry: what is owed is settled at the end.
            Bag deletes = {0};
            rows += is_json ? take_json_rows(game, reader, &deletes, table, 1)
                            : take_row_list(reader, &deletes, table, 1);
            rows += is_json ? take_json_rows(game, reader, &client->rows, table, 1)
                            : take_row_list(reader, &client->rows, table, 1);
            uint32_t at = 0;
            Bytes key;
            void *count;
            while (bytes_map_next(&deletes, &at, &key, &count)) {
                uint32_t name = (uint32_t)strlen(table) + 1;
                bag_add(&client->rows, table, bytes_slice(key, name, key.count - name),
                        -(int)(intptr_t)count);
            }
            bytes_map_done(&deletes);
        }
        CHECK(rows == row_count);
    }
}

static void take_message_v1(const Game *game, TestClient *client, Bytes message) {
    Buffer bsatn;
    buffer_init(&bsatn, 1u << 20);
    if (client->protocol == PROTOCOL_V1_JSON) {
        Error error;
        if (json_read_value(message, TYPESPACE_NONE, &V1_SERVER_MESSAGE_JSON, (JsonReadOptions){0},
                            &bsatn, NULL, &error) != STATUS_OK) {
            fail_msg("%.*s: %s", BYTES_FORMAT(message), error.text);
        }
        message = buffer_bytes(&bsatn);
    }
    Reader reader = reader_of(message);
    uint8_t tag = reader_u8(&reader);
    switch (tag) {
    case 0:  // replaces what the legacy set held: it comes whole
        take_tables_v1(game, client, &reader, reader_u32(&reader));
        (void)reader_take(&reader, 12);
        break;
    case 1:
        CHECK(reader_u8(&reader) == 0);
        take_tables_v1(game, client, &reader, reader_u32(&reader));
        (void)reader_take(&reader, 8 + 32 + 16);
        (void)reader_string(&reader);
        (void)reader_u32(&reader);
        (void)reader_bytes(&reader);
        (void)reader_take(&reader, 4 + 16 + 8);
        client->updates++;
        break;
    case 2:
        (void)reader_u32(&reader);
        take_tables_v1(game, client, &reader, reader_u32(&reader));
        client->updates++;
        break;
    case 8:
    case 9:
        (void)reader_take(&reader, 16);
        take_tables_v1(game, client, &reader, reader_u32(&reader));
        break;
    default: CHECK(tag == 8);
    }
    CHECK(reader_finish(&reader));
    buffer_done(&bsatn);
}

static void drain(Game *game) {
    World *world = game->world;
    while (world->sent_first < world->sent_count) {
        Sent sent = world->sent[world->sent_first++];
        TestClient *client = NULL;
        for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
            if (game->clients[i].client && game->clients[i].number == sent.to)
                client = &game->clients[i];
        }
        CHECK(client != NULL);
        Bytes message = shared_slice_bytes(sent.slice);
        if (is_v1(client)) {
            take_message_v1(game, client, message);
        } else {
            take_message_v2(client, message);
        }
        shared_buf_unref(sent.slice.buf);
    }
    world->sent_first = world->sent_count = 0;
}

// ---- checking ----

static void check_client_v2(const Game *game, const TestClient *client) {
    for (uint32_t i = 0; i < SETS_MAX; i++) {
        const TestSet *set = &client->sets[i];
        if (!set->is_used) continue;
        Bag rows = {0};
        Bag events = {0};
        for (uint32_t q = 0; q < set->count; q++) {
            evaluate(&game->model, set->queries[q], client->asker, &rows);
            evaluate_events(&game->model, set->queries[q], &events);
        }
        bag_check_equal(&rows, &set->rows);
        bag_check_equal(&events, &set->events);
        bytes_map_done(&rows);
        bytes_map_done(&events);
    }
}

// Queries of all sets with an id count once; those of the legacy set again.
static void check_client_v1(const Game *game, const TestClient *client) {
    Bag rows = {0};
    TestSet all = {0};
    TestQuery queries[SETS_MAX * (QUERIES_MAX + 4)];
    uint32_t count = 0;
    for (uint32_t i = 0; i < LEGACY; i++) {
        for (uint32_t q = 0; q < client->sets[i].count; q++) {
            TestQuery query = client->sets[i].queries[q];
            bool is_known = false;
            for (uint32_t k = 0; k < count; k++) {
                all.count = 1;
                all.queries[0] = queries[k];
                if (set_holds(&all, query)) is_known = true;
            }
            if (!is_known) queries[count++] = query;
        }
    }
    for (uint32_t i = 0; i < count; i++) evaluate(&game->model, queries[i], client->asker, &rows);
    const TestSet *legacy = &client->sets[LEGACY];
    for (uint32_t q = 0; q < legacy->count; q++) {
        evaluate(&game->model, legacy->queries[q], client->asker, &rows);
    }
    bag_check_equal(&rows, &client->rows);
    bytes_map_done(&rows);
}

static void check_all(Game *game) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        TestClient *client = &game->clients[i];
        if (client->client == NULL) continue;
        if (is_v1(client)) {
            check_client_v1(game, client);
        } else {
            check_client_v2(game, client);
        }
        CHECK(client->updates <= 1);
        client->updates = 0;
        for (uint32_t s = 0; s < SETS_MAX; s++) {
            bytes_map_done(&client->sets[s].events);
            client->sets[s].events = (Bag){0};
        }
    }
    game->model.e_count = 0;
}

// ---- steps ----

static TestClient *some_client(Game *game) {
    TestClient *client = &game->clients[below(CLIENTS_MAX)];
    return client->client ? client : NULL;
}

static void step_join(Game *game) {
    TestClient *client = &game->clients[below(CLIENTS_MAX)];
    if (client->client) return;
    *client = (TestClient){.number = (uint8_t)(client - game->clients + 1),
                           .protocol = (Protocol)below(PROTOCOL_COUNT)};
    client->asker = (Asker){(uint8_t)(1 + below(IDENTITIES)), below(5) == 0};
    SyncClientOptions options = {
        .protocol = client->protocol,
        .identity = world_identity(client->asker.identity),
        .is_owner = client->asker.is_owner,
        .light = below(2) == 0,
        .confirmed = below(2) == 0,
        .connection = (void *)(uintptr_t)client->number,
    };
    options.connection_id.bytes[0] = client->number;
    client->client = sync_add_client(game->world->sync, &options);
}

static void step_leave(Game *game) {
    TestClient *client = some_client(game);
    if (client == NULL) return;
    sync_remove_client(game->world->sync, client->client);
    for (uint32_t i = 0; i < SETS_MAX; i++) set_end(&client->sets[i]);
    bytes_map_done(&client->rows);
    *client = (TestClient){0};
}

// A random list of queries: into the set, and as BSATN or JSON texts.
static void choose_queries(const TestClient *client, TestSet *set, Buffer *texts,
                           const char *separator) {
    uint32_t count = below(QUERIES_MAX);
    if (*separator == 0) buffer_u32(texts, count);
    bool has_all = false;
    TestQuery chosen[QUERIES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t kinds = is_v1(client) ? KIND_STORED_COUNT : KIND_COUNT;
        bool is_all = below(30) == 0;
        has_all |= is_all;
        chosen[i] = (TestQuery){(Kind)below(kinds), (uint8_t)below(4)};
        const char *text = is_all ? "SELECT * FROM *" : query_text(chosen[i]);
        if (is_all) chosen[i].kind = KIND_COUNT;
        if (*separator == 0) {
            buffer_string(texts, bytes_of_text(text));
        } else {
            if (i > 0) buffer_append_text(texts, separator);
            json_write_string(texts, bytes_of_text(text));
        }
    }
    if (has_all) {
        set_add(set, (TestQuery){R_ALL, 0});
        set_add(set, (TestQuery){S_ALL, 0});
        set_add(set, (TestQuery){M_ALL, 0});
    }
    for (uint32_t i = 0; i < count; i++) {
        if (chosen[i].kind != KIND_COUNT) set_add(set, chosen[i]);
    }
}

static void subscribe_v1(Game *game, TestClient *client, uint32_t id) {
    TestSet *set = &client->sets[id];
    TestSet before = *set;
    *set = (TestSet){.is_used = true};
    Buffer text;
    buffer_init(&text, 1u << 16);
    if (id == LEGACY) {
        // What it held goes without a word.
        for (uint32_t q = 0; q < before.count; q++) {
            Bag rows = {0};
            evaluate(&game->model, before.queries[q], client->asker, &rows);
            uint32_t at = 0;
            Bytes key;
            void *count;
            while (bytes_map_next(&rows, &at, &key, &count)) {
                const char *table = (const char *)key.data;
                uint32_t name = (uint32_t)strlen(table) + 1;
                bag_add(&client->rows, table_of(bytes_of_text(table)),
                        bytes_slice(key, name, key.count - name), -(int)(intptr_t)count);
            }
            bytes_map_done(&rows);
        }
        buffer_append_text(&text, "{\"Subscribe\":{\"query_strings\":[");
        choose_queries(client, set, &text, ",");
        buffer_append_text(&text, "],\"request_id\":1}}");
    } else {
        buffer_append_text(&text, "{\"SubscribeMulti\":{\"query_strings\":[");
        choose_queries(client, set, &text, ",");
        buffer_append_format(&text, "],\"request_id\":1,\"query_id\":{\"id\":%u}}}", id);
    }
    world_ask_form(game->world, client->client, MESSAGE_TEXT, buffer_bytes(&text));
    buffer_done(&text);
}

static void step_subscribe(Game *game) {
    TestClient *client = some_client(game);
    if (client == NULL) return;
    uint32_t id = below(SETS_MAX);
    TestSet *set = &client->sets[id];
    bool is_legacy = is_v1(client) && id == LEGACY;
    if (set->is_used && !is_legacy) return;
    if (is_v1(client)) {
        subscribe_v1(game, client, id);
        return;
    }
    set->is_used = true;
    Buffer request;
    buffer_init(&request, 1u << 16);
    buffer_u8(&request, 0);
    buffer_u32(&request, 1);
    buffer_u32(&request, id);
    choose_queries(client, set, &request, "");
    world_ask_buffer(game->world, client->client, &request);
}

static void step_unsubscribe(Game *game) {
    TestClient *client = some_client(game);
    if (client == NULL) return;
    uint32_t id = below(is_v1(client) ? LEGACY : SETS_MAX);
    if (!client->sets[id].is_used) return;
    if (is_v1(client)) {
        char text[128];
        snprintf(text, sizeof text,
                 "{\"UnsubscribeMulti\":{\"request_id\":1,\"query_id\":{\"id\":%u}}}", id);
        world_ask_text(game->world, client->client, text);
        set_end(&client->sets[id]);
    } else {
        world_unsubscribe(game->world, client->client, 1, id, (uint8_t)below(2));
    }
}

static RowR some_r(uint32_t id) {
    return (RowR){.id = id,
                  .a = (int32_t)below(6) - 3,
                  .s = VALUES[below(COUNT_OF(VALUES))],
                  .f = FLOATS[below(COUNT_OF(FLOATS))],
                  .who = (uint8_t)(1 + below(IDENTITIES)),
                  .tag = TAGS[below(COUNT_OF(TAGS))]};
}

static void insert_row(Tx *tx, Table *table, Bytes row) {
    InsertResult result;
    CHECK(tx_insert(tx, table, row, &result) == INSERT_ADDED);
}

static void change_r(Game *game, Tx *tx) {
    Model *model = &game->model;
    if (model->r_count < ROWS_MAX && below(2) == 0) {
        RowR row = some_r(below(12));
        for (uint32_t i = 0; i < model->r_count; i++) {
            if (model->r[i].id == row.id) return;
        }
        insert_row(tx, game->r, r_bytes(&row));
        model->r[model->r_count++] = row;
        return;
    }
    if (model->r_count == 0) return;
    RowR *row = &model->r[below(model->r_count)];
    bool is_update = below(2) == 0;
    RowR updated = some_r(row->id);
    if (is_update && bytes_equal_text(bytes_of_text(row->s), updated.s) && below(2) == 0)
        updated = *row;
    CHECK(tx_delete_equal(tx, game->r, r_bytes(row)));
    if (is_update) {
        insert_row(tx, game->r, r_bytes(&updated));
        *row = updated;
    } else {
        *row = model->r[--model->r_count];
    }
}

static void change_s(Game *game, Tx *tx) {
    Model *model = &game->model;
    if (model->s_count < ROWS_MAX && below(2) == 0) {
        RowS row = {game->next_id++, below(12), below(2)};
        insert_row(tx, game->s, s_bytes(&row));
        model->s[model->s_count++] = row;
        return;
    }
    if (model->s_count == 0) return;
    RowS *row = &model->s[below(model->s_count)];
    CHECK(tx_delete_equal(tx, game->s, s_bytes(row)));
    if (below(3) == 0) {
        *row = model->s[--model->s_count];
        return;
    }
    row->r_id = below(12);
    row->on = below(2);
    insert_row(tx, game->s, s_bytes(row));
}

static void change_m(Game *game, Tx *tx) {
    Model *model = &game->model;
    if (model->m_count < ROWS_MAX && below(2) == 0) {
        RowM row = {below(12), (uint8_t)(1 + below(IDENTITIES)), (int16_t)below(9)};
        for (uint32_t i = 0; i < model->m_count; i++) {
            if (model->m[i].id == row.id) return;
        }
        insert_row(tx, game->m, m_bytes(&row));
        model->m[model->m_count++] = row;
        return;
    }
    if (model->m_count == 0) return;
    RowM *row = &model->m[below(model->m_count)];
    CHECK(tx_delete_equal(tx, game->m, m_bytes(row)));
    *row = model->m[--model->m_count];
}

static void add_event(Game *game, Tx *tx) {
    Model *model = &game->model;
    if (model->e_count == ROWS_MAX) return;
    RowE row = {game->next_id++, below(12)};
    insert_row(tx, game->e, e_bytes(&row));
    model->e[model->e_count++] = row;
}

static void step_commit(Game *game) {
    Model *model = &game->model;
    memcpy(model->s_before, model->s, sizeof model->s);
    model->s_before_count = model->s_count;
    Tx *tx = tx_begin(game->world->store);
    for (uint32_t i = below(8); i > 0; i--) {
        switch (below(5)) {
        case 0:
        case 1: change_r(game, tx); break;
        case 2: change_s(game, tx); break;
        case 3: change_m(game, tx); break;
        default: add_event(game, tx); break;
        }
    }
    TestClient *caller = below(2) == 0 ? some_client(game) : NULL;
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 3};
    if (caller && is_v1(caller)) request.flags = (uint8_t)below(2);
    SyncEvent event = {.withhold_reducer = below(2) == 0, .reducer_id = UINT32_MAX};
    if (caller) {
        event.caller = caller->client;
        event.request = &request;
    }
    world_commit(game->world, event);
    bool is_answered = caller && request.flags == 0;
    if (is_answered) {
        // Even if it concerns none of its queries.
        bool is_sent = false;
        for (uint32_t i = game->world->sent_first; i < game->world->sent_count; i++) {
            is_sent |= game->world->sent[i].to == caller->number;
        }
        CHECK(is_sent);
    }
}

// ---- the game ----

static void add_rule(World *world, const char *text) {
    SqlContext owner = {.store = world->store, .is_owner = true};
    TableId table = 0;
    Error error;
    Bytes rule = bytes_of_text(text);
    if (sql_check_row_level_security(&owner, rule, &table, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    Tx *tx = tx_begin(world->store);
    CHECK(tx_set_row_level_security(tx, table, rule, true, &error) == STATUS_OK);
    world_commit(world, (SyncEvent){0});
}

static Table *make(Game *game, const WorldTable *table) {
    return store_find_table(game->world->store, world_table(game->world, table));
}

static void game_open(Game *game) {
    *game = (Game){.world = world_open()};
    const Type *u32 = type_primitive(TYPE_U32);
    const Type *identity = type_special(SPECIAL_IDENTITY);
    const TypeField r[] = {
        COLUMN("id", u32),
        COLUMN("a", type_primitive(TYPE_I32)),
        COLUMN("s", type_primitive(TYPE_STRING)),
        COLUMN("f", type_primitive(TYPE_F64)),
        COLUMN("who", identity),
        COLUMN("tag", type_primitive(TYPE_U64)),
    };
    static const WorldIndex R_INDEXES[] = {{INDEX_BTREE, true, 0}, {INDEX_BTREE, false, 1}};
    game->r = make(game, &(WorldTable){.name = "r",
                                       .columns = r,
                                       .column_count = COUNT_OF(r),
                                       .indexes = R_INDEXES,
                                       .index_count = COUNT_OF(R_INDEXES)});
    const TypeField s[] = {COLUMN("id", u32), COLUMN("r_id", u32),
                           COLUMN("on", type_primitive(TYPE_BOOL))};
    static const WorldIndex S_INDEXES[] = {{INDEX_HASH, true, 0}, {INDEX_BTREE, false, 1}};
    game->s = make(game, &(WorldTable){.name = "s",
                                       .columns = s,
                                       .column_count = COUNT_OF(s),
                                       .indexes = S_INDEXES,
                                       .index_count = COUNT_OF(S_INDEXES)});
    const TypeField m[] = {COLUMN("id", u32), COLUMN("owner", identity),
                           COLUMN("level", type_primitive(TYPE_I16))};
    static const WorldIndex M_INDEXES[] = {{INDEX_BTREE, true, 0}};
    game->m = make(game, &(WorldTable){.name = "m",
                                       .columns = m,
                                       .column_count = COUNT_OF(m),
                                       .indexes = M_INDEXES,
                                       .index_count = COUNT_OF(M_INDEXES)});
    const TypeField e[] = {COLUMN("id", u32), COLUMN("k", u32)};
    game->e = make(
        game,
        &(WorldTable){.name = "e", .columns = e, .column_count = COUNT_OF(e), .is_event = true});
    Table *const tables[] = {game->r, game->s, game->m, game->e};
    for (uint32_t i = 0; i < 4; i++) game->row_types[i] = table_schema(tables[i])->row_type;
    add_rule(game->world, "SELECT * FROM m WHERE owner = :sender");
    add_rule(game->world, "SELECT * FROM m WHERE level > 5");
    add_rule(game->world, "SELECT m.* FROM m JOIN s ON m.id = s.r_id WHERE s.on = true");
}

static void game_close(Game *game) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        TestClient *client = &game->clients[i];
        if (client->client == NULL) continue;
        sync_remove_client(game->world->sync, client->client);
        for (uint32_t s = 0; s < SETS_MAX; s++) set_end(&client->sets[s]);
        bytes_map_done(&client->rows);
    }
    SyncStats stats = sync_stats(game->world->sync);
    CHECK(stats.query_sets == 0 && stats.queries == 0);
    store_check(game->world->store);
    world_close(game->world);
}

static void play(uint32_t seed) {
    random_seed = seed;
    random_state = seed;
    Game *game = malloc(sizeof *game);
    game_open(game);
    for (random_step = 0; random_step < STEPS; random_step++) {
        switch (below(12)) {
        case 0:
        case 1: step_join(game); break;
        case 2:
            if (below(3) == 0) step_leave(game);
            break;
        case 3:
        case 4:
        case 5: step_subscribe(game); break;
        case 6: step_unsubscribe(game); break;
        default: step_commit(game); break;
        }
        drain(game);
        check_all(game);
    }
    game_close(game);
    free(game);
}

static void test_equivalence(void **state) {
    (void)state;
    const char *one = getenv("SYNC_SEED");
    const char *many = getenv("SYNC_SEEDS");
    if (one) {
        play((uint32_t)strtoul(one, NULL, 10));
        return;
    }
    uint32_t count = many ? (uint32_t)strtoul(many, NULL, 10) : SEEDS;
    for (uint32_t seed = 1; seed <= count; seed++) play(seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equivalence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
