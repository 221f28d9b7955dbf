// world.c - see world.h.
#include "world.h"

#define TABLES_MAX 6u
#define OPERATIONS_MAX 8u
#define ROW_BYTES_MAX (1u << 20)
#define SNAPSHOT_INTERVAL 9u

typedef struct Turn {
    World *world;
    Tx *tx;
    SchemaMaker maker;
    bool has_maker;
    uint32_t given_before;
    bool must_roll_back;  // a schema change failed
} Turn;

typedef void (*Change)(Turn *turn, Table *table);

static Table *random_table(World *world);
static void change_rows(Turn *turn, Table *table);
static void change_schema(Turn *turn);
static void create_random_table(Turn *turn);
static void insert_random_row(Turn *turn, Table *table);
static void update_random_row(Turn *turn, Table *table);
static void delete_random_row(Turn *turn, Table *table);
static void note_given(Turn *turn, const Table *table, const InsertResult *result);
static void check_recovered(World *world);

void world_init(World *world, uint64_t seed, uint64_t segment_bytes_max) {
    *world = (World){.random = {seed}, .disk = sim_disk_create(seed ^ 0x5d15c)};
    Os *os = sim_disk_os(world->disk);
    Status status = os->directory_create(os, "/data/replicas", NULL);
    if (status == STATUS_OK) status = os->directory_sync(os, "/", NULL);
    if (status == STATUS_OK) status = os->directory_sync(os, "/data", NULL);
    ASSERT(status == STATUS_OK);
    world->options = (LogOptions){.segment_bytes_max = segment_bytes_max,
                                  .snapshots = WORLD_SNAPSHOTS,
                                  .snapshot_interval = SNAPSHOT_INTERVAL,
                                  .threads = LOG_STEPPED};
    world->options.database.bytes[7] = 1;
}

void world_done(World *world) {
    world_close(world);
    digest_vec_done(&world->states);
    given_vec_done(&world->given);
    sim_disk_free(world->disk);
}

bool world_is_wrong(const World *world) {
    return world->failure[0] != 0;
}

void world_wrong(World *world, const char *format, ...) {
    if (world_is_wrong(world)) return;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(world->failure, sizeof world->failure, format, arguments);
    va_end(arguments);
}

// ---- life ----

bool world_open(World *world, Error *ret_error) {
    ASSERT(world->store == NULL);
    world->store = store_create();
    *ret_error = (Error){.text = ""};
    Status status = log_open(sim_disk_os(world->disk), WORLD_DIRECTORY, &world->options,
                             world->store, &world->log, &world->report, ret_error);
    if (status == STATUS_OK) {
        if (world->report.snapshot_transactions > 0) world->restored++;
        check_recovered(world);
        return !world_is_wrong(world);
    }
    store_free(world->store);
    world->store = NULL;
    return false;
}

void world_close(World *world) {
    if (world->store == NULL) return;
    uint64_t reached = atomic_load(&log_gate(world->log)->reached);
    if (reached > world->confirmed) world->confirmed = reached;
    Gate *gate = gate_ref(log_gate(world->log));
    log_close(world->log);
    if (atomic_load(&gate->reached) > world->confirmed) {
        world->confirmed = atomic_load(&gate->reached);
    }
    gate_unref(gate);
    store_free(world->store);
    world->store = NULL;
    world->log = NULL;
}

void world_step(World *world) {
    log_snapshot_if_due(world->log, world->store);
    if (random_below(&world->random, 16) == 0) (void)log_snapshot_begin(world->log, world->store);
    if (random_below(&world->random, 3) == 0) (void)log_step(world->log);
}

void world_drain(World *world) {
    while (log_step(world->log)) {}
}

// ---- what must be true ----

// `opened` transactions were found, or a new log began.
static void check_recovered(World *world) {
    uint64_t ticket = log_ticket(world->log);
    uint64_t digest = store_digest(world->store);
    if (ticket < world->confirmed) {
        world_wrong(world, "transactions up to %llu were confirmed, but only %llu are left",
                    (unsigned long long)world->confirmed, (unsigned long long)ticket);
        return;
    }
    if (world->states.count == 0) digest_vec_push(&world->states, digest);  // a new database
    if (ticket == 0 || ticket > world->states.count) {
        world_wrong(world, "%llu transactions were recovered of %u", (unsigned long long)ticket,
                    world->states.count);
        return;
    }
    if (digest != world->states.items[ticket - 1]) {
        world_wrong(world, "the state is not the one after transaction %llu",
                    (unsigned long long)ticket - 1);
        return;
    }
    store_check(world->store);
    world->states.count = (uint32_t)ticket;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < world->given.count; i++) {
        if (world->given.items[i].offset >= ticket) continue;
        world->given.items[kept++] = world->given.items[i];
    }
    world->given.count = kept;
}

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, Bytes bytes) {
    hash = mix(hash, bytes.count);
    for (uint32_t i = 0; i < bytes.count; i++) hash = mix(hash, bytes.data[i]);
    return hash;
}

