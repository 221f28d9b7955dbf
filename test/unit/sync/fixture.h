// fixture.h - shared by the tests of sync/: a store with its Sync, clients whose messages are kept, requests as
// bytes on their way through request_read, and transactions written as SQL.
#pragma once

#include "sync/sync.h"

#include "base/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORLD_ARENA_MAX (1u << 30)
#define WORLD_SENT_MAX 4096u

typedef struct Sent {
    uintptr_t to;
    SharedSlice slice;
    uint64_t ticket;
} Sent;

typedef struct World {
    Store *store;
    Sync *sync;
    Arena arena;  // of the test
    Sent sent[WORLD_SENT_MAX];
    uint32_t sent_first;
    uint32_t sent_count;
    uint64_t ticket;  // of the last commit
} World;

// ---- the world ----

static inline void world_send(void *user, void *connection, SharedSlice message, uint64_t ticket) {
    World *world = user;
    assert_true(world->sent_count < WORLD_SENT_MAX);
    assert_non_null(message.buf);
    world->sent[world->sent_count++] = (Sent){(uintptr_t)connection, message, ticket};
}

static inline void world_open_with(World *world, SyncOutput output) {
    memset(world, 0, sizeof *world);
    arena_init(&world->arena, WORLD_ARENA_MAX);
    world->store = store_create();
    output.user = world;
    output.send = world_send;
    world->sync = sync_create(world->store, &output);
}

static inline void world_open_limited(World *world, uint32_t message_bytes_max) {
    world_open_with(world, (SyncOutput){.message_bytes_max = message_bytes_max});
}

static inline World *world_open(void) {
    World *world = malloc(sizeof *world);
    world_open_limited(world, 0);
    return world;
}

// Forgets what was sent and nobody looked at.
static inline void world_forget(World *world) {
    for (uint32_t i = world->sent_first; i < world->sent_count; i++) {
        shared_buf_unref(world->sent[i].slice.buf);
    }
    world->sent_first = world->sent_count = 0;
}

static inline void world_close(World *world) {
    world_forget(world);
    for (SyncClient *client = sync_next_client(world->sync, NULL); client;
         client = sync_next_client(world->sync, NULL)) {
        sync_remove_client(world->sync, client);
    }
    sync_free(world->sync);
    store_free(world->store);
    arena_done(&world->arena);
    free(world);
}

// ---- tables ----

typedef struct WorldIndex {
    IndexKind kind;
    bool is_unique;
    uint16_t column;
} WorldIndex;

typedef struct WorldTable {
    const char *name;
    const TypeField *columns;
    uint16_t column_count;
    const WorldIndex *indexes;
    uint32_t index_count;
    bool is_event;
    bool is_private;
} WorldTable;

#define COLUMN(label, of) {{(const uint8_t *)(label), sizeof(label) - 1}, (of)}
#define COUNT_OF(list) (sizeof(list) / sizeof(list)[0])

static inline TableSchema world_schema(World *world, const WorldTable *of) {
    Arena *arena = &world->arena;
    TableSchema schema = {.name = bytes_of_text(of->name),
                          .primary_key = COLUMN_NONE,
                          .origin = TABLE_USER,
                          .access = of->is_private ? TABLE_PRIVATE : TABLE_PUBLIC,
                          .is_event = of->is_event,
                          .column_count = of->column_count,
                          .index_count = of->index_count};
    schema.accessor = schema.name;
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, of->column_count);
    for (uint16_t i = 0; i < of->column_count; i++) {
        columns[i].name = columns[i].accessor = of->columns[i].name;
        columns[i].type = of->columns[i].type;
    }
    schema.columns = columns;
    schema.row_type = type_product(arena, of->columns, of->column_count);
    IndexSchema *indexes = ARENA_ARRAY(arena, IndexSchema, of->index_count);
    ConstraintSchema *constraints = ARENA_ARRAY(arena, ConstraintSchema, of->index_count);
    for (uint32_t i = 0; i < of->index_count; i++) {
        uint16_t *column = ARENA_NEW(arena, uint16_t);
        *column = of->indexes[i].column;
        ColumnList list = {column, 1};
        indexes[i].name = arena_format(arena, "%s_idx_%u", of->name, i);
        indexes[i].accessor = indexes[i].name;
        indexes[i].kind = of->indexes[i].kind;
        indexes[i].columns = list;
        if (!of->indexes[i].is_unique) continue;
        ConstraintSchema *constraint = &constraints[schema.constraint_count++];
        constraint->name = arena_format(arena, "%s_key_%u", of->name, i);
        constraint->columns = list;
    }
    schema.indexes = indexes;
    schema.constraints = constraints;
    return schema;
}

