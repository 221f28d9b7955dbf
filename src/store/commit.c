// commit.c - what came of a transaction, and the end of one that committed.
//
// For each row that the transaction touched, the first state (noted when it was touched) is held
// against the last (what is there now). A row that was removed and came back in another slot, or
// whose bytes another row has now, is on neither side: such pairs are found by looking up the old
// bytes, and only when the transaction did something that can make one. The row that cancels an old
// one loses its touched bit; the old one's word becomes CANCELLED.
#include "store/inside.h"

#include <stdlib.h>

#define CANCELLED UINT64_MAX
// An empty table that holds more memory than this gives it back.
#define EMPTY_ROWS_BYTES_MAX 65536u
// Words between the change that is looked at and the one whose row is fetched meanwhile.
#define WORDS_AHEAD 32u

typedef struct RowList {
    Row *items;
    uint32_t count;
} RowList;

static bool commit_table(Tx *tx, TableTx *table_tx, TableDelta *ret_delta);
static void commit_cancel(Tx *tx, TableTx *table_tx);
static void commit_changes(Tx *tx, const TableTx *table_tx, RowList *inserted, RowList *deleted);
static void commit_dropped(Tx *tx, const TableTx *table_tx, TableDelta *delta);
static void commit_event_table(TableTx *table_tx);
static RowList row_list(Tx *tx, uint64_t capacity);
static void row_list_add(RowList *list, RowId id, Bytes bytes);
static int delta_compare(const void *a, const void *b);
static void release_table(TableTx *table_tx);
static void release_effects(Tx *tx);

const Commit *tx_commit(Tx *tx) {
    ASSERT(tx->state == TX_OPEN);
    TableDelta *deltas = ARENA_ARRAY(&tx->arena, TableDelta, tx->table_count);
    uint32_t count = 0;
    bool is_logged = false;
    for (TableTx *table_tx = tx->tables; table_tx != NULL; table_tx = table_tx->next) {
        ASSERT(count < tx->table_count);
        if (!commit_table(tx, table_tx, &deltas[count])) continue;
        if (!deltas[count].is_ephemeral) is_logged = true;
        count++;
    }
    qsort(deltas, count, sizeof *deltas, delta_compare);
    tx->commit = (Commit){
        .tables = deltas,
        .table_count = count,
        .is_logged = is_logged,
        .changes_schema = tx->effects != NULL,
    };
    tx->state = TX_COMMITTED;
    return &tx->commit;
}

void tx_release(Tx *tx) {
    ASSERT(tx->commit.tables != NULL || tx->commit.table_count == 0);
    ASSERT(tx->state == TX_COMMITTED);
    for (TableTx *table_tx = tx->tables; table_tx != NULL; table_tx = table_tx->next) {
        release_table(table_tx);
    }
    release_effects(tx);
    page_graveyard_clear(&tx->store->graveyard);
    arena_clear(&tx->arena);
    tx->tables = NULL;
    tx->effects = NULL;
    tx->state = TX_NONE;
}

// ---- deltas ----

// False if nothing came of it.
static bool commit_table(Tx *tx, TableTx *table_tx, TableDelta *ret_delta) {
    ASSERT(table_tx->table->tx == table_tx);
    ASSERT(table_tx->changed.count % 2 == 0);
    Table *table = table_tx->table;
    TableDelta delta = {
        .table = table,
        .schema = table->box->schema,
        .is_ephemeral = table->is_ephemeral,
    };
    if (table_tx->is_dropped) {
        if (table_tx->is_created) return false;
        commit_dropped(tx, table_tx, &delta);
        *ret_delta = delta;
        return delta.deleted.count > 0;
    }
    bool has_removed = table_tx->hidden_count > 0 && table_tx->changed.count > 0;
    if (table_tx->moves_keys || (has_removed && table_tx->inserted.count > 0)) {
        commit_cancel(tx, table_tx);
    }
    uint64_t changed_count = table_tx->changed.count / 2;
    RowList inserted = row_list(tx, table_tx->inserted.count + changed_count);
    RowList deleted = row_list(tx, changed_count);
    WordCursor cursor = words_begin(&table_tx->inserted);
    RowId id;
    while (words_next(&cursor, &id)) {
        bool is_net = rows_is_touched(&table->rows, id) && rows_is_present(&table->rows, id);
        if (is_net) row_list_add(&inserted, id, table_bytes_of(table, id));
        rows_untouch(&table->rows, id);
    }
    commit_changes(tx, table_tx, &inserted, &deleted);
    delta.inserted = (RowSpan){inserted.items, inserted.count};
    delta.deleted = (RowSpan){deleted.items, deleted.count};
    if (table->box->schema->is_event) commit_event_table(table_tx);
    delta.is_truncated = deleted.count > 0 && inserted.count == 0 && table->rows.count == 0;
    *ret_delta = delta;
    return inserted.count > 0 || deleted.count > 0;
}

static void commit_cancel(Tx *tx, TableTx *table_tx) {
    ASSERT(!table_tx->is_dropped);
    Table *table = table_tx->table;
    for (WordChunk *chunk = table_tx->changed.first; chunk != NULL; chunk = chunk->next) {
        for (uint32_t i = 0; i + 1 < chunk->count; i += 2) {
            RowId id = chunk->words[i];
            uint64_t word = chunk->words[i + 1];
            bool is_present = rows_is_present(&table->rows, id);
            if (is_present && !table_tx->moves_keys) continue;
            RowId other;
            if (!table_find_row(table, tx_old_bytes(table, word), &other) || other == id) continue;
            ASSERT(rows_is_touched(&table->rows, other));
            rows_untouch(&table->rows, other);
            chunk->words[i + 1] = CANCELLED;
            if (table->rows.row_bytes != ROWS_VARIABLE) continue;
            bool is_held = rows_handle(&table->rows, id) == word;
            if (!is_held) words_push(&table_tx->dead, &tx->arena, word);
        }
    }
}