static uint64_t schema_digest(const TableSchema *schema) {
    Buffer text;
    buffer_init(&text, ROW_BYTES_MAX);
    type_write(&text, schema->row_type);
    uint64_t hash = mix_bytes(mix_bytes(schema->id, schema->name), buffer_bytes(&text));
    buffer_done(&text);
    hash = mix(hash, schema->primary_key);
    hash = mix(hash, schema->access);
    hash = mix(hash, schema->is_event);
    uint64_t parts = 0;
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const IndexSchema *index = &schema->indexes[i];
        uint64_t part = mix_bytes(mix(index->id, index->kind), index->name);
        bool is_unique = table_schema_index_is_unique(schema, index);
        for (uint32_t c = 0; c < index->columns.count; c++)
            part = mix(part, index->columns.items[c]);
        parts += mix(part, is_unique);
    }
    for (uint32_t i = 0; i < schema->sequence_count; i++) {
        parts += mix(schema->sequences[i].id, schema->sequences[i].column);
    }
    return mix(hash, parts);
}

// Of everything that is logged; rows in any order.
uint64_t store_digest(Store *store) {
    uint64_t digest = 0;
    TableId at = 0;
    for (Table *table = store_next_table(store, &at); table; table = store_next_table(store, &at)) {
        if (table_is_ephemeral(table)) continue;
        uint64_t rows = 0;
        TableScan scan = table_scan(table);
        Row row;
        while (table_scan_next(&scan, &row)) rows += mix_bytes(table_id(table), row.bytes);
        digest = mix(digest, rows);
        digest = mix(digest, schema_digest(table_schema(table)));
    }
    return digest;
}

// ---- transactions ----

void world_transact(World *world) {
    Turn turn = {.world = world, .tx = tx_begin(world->store), .given_before = world->given.count};
    uint32_t operations = 1 + random_below(&world->random, OPERATIONS_MAX);
    for (uint32_t i = 0; i < operations && !turn.must_roll_back; i++) {
        Table *table = random_table(world);
        if (table == NULL) {
            create_random_table(&turn);
        } else if (random_below(&world->random, 12) == 0) {
            change_schema(&turn);
        } else {
            change_rows(&turn, table);
        }
    }
    if (turn.must_roll_back || random_below(&world->random, 10) == 0) {
        tx_rollback(turn.tx);
        world->given.count = turn.given_before;
    } else {
        const Commit *commit = tx_commit(turn.tx);
        if (commit->is_logged) {
            LogInputs inputs = {.present = random_below(&world->random, 2) == 0,
                                .reducer = BYTES_LITERAL("random")};
            ASSERT(log_ticket(world->log) == world->states.count);
            (void)log_append(world->log, &inputs, commit);
            tx_release(turn.tx);
            digest_vec_push(&world->states, store_digest(world->store));
        } else {
            tx_release(turn.tx);
        }
    }
    if (turn.has_maker) maker_done(&turn.maker);
}

static Table *random_table(World *world) {
    Table *tables[64];
    uint32_t count = 0;
    TableId at = USER_ID_MIN;
    for (Table *table = store_next_table(world->store, &at); table && count < 64;
         table = store_next_table(world->store, &at)) {
        tables[count++] = table;
    }
    return count > 0 ? tables[random_below(&world->random, count)] : NULL;
}

// ---- rows ----

static void change_rows(Turn *turn, Table *table) {
    uint32_t dice = random_below(&turn->world->random, 20);
    if (dice == 0) {
        (void)tx_clear(turn->tx, table);
    } else if (dice < 5) {
        delete_random_row(turn, table);
    } else if (dice < 10) {
        update_random_row(turn, table);
    } else {
        insert_random_row(turn, table);
    }
}

