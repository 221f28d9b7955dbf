// tx.c - begin, and the changes of rows.
//
// Changes are made in place. The first time a transaction changes a row it notes, in the row's
// table, what is needed to undo it and to say at the end what came of it; the row's touched bit
// says that this has been done.
//
//   row added              inserted: id
//   row changed in place   changed: id, old bytes     (variable rows: the handle of the old bytes)
//   row removed            changed: id, where its bytes still are; its slot is kept until tx_release
//
// A later change of the same row notes nothing: undoing goes back to what was noted first, and what
// came of it is whatever is there at the end.
#include "store/inside.h"

#define WORDS_CAPACITY_MIN 14u
#define WORDS_CAPACITY_MAX 8190u
#define OLD_BYTES_CHUNK 16384u
// Indexes beyond this many are taken to change their key with every update.
#define CHANGED_INDEXES_MAX 64u

static void tx_note_inserted(Tx *tx, Table *table, RowId id);
static uint64_t tx_keep_old(Tx *tx, TableTx *table_tx, Bytes old);
static bool update_find_changes(const Index *unique, RowId id, Bytes row, uint64_t *ret_changed,
                                InsertResult *ret_result);
static bool index_is_changed(uint64_t changed, uint32_t at);
static void tx_hide_row(Tx *tx, Table *table, RowId id);

// ---- life ----

Tx *tx_begin(Store *store) {
    ASSERT(store->tx.tables == NULL && store->tx.effects == NULL);
    Tx *tx = &store->tx;
    ASSERT(tx->state == TX_NONE);
    ASSERT(store->replay == NULL);
    tx->state = TX_OPEN;
    tx->tables = NULL;
    tx->table_count = 0;
    tx->effects = NULL;
    tx->commit = (Commit){0};
    return tx;
}

Tx *store_tx(Store *store) {
    return store->tx.state == TX_NONE ? NULL : &store->tx;
}

Arena *tx_arena(Tx *tx) {
    ASSERT(tx->state != TX_NONE);
    return &tx->arena;
}

// ---- rows ----

InsertOutcome tx_insert(Tx *tx, Table *table, Bytes row, InsertResult *ret_result) {
    ASSERT(table->store == tx->store);
    ASSERT(tx->state == TX_OPEN);
    ASSERT(!table->is_dropped);
    *ret_result = (InsertResult){.row = {ROW_ID_NONE, BYTES_NONE}};
    if (table->sequence_count > 0) {
        SequenceOutcome filled = sequences_fill(tx, table, &row, &ret_result->generated);
        if (filled == SEQUENCE_EXHAUSTED) return INSERT_EXHAUSTED;
    }
    ASSERT_SLOW(bsatn_size(table->layout.row_type, row.data) == row.count);
    Place place;
    switch (table_place(table, row, &place)) {
    case PLACE_SAME: ret_result->row = table_row(table, place.id); return INSERT_EXISTED;
    case PLACE_TAKEN:
        ret_result->row = table_row(table, place.id);
        ret_result->conflict = place.index;
        return INSERT_CONFLICT;
    case PLACE_FREE: break;
    }
    RowId id = rows_add(&table->rows, row);
    table_index_placed(table, id, table_bytes_of(table, id), &place);
    tx_note_inserted(tx, table, id);
    ret_result->row = table_row(table, id);
    return INSERT_ADDED;
}

UpdateOutcome tx_update(Tx *tx, Index *unique, Bytes row, InsertResult *ret_result) {
    ASSERT(unique->table->store == tx->store);
    ASSERT(tx->state == TX_OPEN);
    ASSERT(unique->is_unique && !unique->table->is_dropped);
    Table *table = unique->table;
    *ret_result = (InsertResult){.row = {ROW_ID_NONE, BYTES_NONE}};
    if (table->sequence_count > 0) {
        SequenceOutcome filled = sequences_fill(tx, table, &row, &ret_result->generated);
        if (filled == SEQUENCE_EXHAUSTED) return UPDATE_EXHAUSTED;
    }
    RowId id = index_find_row(unique, row.data, index_token(unique, row.data));
    if (id == ROW_ID_NONE) return UPDATE_NOT_FOUND;
    Bytes old = table_bytes_of(table, id);
    if (bytes_equal(old, row)) {
        ret_result->row = (Row){id, old};
        return UPDATE_UNCHANGED;
    }
    uint64_t changed = 0;
    if (table->indexes.count > 1 && !update_find_changes(unique, id, row, &changed, ret_result)) {
        return UPDATE_CONFLICT;
    }
    for (uint32_t i = 0; changed != 0 && i < table->indexes.count; i++) {
        if (index_is_changed(changed, i)) index_remove(table->indexes.items[i], id, old.data);
    }
    tx_write_row(tx, table, id, row);
    ret_result->row = table_row(table, id);
    for (uint32_t i = 0; changed != 0 && i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        if (!index_is_changed(changed, i)) continue;
        const uint8_t *now = ret_result->row.bytes.data;
        index_add(index, id, now, index_token(index, now));
        if (index == table->set_index) table->tx->moves_keys = true;
    }
    return UPDATE_DONE;
}

