// dml.c - INSERT, UPDATE and DELETE within a transaction (sql.md 19).
//
// UPDATE and DELETE find all their rows first and change them afterwards. UPDATE takes all rows out
// before it puts the new ones in, so that values of a unique column may be exchanged, and rows that
// become equal are one row.

#include "query/estimate.h"
#include "query/plan.h"

struct Dml {
    Store *store;
    DmlKind kind;
    TableId table;
    const Bytes *rows;
    uint32_t row_count;
    const Bytes *values;  // UPDATE: by column; data == NULL: keeps its value
    Fragment filter;      // UPDATE, DELETE
};

// The rows that a statement changes.
typedef struct Targets {
    Row *items;
    uint32_t count;
    uint32_t capacity;
    Arena *arena;
} Targets;

static Status dml_insert(const Dml *dml, Tx *tx, Table *table, DmlStats *stats, Error *error);
static Status dml_update(const Dml *dml, Tx *tx, Table *table, const Targets *targets,
                         DmlStats *stats, Error *error);
static Status dml_insert_row(Tx *tx, Table *table, Bytes row, InsertOutcome *ret_outcome,
                             Error *error);
static Status dml_fail_exhausted(const Table *table, Bytes row, Error *error);
static Status dml_changed_row(const Dml *dml, const TableSchema *schema, Bytes old, Arena *arena,
                              Bytes *ret_row, Error *error);
static bool targets_add(void *user, const Row *row);

const Dml *dml_build(Store *store, const DmlSpec *spec, Arena *arena) {
    Dml *dml = ARENA_NEW(arena, Dml);
    dml->store = store;
    dml->kind = spec->kind;
    dml->table = spec->table;
    Bytes *rows = ARENA_ARRAY(arena, Bytes, spec->row_count);
    for (uint32_t i = 0; i < spec->row_count; i++) rows[i] = arena_copy(arena, spec->rows[i]);
    dml->rows = rows;
    dml->row_count = spec->row_count;
    if (spec->kind == DML_INSERT) return dml;
    const TableSchema *schema = table_schema(store_find_table(store, spec->table));
    Bytes *values = ARENA_ARRAY(arena, Bytes, schema->column_count);
    for (uint32_t i = 0; i < spec->column_count; i++) {
        const DmlColumn *column = &spec->columns[i];
        ASSERT(column->column < schema->column_count);
        ASSERT(values[column->column].data == NULL);
        values[column->column] = arena_copy(arena, column->value);
    }
    dml->values = values;
    QueryRelation relation = {.table = spec->table};
    FragmentSpec filter = {
        .relations = &relation,
        .relation_count = 1,
        .conjuncts = spec->conjuncts,
        .conjunct_count = spec->conjunct_count,
    };
    Arena scratch;
    arena_init(&scratch, SQL_SCRATCH_BYTES_MAX);
    Estimates estimates = {.count = 0};
    Building building = {.store = store,
                         .arena = arena,
                         .scratch = &scratch,
                         .estimates = &estimates,
                         .spec = &filter};
    fragment_build(&building, &dml->filter);
    arena_done(&scratch);
    return dml;
}

TableId dml_table(const Dml *dml) {
    return dml->table;
}

Status dml_run(const Dml *dml, Tx *tx, DmlStats *ret_stats, Error *error) {
    Store *store = dml->store;
    ASSERT(store_tx(store) == tx);
    Table *table = store_find_table(store, dml->table);
    ASSERT(table != NULL);
    DmlStats stats = {0};
    Status status = STATUS_OK;
    if (dml->kind == DML_INSERT) {
        status = dml_insert(dml, tx, table, &stats, error);
    } else {
        Targets targets = {.arena = tx_arena(tx)};
        fragment_visit(&dml->filter, store, targets_add, &targets);
        if (dml->kind == DML_UPDATE) {
            status = dml_update(dml, tx, table, &targets, &stats, error);
        } else {
            for (uint32_t i = 0; i < targets.count; i++) tx_delete(tx, table, targets.items[i].id);
            stats.deleted = targets.count;
        }
    }
    if (status == STATUS_OK) *ret_stats = stats;
    return status;
}

static bool targets_add(void *user, const Row *row) {
    Targets *targets = user;
    if (targets->count == targets->capacity) {
        uint32_t capacity = targets->capacity == 0 ? 64 : targets->capacity * 2;
        Row *larger = arena_alloc(targets->arena, capacity * sizeof *larger);
        if (targets->count > 0) memcpy(larger, targets->items, targets->count * sizeof *larger);
        targets->items = larger;
        targets->capacity = capacity;
    }
    targets->items[targets->count++] = *row;
    return true;
}