static bool has_sequence(const TableSchema *schema) {
    return schema->sequence_count > 0;
}

static Bytes random_row(Turn *turn, const TableSchema *schema) {
    World *world = turn->world;
    Buffer buffer;
    buffer_init(&buffer, ROW_BYTES_MAX);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        random_value(&world->random, schema->columns[i].type, &buffer);
    }
    if (has_sequence(schema) && random_below(&world->random, 4) > 0) memset(buffer.data, 0, 8);
    Bytes row = arena_copy(tx_arena(turn->tx), buffer_bytes(&buffer));
    buffer_done(&buffer);
    return row;
}

static void insert_random_row(Turn *turn, Table *table) {
    Bytes row = random_row(turn, table_schema(table));
    InsertResult result;
    if (tx_insert(turn->tx, table, row, &result) != INSERT_ADDED) return;
    note_given(turn, table, &result);
}

static bool pick_row(Turn *turn, Table *table, Row *ret_row) {
    uint64_t count = table_row_count(table);
    if (count == 0) return false;
    uint32_t skip = random_below(&turn->world->random, (uint32_t)count);
    TableScan scan = table_scan(table);
    bool found = false;
    for (uint32_t i = 0; i <= skip; i++) found = table_scan_next(&scan, ret_row);
    return found;
}

static void delete_random_row(Turn *turn, Table *table) {
    Row row;
    if (pick_row(turn, table, &row)) tx_delete(turn->tx, table, row.id);
}

// A row with the first column of one that is there.
static void update_random_row(Turn *turn, Table *table) {
    Row old;
    uint32_t at = 0;
    Index *index = table_next_index(table, &at);
    while (index && !index_is_unique(index)) index = table_next_index(table, &at);
    if (index == NULL || !pick_row(turn, table, &old)) return;
    const TableSchema *schema = table_schema(table);
    Bytes first = table_column(table, old.bytes, 0);
    Bytes row = random_row(turn, schema);
    uint32_t skip = bsatn_size(schema->columns[0].type, row.data);
    Buffer buffer;
    buffer_init(&buffer, ROW_BYTES_MAX);
    buffer_append_bytes(&buffer, first);
    buffer_append_bytes(&buffer, bytes_slice(row, skip, row.count - skip));
    row = arena_copy(tx_arena(turn->tx), buffer_bytes(&buffer));
    buffer_done(&buffer);
    InsertResult result;
    if (tx_update(turn->tx, index, row, &result) == UPDATE_DONE) note_given(turn, table, &result);
}

// No value of a sequence comes twice.
static void note_given(Turn *turn, const Table *table, const InsertResult *result) {
    World *world = turn->world;
    if (result->generated.count == 0) return;
    ASSERT(result->generated.count == 8);
    Given given = {.owner = mix_bytes(1, table_schema(table)->name),
                   .value = load_u64le(result->generated.data),
                   .offset = world->states.count};
    for (uint32_t i = 0; i < world->given.count; i++) {
        const Given *other = &world->given.items[i];
        if (other->owner != given.owner || other->value != given.value) continue;
        world_wrong(world, "the sequence of table %.*s gives %llu a second time",
                    BYTES_FORMAT(table_schema(table)->name), (unsigned long long)given.value);
    }
    given_vec_push(&world->given, given);
}

// ---- schemas ----

static SchemaMaker *make_schema(Turn *turn, const char *name) {
    if (turn->has_maker) maker_done(&turn->maker);
    maker_init(&turn->maker, name);
    turn->has_maker = true;
    return &turn->maker;
}

static const char *maker_name(SchemaMaker *maker, const char *format, uint32_t number) {
    char text[64];
    (void)snprintf(text, sizeof text, format, number);
    return arena_copy_text(&maker->arena, bytes_of_text(text));
}

static void must(Turn *turn, Status status) {
    if (status != STATUS_OK) turn->must_roll_back = true;
}