void tx_delete(Tx *tx, Table *table, RowId id) {
    ASSERT(table->store == tx->store && !table->is_dropped);
    ASSERT(tx->state == TX_OPEN);
    ASSERT(rows_is_present(&table->rows, id));
    table_unindex_row(table, id, table_bytes_of(table, id));
    tx_hide_row(tx, table, id);
}

bool tx_delete_equal(Tx *tx, Table *table, Bytes row) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    RowId id;
    if (!table_find_row(table, row, &id)) return false;
    tx_delete(tx, table, id);
    ASSERT_SLOW(!table_find_row(table, row, &id));
    return true;
}

uint64_t tx_clear(Tx *tx, Table *table) {
    ASSERT(tx->state == TX_OPEN);
    ASSERT(!table->is_dropped);
    uint64_t count = table->rows.count;
    if (count == 0) return 0;
    table_clear_indexes(table);
    uint64_t at = 0;
    RowId id;
    while (rows_next(table->rows.pool.array, &at, &id)) tx_hide_row(tx, table, id);
    ASSERT(table->rows.count == 0);
    return count;
}

// ---- for the other files ----

TableTx *tx_table(Tx *tx, Table *table) {
    ASSERT(tx->state == TX_OPEN && table->store == tx->store);
    if (table->tx != NULL) return table->tx;
    TableTx *table_tx = ARENA_NEW(&tx->arena, TableTx);
    table_tx->table = table;
    table_tx->next = tx->tables;
    tx->tables = table_tx;
    tx->table_count++;
    table->tx = table_tx;
    return table_tx;
}

Bytes tx_old_bytes(const Table *table, uint64_t word) {
    ASSERT(word != UINT64_MAX);
    if (table->rows.row_bytes == ROWS_VARIABLE) return slab_get(table->rows.slab.pool.array, word);
    return (Bytes){(const uint8_t *)(uintptr_t)word, table->rows.row_bytes};
}

RowId tx_add_row(Tx *tx, Table *table, Bytes row) {
    ASSERT(!table->is_dropped);
    RowId id = rows_add(&table->rows, row);
    table_index_row(table, id, table_bytes_of(table, id));
    tx_note_inserted(tx, table, id);
    return id;
}

void tx_write_row(Tx *tx, Table *table, RowId id, Bytes row) {
    ASSERT(rows_is_present(&table->rows, id));
    TableTx *table_tx = tx_table(tx, table);
    bool is_first = rows_touch(&table->rows, id);
    bool is_variable = table->rows.row_bytes == ROWS_VARIABLE;
    uint64_t word = 0;
    if (is_variable) {
        word = rows_replace(&table->rows, id, row);
    } else {
        if (is_first) word = tx_keep_old(tx, table_tx, table_bytes_of(table, id));
        rows_write(&table->rows, id, row);
    }
    if (is_first) {
        words_push(&table_tx->changed, &tx->arena, id);
        words_push(&table_tx->changed, &tx->arena, word);
    } else if (is_variable) {
        words_push(&table_tx->dead, &tx->arena, word);
    }
}

Effect *tx_add_effect(Tx *tx, EffectKind kind, Table *table) {
    ASSERT(tx->state == TX_OPEN);
    Effect *effect = ARENA_NEW(&tx->arena, Effect);
    effect->kind = kind;
    effect->table = table;
    effect->next = tx->effects;
    tx->effects = effect;
    tx->store->schema_version++;
    return effect;
}