static inline TableId world_table(World *world, const WorldTable *of) {
    TableSchema schema = world_schema(world, of);
    Error error = {0};
    Table *table = NULL;
    Tx *tx = tx_begin(world->store);
    if (tx_create_table(tx, &schema, &table, &error) != STATUS_OK) fail_msg("%s", error.text);
    (void)tx_commit(tx);
    tx_release(tx);
    return table_id(table);
}

// person(id: u32 unique, name: string), as in the examples of the specification.
static inline TableId world_person(World *world) {
    const TypeField columns[] = {
        COLUMN("id", type_primitive(TYPE_U32)),
        COLUMN("name", type_primitive(TYPE_STRING)),
    };
    static const WorldIndex INDEXES[] = {{INDEX_BTREE, true, 0}};
    WorldTable table = {.name = "person",
                        .columns = columns,
                        .column_count = COUNT_OF(columns),
                        .indexes = INDEXES,
                        .index_count = COUNT_OF(INDEXES)};
    return world_table(world, &table);
}

// A table of one u32 column `id`, without an index.
static inline TableId world_numbers(World *world, const char *name, bool is_event) {
    const TypeField columns[] = {COLUMN("id", type_primitive(TYPE_U32))};
    WorldTable table = {
        .name = name, .columns = columns, .column_count = COUNT_OF(columns), .is_event = is_event};
    return world_table(world, &table);
}

// ---- clients ----

static inline Identity world_identity(uint8_t number) {
    Identity identity = {{0}};
    identity.bytes[0] = number;
    identity.bytes[30] = 0;
    identity.bytes[31] = 0xc2;
    return identity;
}

// Known to the test by its number: connection, identity and connection id.
static inline SyncClient *world_join(World *world, uint8_t number, SyncClientOptions options) {
    options.identity = world_identity(number);
    options.connection_id.bytes[0] = number;
    options.connection = (void *)(uintptr_t)number;
    return sync_add_client(world->sync, &options);
}

static inline SyncClient *world_client(World *world, uint8_t number, Protocol protocol) {
    return world_join(world, number, (SyncClientOptions){.protocol = protocol, .confirmed = true});
}

static inline SyncClient *world_owner(World *world, uint8_t number, Protocol protocol) {
    return world_join(
        world, number,
        (SyncClientOptions){.protocol = protocol, .confirmed = true, .is_owner = true});
}

// ---- requests ----

static inline void world_ask_form(World *world, SyncClient *client, MessageForm form, Bytes bytes) {
    Reader reader = reader_of(bytes);
    bool is_last = false;
    while (!is_last) {
        Arena arena;
        arena_init(&arena, WORLD_ARENA_MAX);
        Request request;
        Error error;
        if (request_read(sync_client_options(client)->protocol, form, &reader, &arena, &request,
                         &is_last, &error) != STATUS_OK) {
            fail_msg("%s", error.text);
        }
        sync_request(world->sync, client, &request, world->ticket);
        arena_done(&arena);
    }
}

static inline void world_ask(World *world, SyncClient *client, Bytes bytes) {
    world_ask_form(world, client, MESSAGE_BINARY, bytes);
}