static void create_random_table(Turn *turn) {
    World *world = turn->world;
    char name[32];
    uint32_t number = ++world->names;
    (void)snprintf(name, sizeof name, "t%u", number);
    SchemaMaker *maker = make_schema(turn, name);
    bool has_key = random_below(&world->random, 4) > 0;
    if (has_key) maker_column(maker, "id", type_primitive(TYPE_U64));
    uint32_t columns = 1 + random_below(&world->random, 3);
    for (uint32_t i = 0; i < columns; i++) {
        maker_column(maker, maker_name(maker, "c%u", i),
                     random_type(&world->random, &maker->arena));
    }
    if (has_key) {
        IndexKind kind = (IndexKind)(1 + random_below(&world->random, 3));
        maker_index(maker, maker_name(maker, "t%u_key_idx", number), kind, "0");
        maker_unique(maker, maker_name(maker, "t%u_key", number), "0");
        if (random_below(&world->random, 3) > 0) {
            maker_sequence(maker, maker_name(maker, "t%u_seq", number), 0);
        }
        maker->schema.primary_key = 0;
    } else {
        maker_index(maker, maker_name(maker, "t%u_plain_idx", number), INDEX_BTREE, "0");
    }
    maker->schema.name = arena_copy(&maker->arena, bytes_of_text(name));
    maker->schema.accessor = maker->schema.name;
    maker->schema.is_event = random_below(&world->random, 8) == 0;
    Table *table = NULL;
    must(turn, tx_create_table(turn->tx, maker_schema(maker), &table, NULL));
}

// The columns that are there, and one more.
static void add_column(Turn *turn, Table *table) {
    const TableSchema *old = table_schema(table);
    if (old->column_count + 1u >= MAKER_MAX || old->is_event) return;
    SchemaMaker *maker = make_schema(turn, "");
    for (uint32_t i = 0; i < old->column_count; i++) {
        maker->columns[maker->schema.column_count++] = old->columns[i];
    }
    maker_column(maker, maker_name(maker, "added%u", old->column_count), type_primitive(TYPE_U32));
    static const uint8_t ZERO[4] = {7};
    maker->columns[old->column_count].default_value = bytes_of(ZERO, sizeof ZERO);
    maker->schema.name = old->name;
    maker->schema.accessor = old->accessor;
    must(turn, tx_add_columns(turn->tx, table, maker_schema(maker), &table, NULL));
}

static void add_index(Turn *turn, Table *table) {
    SchemaMaker *maker = make_schema(turn, "");
    IndexKind kind = random_below(&turn->world->random, 2) == 0 ? INDEX_BTREE : INDEX_HASH;
    const TableSchema *schema = table_schema(table);
    char column[2] = {(char)('0' + random_below(&turn->world->random, schema->column_count)), 0};
    const char *name = maker_name(maker, "extra%u", ++turn->world->names);
    must(turn, tx_create_index(turn->tx, table, maker_index(maker, name, kind, column), NULL));
}

static void drop_index(Turn *turn, Table *table) {
    uint32_t at = 0;
    for (Index *index = table_next_index(table, &at); index; index = table_next_index(table, &at)) {
        if (index_is_unique(index)) continue;
        must(turn, tx_drop_index(turn->tx, index, NULL));
        return;
    }
}

static void change_constraint(Turn *turn, Table *table) {
    const TableSchema *schema = table_schema(table);
    if (schema->constraint_count > 0) {
        if (has_sequence(schema)) return;
        must(turn, tx_drop_constraint(turn->tx, table, schema->constraints[0].name, NULL));
        return;
    }
    if (schema->index_count == 0) return;
    SchemaMaker *maker = make_schema(turn, "");
    ConstraintSchema *constraint = maker_unique(
        maker, maker_name(maker, "unique%u", ++turn->world->names), "");
    constraint->columns = schema->indexes[0].columns;
    must(turn, tx_create_constraint(turn->tx, table, constraint, NULL));
}

static void change_access(Turn *turn, Table *table) {
    TableAccess access = table_schema(table)->access == TABLE_PUBLIC ? TABLE_PRIVATE : TABLE_PUBLIC;
    must(turn, tx_set_access(turn->tx, table, access, NULL));
}

static void drop_table(Turn *turn, Table *table) {
    must(turn, tx_drop_table(turn->tx, table, NULL));
}

static void change_schema(Turn *turn) {
    static const Change CHANGES[] = {add_column,        add_index,     drop_index,
                                     change_constraint, change_access, drop_table};
    World *world = turn->world;
    uint32_t tables = 0;
    TableId at = USER_ID_MIN;
    while (store_next_table(world->store, &at)) tables++;
    if (tables < TABLES_MAX && random_below(&world->random, 2) == 0) {
        create_random_table(turn);
        return;
    }
    Change change = CHANGES[random_below(&world->random, sizeof CHANGES / sizeof CHANGES[0])];
    change(turn, random_table(world));
}