void words_push(WordList *list, Arena *arena, uint64_t word) {
    ASSERT(list->first != NULL || list->count == 0);
    WordChunk *chunk = list->last;
    if (chunk == NULL || chunk->count == chunk->capacity) {
        uint32_t capacity = chunk == NULL ? WORDS_CAPACITY_MIN : chunk->capacity * 4;
        if (capacity > WORDS_CAPACITY_MAX) capacity = WORDS_CAPACITY_MAX;
        WordChunk *added = arena_alloc(arena, sizeof(WordChunk) + sizeof(uint64_t) * capacity);
        *added = (WordChunk){.capacity = capacity};
        if (chunk == NULL) {
            list->first = added;
        } else {
            chunk->next = added;
        }
        list->last = added;
        chunk = added;
    }
    chunk->words[chunk->count++] = word;
    list->count++;
}

RowId table_load_row(Table *table, Bytes row) {
    ASSERT(table->tx == NULL);
    RowId id = rows_add(&table->rows, row);
    table_index_row(table, id, table_bytes_of(table, id));
    return id;
}

void table_unload_row(Table *table, RowId id) {
    ASSERT(table->tx == NULL);
    table_unindex_row(table, id, table_bytes_of(table, id));
    rows_hide(&table->rows, id);
    rows_free(&table->rows, id);
}

// ---- inside ----

static void tx_note_inserted(Tx *tx, Table *table, RowId id) {
    TableTx *table_tx = tx_table(tx, table);
    bool is_first = rows_touch(&table->rows, id);
    ASSERT(is_first);
    words_push(&table_tx->inserted, &tx->arena, id);
}

// A copy of the bytes of a fixed-size row, packed tightly.
static uint64_t tx_keep_old(Tx *tx, TableTx *table_tx, Bytes old) {
    ASSERT(table_tx->old_at <= table_tx->old_end);
    if ((size_t)(table_tx->old_end - table_tx->old_at) < old.count) {
        size_t bytes = old.count * WORDS_CAPACITY_MIN;
        if (table_tx->old_at != NULL && bytes < OLD_BYTES_CHUNK) bytes = OLD_BYTES_CHUNK;
        table_tx->old_at = arena_alloc(&tx->arena, bytes);
        table_tx->old_end = table_tx->old_at + bytes;
    }
    uint8_t *copy = table_tx->old_at;
    if (old.count > 0) memcpy(copy, old.data, old.count);
    table_tx->old_at += old.count;
    ASSERT(table_tx->old_at <= table_tx->old_end);
    return (uintptr_t)copy;
}

// Which indexes besides `unique` change their key; false on a conflict in one of them.
static bool update_find_changes(const Index *unique, RowId id, Bytes row, uint64_t *ret_changed,
                                InsertResult *ret_result) {
    ASSERT(unique->is_unique);
    const Table *table = unique->table;
    const uint8_t *old = table_bytes_of(table, id).data;
    uint64_t changed = 0;
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        const Index *index = table->indexes.items[i];
        if (index == unique && i < CHANGED_INDEXES_MAX) continue;
        if (i < CHANGED_INDEXES_MAX && key_equal_rows(&index->spec, old, row.data)) continue;
        if (index->is_unique) {
            RowId other = index_find_row(index, row.data, index_token(index, row.data));
            if (other != ROW_ID_NONE && other != id) {
                ret_result->row = table_row(table, other);
                ret_result->conflict = index;
                return false;
            }
        }
        changed |= UINT64_C(1) << (i < CHANGED_INDEXES_MAX ? i : CHANGED_INDEXES_MAX - 1);
    }
    if (table->indexes.count >= CHANGED_INDEXES_MAX) {
        changed |= UINT64_C(1) << (CHANGED_INDEXES_MAX - 1);
    }
    *ret_changed = changed;
    return true;
}

// The last bit stands for all indexes from there on.
static bool index_is_changed(uint64_t changed, uint32_t at) {
    uint32_t bit = at < CHANGED_INDEXES_MAX ? at : CHANGED_INDEXES_MAX - 1;
    return changed >> bit & 1;
}

// The row is in no index any more.
static void tx_hide_row(Tx *tx, Table *table, RowId id) {
    ASSERT(rows_is_present(&table->rows, id));
    TableTx *table_tx = tx_table(tx, table);
    if (rows_touch(&table->rows, id)) {
        uint64_t word = (uintptr_t)table_bytes_of(table, id).data;
        if (table->rows.row_bytes == ROWS_VARIABLE) word = rows_handle(&table->rows, id);
        words_push(&table_tx->changed, &tx->arena, id);
        words_push(&table_tx->changed, &tx->arena, word);
    }
    rows_hide(&table->rows, id);
    table_tx->hidden_count++;
}