static inline void world_ask_text(World *world, SyncClient *client, const char *text) {
    world_ask_form(world, client, MESSAGE_TEXT, bytes_of_text(text));
}

typedef struct Texts {
    const char *items[8];  // up to the first NULL
} Texts;

static inline uint32_t texts_count(const Texts *texts) {
    uint32_t count = 0;
    while (count < COUNT_OF(texts->items) && texts->items[count]) count++;
    return count;
}

static inline void put_texts(Buffer *buffer, const Texts *texts) {
    buffer_u32(buffer, texts_count(texts));
    for (uint32_t i = 0; i < texts_count(texts); i++) {
        buffer_string(buffer, bytes_of_text(texts->items[i]));
    }
}

static inline void world_ask_buffer(World *world, SyncClient *client, Buffer *buffer) {
    world_ask(world, client, buffer_bytes(buffer));
    buffer_done(buffer);
}

static inline void world_subscribe_all(World *world, SyncClient *client, uint32_t request_id,
                                       uint32_t set_id, Texts texts) {
    Buffer buffer;
    buffer_init(&buffer, WORLD_ARENA_MAX);
    buffer_u8(&buffer, 0);
    buffer_u32(&buffer, request_id);
    buffer_u32(&buffer, set_id);
    put_texts(&buffer, &texts);
    world_ask_buffer(world, client, &buffer);
}

static inline void world_subscribe(World *world, SyncClient *client, uint32_t request_id,
                                   uint32_t set_id, const char *text) {
    world_subscribe_all(world, client, request_id, set_id, (Texts){{text}});
}

static inline void world_unsubscribe(World *world, SyncClient *client, uint32_t request_id,
                                     uint32_t set_id, uint8_t flags) {
    Buffer buffer;
    buffer_init(&buffer, WORLD_ARENA_MAX);
    buffer_u8(&buffer, 1);
    buffer_u32(&buffer, request_id);
    buffer_u32(&buffer, set_id);
    buffer_u8(&buffer, flags);
    world_ask_buffer(world, client, &buffer);
}

static inline void world_one_off(World *world, SyncClient *client, uint32_t request_id,
                                 const char *text) {
    Buffer buffer;
    buffer_init(&buffer, WORLD_ARENA_MAX);
    buffer_u8(&buffer, 2);
    buffer_u32(&buffer, request_id);
    buffer_string(&buffer, bytes_of_text(text));
    world_ask_buffer(world, client, &buffer);
}

// ---- transactions ----

static inline void world_change(World *world, Tx *tx, const char *text) {
    SqlContext owner = {.store = world->store, .is_owner = true};
    SqlStatement statement = {0};
    DmlStats stats = {0};
    Error error;
    Arena arena;
    arena_init(&arena, WORLD_ARENA_MAX);
    Status status = sql_compile(&owner, bytes_of_text(text), &arena, &statement, &error);
    if (status == STATUS_OK) status = dml_run(statement.dml, tx, &stats, &error);
    if (status != STATUS_OK) fail_msg("%s: %s", text, error.text);
    arena_done(&arena);
}

// Commits the open transaction; the ticket grows.
static inline void world_commit(World *world, SyncEvent event) {
    Tx *tx = store_tx(world->store);
    const Commit *commit = tx_commit(tx);
    event.ticket = ++world->ticket;
    event.result = RESULT_COMMITTED;
    sync_commit(world->sync, &event, commit);
    bool changes_schema = commit->changes_schema;
    tx_release(tx);
    if (changes_schema) sync_schema_changed(world->sync, world->ticket);
}

// Statements, each up to a semicolon, in one transaction caused by this event.
static inline void world_run_for(World *world, const char *texts, SyncEvent event) {
    Tx *tx = tx_begin(world->store);
    const char *at = texts;
    while (*at) {
        size_t count = strcspn(at, ";");
        char text[4096];
        assert_true(count < sizeof text);
        memcpy(text, at, count);
        text[count] = 0;
        world_change(world, tx, text);
        at += count;
        at += strspn(at, "; ");
    }
    world_commit(world, event);
}