static Status dml_insert(const Dml *dml, Tx *tx, Table *table, DmlStats *stats, Error *error) {
    for (uint32_t i = 0; i < dml->row_count; i++) {
        InsertOutcome outcome;
        Status status = dml_insert_row(tx, table, dml->rows[i], &outcome, error);
        if (status != STATUS_OK) return status;
        if (outcome == INSERT_ADDED) stats->inserted++;
    }
    return STATUS_OK;
}

static Status dml_update(const Dml *dml, Tx *tx, Table *table, const Targets *targets,
                         DmlStats *stats, Error *error) {
    ASSERT(dml->kind == DML_UPDATE && dml->values != NULL);
    const TableSchema *schema = table_schema(table);
    Arena *arena = tx_arena(tx);
    Bytes *rows = ARENA_ARRAY(arena, Bytes, targets->count);
    for (uint32_t i = 0; i < targets->count; i++) {
        Status status = dml_changed_row(dml, schema, targets->items[i].bytes, arena, &rows[i],
                                        error);
        if (status != STATUS_OK) return status;
    }
    for (uint32_t i = 0; i < targets->count; i++) tx_delete(tx, table, targets->items[i].id);
    for (uint32_t i = 0; i < targets->count; i++) {
        InsertOutcome outcome;
        Status status = dml_insert_row(tx, table, rows[i], &outcome, error);
        if (status != STATUS_OK) return status;
    }
    stats->updated = targets->count;
    return STATUS_OK;
}

// The row with the assigned columns replaced.
static Status dml_changed_row(const Dml *dml, const TableSchema *schema, Bytes old, Arena *arena,
                              Bytes *ret_row, Error *error) {
    size_t count = 0;
    const uint8_t *at = old.data;
    for (uint16_t i = 0; i < schema->column_count; i++) {
        uint32_t own = bsatn_size(schema->columns[i].type, at);
        count += dml->values[i].data != NULL ? dml->values[i].count : own;
        at += own;
    }
    ASSERT(at == old.data + old.count);
    if (count > STORE_ROW_BYTES_MAX)
        return error_set(error, STATUS_LIMIT, "A row would become too large");
    uint8_t *row = arena_alloc(arena, count);
    size_t used = 0;
    at = old.data;
    for (uint16_t i = 0; i < schema->column_count; i++) {
        uint32_t own = bsatn_size(schema->columns[i].type, at);
        Bytes value = dml->values[i].data != NULL ? dml->values[i] : (Bytes){at, own};
        if (value.count > 0) memcpy(row + used, value.data, value.count);
        used += value.count;
        at += own;
    }
    ASSERT(used == count);
    *ret_row = bytes_of(row, count);
    return STATUS_OK;
}

static Status dml_insert_row(Tx *tx, Table *table, Bytes row, InsertOutcome *ret_outcome,
                             Error *error) {
    InsertResult result;
    *ret_outcome = tx_insert(tx, table, row, &result);
    switch (*ret_outcome) {
    case INSERT_ADDED:
    case INSERT_EXISTED: return STATUS_OK;
    case INSERT_EXHAUSTED: return dml_fail_exhausted(table, row, error);
    case INSERT_CONFLICT: break;
    }
    Buffer text;
    buffer_init(&text, ERROR_TEXT_MAX + (size_t)STORE_ROW_BYTES_MAX * 4);
    store_conflict_text(&result, row, &text);
    Bytes shown = buffer_bytes(&text);
    uint32_t end = utf8_cut(shown, shown.count < ERROR_TEXT_MAX ? shown.count : ERROR_TEXT_MAX);
    Status status = error_set(error, STATUS_CONFLICT, "IndexError: %.*s", (int)end,
                              (const char *)shown.data);
    buffer_done(&text);
    return status;
}

static Status dml_fail_exhausted(const Table *table, Bytes row, Error *error) {
    const TableSchema *schema = table_schema(table);
    SequenceId id = 0;
    for (uint32_t i = 0; i < schema->sequence_count && id == 0; i++) {
        uint16_t column = schema->sequences[i].column;
        Bytes value = table_column(table, row, column);
        if (value_is_zero(schema->columns[column].type, value.data)) id = schema->sequences[i].id;
    }
    return error_set(error, STATUS_CONFLICT,
                     "SequenceError: Sequence ID `%u` still had no values left after allocation.",
                     id);
}
