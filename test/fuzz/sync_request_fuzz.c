// sync_request_fuzz.c - the messages of hostile clients: decoded by every protocol, and then asked.
//
// The input is | which protocol and form | the message |. Each request that can be read is handed to a small
// database with tables, rules of row-level security and an event table, and a commit follows; whatever happens,
// something is answered to each request but calls, the sets of the client end with it, and what is refused has
// a text.
#include "sync/sync.h"

#include "base/gate.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX (1ull << 31)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

typedef struct World {
    Store *store;
    Sync *sync;
    uint32_t sent;
} World;

static void take(void *user, void *connection, SharedSlice message, uint64_t ticket) {
    (void)ticket;
    World *world = user;
    ASSERT(connection == world && message.count > 0);
    ASSERT(message.at <= message.buf->count && message.count <= message.buf->count - message.at);
    world->sent++;
    shared_buf_unref(message.buf);
}

static void make_table(World *world, const char *name, bool is_event) {
    static const uint16_t FIRST[] = {0};
    TypeField fields[] = {{BYTES_LITERAL("id"), type_primitive(TYPE_U32)},
                          {BYTES_LITERAL("name"), type_primitive(TYPE_STRING)},
                          {BYTES_LITERAL("owner"), type_special(SPECIAL_IDENTITY)}};
    ColumnSchema columns[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        columns[i].name = columns[i].accessor = fields[i].name;
        columns[i].type = fields[i].type;
    }
    IndexSchema index = {.name = bytes_of_text(name), .kind = INDEX_BTREE, .columns = {FIRST, 1}};
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    TableSchema schema = {.name = bytes_of_text(name),
                          .columns = columns,
                          .column_count = 3,
                          .row_type = type_product(&arena, fields, 3),
                          .indexes = &index,
                          .index_count = 1,
                          .primary_key = COLUMN_NONE,
                          .origin = TABLE_USER,
                          .access = TABLE_PUBLIC,
                          .is_event = is_event};
    Error error;
    Table *table;
    Tx *tx = tx_begin(world->store);
    if (tx_create_table(tx, &schema, &table, &error) != STATUS_OK) abort();
    (void)tx_commit(tx);
    tx_release(tx);
    arena_done(&arena);
}

static void make_rule(World *world, const char *text) {
    SqlContext owner = {.store = world->store, .is_owner = true};
    TableId table = 0;
    Error error;
    Bytes rule = bytes_of_text(text);
    if (sql_check_row_level_security(&owner, rule, &table, &error) != STATUS_OK) abort();
    Tx *tx = tx_begin(world->store);
    if (tx_set_row_level_security(tx, table, rule, true, &error) != STATUS_OK) abort();
    (void)tx_commit(tx);
    tx_release(tx);
}

static World *the_world(void) {
    static World world;
    if (world.store) return &world;
    world.store = store_create();
    make_table(&world, "person", false);
    make_table(&world, "mail", false);
    make_table(&world, "ping", true);
    make_rule(&world, "SELECT * FROM mail WHERE owner = :sender");
    make_rule(&world, "SELECT mail.* FROM mail JOIN person ON mail.id = person.id");
    SyncOutput output = {.user = &world, .send = take, .message_bytes_max = 4096};
    world.sync = sync_create(world.store, &output);
    return &world;
}

// One row comes into each table, or goes.
static void change_rows(World *world) {
    static const char *const NAMES[] = {"person", "mail", "ping"};
    static uint8_t row[4 + 4 + 3 + 32] = {1, 0, 0, 0, 3, 0, 0, 0, 'A', 'd', 'a'};
    Tx *tx = tx_begin(world->store);
    for (uint32_t i = 0; i < 3; i++) {
        Table *table = store_find_table_by_name(world->store, bytes_of_text(NAMES[i]));
        if (tx_delete_equal(tx, table, bytes_of(row, sizeof row))) continue;
        InsertResult result;
        if (tx_insert(tx, table, bytes_of(row, sizeof row), &result) != INSERT_ADDED) abort();
    }
    SyncEvent event = {.withhold_reducer = true, .reducer_id = UINT32_MAX};
    sync_commit(world->sync, &event, tx_commit(tx));
    tx_release(tx);
}

static void ask(World *world, SyncClient *client, const Request *request) {
    uint32_t before = world->sent;
    switch (request->kind) {
    case REQUEST_CALL_REDUCER:
    case REQUEST_CALL_PROCEDURE: {
        SyncEvent event = {.caller = client, .request = request, .result = RESULT_INTERNAL};
        event.text = BYTES_LITERAL("no");
        event.reducer = request->function;
        if (request->kind == REQUEST_CALL_REDUCER) {
            sync_call_failed(world->sync, &event);
        } else {
            sync_procedure_result(world->sync, &event, BYTES_NONE);
        }
        break;
    }
    default: sync_request(world->sync, client, request, 1); break;
    }
    ASSERT(world->sent > before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0) return 0;
    World *world = the_world();
    Protocol protocol = (Protocol)(data[0] % PROTOCOL_COUNT);
    MessageForm form = data[0] / PROTOCOL_COUNT % 2 ? MESSAGE_TEXT : MESSAGE_BINARY;
    SyncClientOptions options = {.protocol = protocol, .connection = world};
    SyncClient *client = sync_add_client(world->sync, &options);
    // A copy of its own size: a read past the end is seen.
    uint8_t *copy = malloc(count);
    memcpy(copy, data + 1, count - 1);
    Reader reader = reader_of(bytes_of(copy, count - 1));
    bool is_last = false;
    while (!is_last) {
        Arena arena;
        arena_init(&arena, ARENA_MAX);
        Request request;
        Error error = {.text = ""};
        Status status = request_read(protocol, form, &reader, &arena, &request, &is_last, &error);
        if (status == STATUS_OK) {
            ask(world, client, &request);
        } else {
            ASSERT(status == STATUS_INVALID && error.text[0] != 0);
            is_last = true;
        }
        arena_done(&arena);
    }
    change_rows(world);
    sync_remove_client(world->sync, client);
    ASSERT(sync_stats(world->sync).query_sets == 0 && sync_stats(world->sync).queries == 0);
    free(copy);
    return 0;
}