static inline void world_run(World *world, const char *texts) {
    world_run_for(world, texts, (SyncEvent){.reducer_id = UINT32_MAX});
}

// ---- what was sent ----

// The next message to that connection: it must be the next of all that were sent.
static inline Sent world_next(World *world, uintptr_t to) {
    if (world->sent_first == world->sent_count) fail_msg("nothing was sent to %zu", (size_t)to);
    Sent sent = world->sent[world->sent_first++];
    assert_int_equal(sent.to, to);
    return sent;
}

static inline void world_expect_nothing(World *world) {
    if (world->sent_first == world->sent_count) {
        world->sent_first = world->sent_count = 0;
        return;
    }
    Sent sent = world->sent[world->sent_first];
    fail_msg("a message to %zu of %u bytes, tag %u", (size_t)sent.to, sent.slice.count,
             sent.slice.buf->data[sent.slice.at]);
}

// A copy in the test's arena.
static inline Bytes world_take(World *world, uintptr_t to) {
    Sent sent = world_next(world, to);
    Bytes copy = arena_copy(&world->arena, shared_slice_bytes(sent.slice));
    shared_buf_unref(sent.slice.buf);
    return copy;
}

static inline void assert_hex(Bytes bytes, const char *hex) {
    Buffer want;
    Buffer text;
    buffer_init(&want, WORLD_ARENA_MAX);
    buffer_init(&text, WORLD_ARENA_MAX);
    for (const char *at = hex; *at; at++) {
        if (*at != ' ' && *at != '\n') buffer_u8(&want, (uint8_t)*at);
    }
    buffer_append_hex(&text, bytes);
    if (!bytes_equal(buffer_bytes(&want), buffer_bytes(&text))) {
        fail_msg("\nwanted %.*s\ngot    %.*s", BYTES_FORMAT(buffer_bytes(&want)),
                 BYTES_FORMAT(buffer_bytes(&text)));
    }
    buffer_done(&want);
    buffer_done(&text);
}

static inline void world_expect(World *world, uintptr_t to, const char *hex) {
    assert_hex(world_take(world, to), hex);
}

static inline void world_expect_text(World *world, uintptr_t to, const char *text) {
    Bytes bytes = world_take(world, to);
    if (!bytes_equal_text(bytes, text)) {
        fail_msg("\nwanted %s\ngot    %.*s", text, BYTES_FORMAT(bytes));
    }
}

static inline bool bytes_contain(Bytes bytes, const char *part) {
    return memmem(bytes.data, bytes.count, part, strlen(part)) != NULL;
}

// A message with this first byte; returned for a closer look.
static inline Bytes world_expect_tag(World *world, uintptr_t to, uint8_t tag) {
    Bytes bytes = world_take(world, to);
    if (bytes.data[0] != tag) fail_msg("wanted tag %u, got %u", tag, bytes.data[0]);
    return bytes;
}

// SubscriptionError of v2 whose text contains this; request UINT32_MAX: an unasked one.
static inline void world_expect_error(World *world, uintptr_t to, uint32_t request_id,
                                      uint32_t set_id, const char *part) {
    Bytes bytes = world_expect_tag(world, to, 3);
    Reader reader = reader_of(bytes);
    (void)reader_u8(&reader);
    bool is_asked = reader_u8(&reader) == 0;
    assert_int_equal(is_asked, request_id != UINT32_MAX);
    if (is_asked) assert_int_equal(reader_u32(&reader), request_id);
    assert_int_equal(reader_u32(&reader), set_id);
    Bytes text = reader_string(&reader);
    assert_true(reader_finish(&reader));
    if (!bytes_contain(text, part)) fail_msg("%.*s", BYTES_FORMAT(text));
}