static void commit_changes(Tx *tx, const TableTx *table_tx, RowList *inserted, RowList *deleted) {
    (void)tx;
    Table *table = table_tx->table;
    WordCursor cursor = words_begin(&table_tx->changed);
    RowId id;
    uint64_t word;
    while (words_next(&cursor, &id)) {
        bool has_word = words_next(&cursor, &word);
        ASSERT(has_word);
        if (cursor.at + WORDS_AHEAD < cursor.chunk->count)
            rows_prefetch(&table->rows, cursor.chunk->words[cursor.at + WORDS_AHEAD]);
        bool is_present = rows_is_present(&table->rows, id);
        bool is_cancelling = !rows_is_touched(&table->rows, id);
        Bytes old = word == CANCELLED ? BYTES_NONE : tx_old_bytes(table, word);
        Bytes now = is_present ? table_bytes_of(table, id) : BYTES_NONE;
        bool is_same = is_present && word != CANCELLED && bytes_equal(old, now);
        if (!is_same && word != CANCELLED) row_list_add(deleted, id, old);
        if (!is_same && is_present && !is_cancelling) row_list_add(inserted, id, now);
        rows_untouch(&table->rows, id);
    }
}

// Everything that was there when the transaction began.
static void commit_dropped(Tx *tx, const TableTx *table_tx, TableDelta *delta) {
    ASSERT(table_tx->is_dropped && !table_tx->is_created);
    Table *table = table_tx->table;
    RowList deleted = row_list(tx, table_tx->changed.count / 2 + table->rows.count);
    WordCursor cursor = words_begin(&table_tx->changed);
    RowId id;
    uint64_t word;
    while (words_next(&cursor, &id) && words_next(&cursor, &word)) {
        row_list_add(&deleted, id, tx_old_bytes(table, word));
    }
    uint64_t at = 0;
    while (rows_next(table->rows.pool.array, &at, &id)) {
        if (rows_is_touched(&table->rows, id)) continue;
        row_list_add(&deleted, id, table_bytes_of(table, id));
    }
    delta->deleted = (RowSpan){deleted.items, deleted.count};
    delta->is_truncated = deleted.count > 0;
}

// Its rows are in the delta, and that is all that is left of them.
static void commit_event_table(TableTx *table_tx) {
    ASSERT(!table_tx->is_dropped);
    Table *table = table_tx->table;
    ASSERT(table_tx->changed.count == 0);
    table_clear_indexes(table);
    WordCursor cursor = words_begin(&table_tx->inserted);
    RowId id;
    while (words_next(&cursor, &id)) {
        if (!rows_is_present(&table->rows, id)) continue;
        rows_hide(&table->rows, id);
        table_tx->hidden_count++;
    }
    ASSERT(table->rows.count == 0);
}

static RowList row_list(Tx *tx, uint64_t capacity) {
    ASSERT(capacity <= UINT32_MAX);
    return (RowList){arena_alloc(&tx->arena, sizeof(Row) * capacity), 0};
}

static void row_list_add(RowList *list, RowId id, Bytes bytes) {
    ASSERT(list->items != NULL);
    list->items[list->count++] = (Row){id, bytes};
}

static int delta_compare(const void *a, const void *b) {
    TableId left = ((const TableDelta *)a)->table->id;
    TableId right = ((const TableDelta *)b)->table->id;
    return left < right ? -1 : left > right;
}

// ---- release ----

static void release_table(TableTx *table_tx) {
    ASSERT(table_tx->table->tx == table_tx);
    Table *table = table_tx->table;
    table->tx = NULL;
    if (table_tx->is_dropped) return;
    Rows *rows = &table->rows;
    if (rows->count == 0 && rows_memory(rows) > EMPTY_ROWS_BYTES_MAX) {
        table_reset_rows(table);
        return;
    }
    bool is_variable = rows->row_bytes == ROWS_VARIABLE;
    WordCursor cursor = words_begin(&table_tx->dead);
    uint64_t word;
    while (words_next(&cursor, &word)) rows_free_bytes(rows, word);
    RowId id;
    if (table_tx->hidden_count > 0) {
        cursor = words_begin(&table_tx->inserted);
        while (words_next(&cursor, &id)) {
            if (!rows_is_present(rows, id)) rows_free(rows, id);
        }
    }
    if (table_tx->hidden_count == 0 && !is_variable) return;
    cursor = words_begin(&table_tx->changed);
    while (words_next(&cursor, &id) && words_next(&cursor, &word)) {
        bool is_held = is_variable && rows_handle(rows, id) == word;
        if (is_variable && word != CANCELLED && !is_held) rows_free_bytes(rows, word);
        if (!rows_is_present(rows, id)) rows_free(rows, id);
    }
}

static void release_effects(Tx *tx) {
    for (Effect *effect = tx->effects; effect != NULL; effect = effect->next) {
        switch (effect->kind) {
        case EFFECT_TABLE_DROPPED: table_free(effect->table); break;
        case EFFECT_SCHEMA: schema_box_free(effect->box); break;
        case EFFECT_INDEX_DROPPED: index_free(effect->index); break;
        case EFFECT_TABLE_CREATED:
        case EFFECT_INDEX_CREATED:
        case EFFECT_ROWS_RESET: break;
        }
    }
}
