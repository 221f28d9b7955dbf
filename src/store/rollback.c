// rollback.c - everything as it was.
//
// First the catalog, newest effect first, so that every table has the schema and the list of
// indexes it had. Then the rows: no row may be put back into an index while a row that took its key
// is still in it, so all rows that the transaction left behind are taken out before any is
// restored. Tables whose indexes changed skip that and have them built anew at the end.
#include "store/inside.h"

static void undo_effect(Tx *tx, Effect *effect);
static void undo_rows(TableTx *table_tx);
static void undo_inserted(TableTx *table_tx);
static void undo_changed(TableTx *table_tx);
static bool keys_differ(const Table *table, Bytes a, Bytes b);
static void rebuild_stale(Store *store);

void tx_rollback(Tx *tx) {
    ASSERT(tx->state == TX_OPEN);
    Store *store = tx->store;
    if (tx->effects != NULL) store->schema_version++;
    for (Effect *effect = tx->effects; effect != NULL; effect = effect->next) {
        undo_effect(tx, effect);
    }
    for (TableTx *table_tx = tx->tables; table_tx != NULL; table_tx = table_tx->next) {
        table_tx->table->tx = NULL;
        if (!table_tx->is_created) undo_rows(table_tx);
    }
    if (tx->effects != NULL) rebuild_stale(store);
    if (tx->effects != NULL) store_rebuild_names(store);
    for (Effect *effect = tx->effects; effect != NULL; effect = effect->next) {
        if (effect->kind == EFFECT_TABLE_CREATED) table_free(effect->table);
    }
    page_graveyard_clear(&store->graveyard);
    arena_clear(&tx->arena);
    tx->tables = NULL;
    tx->effects = NULL;
    tx->state = TX_NONE;
}

static void undo_effect(Tx *tx, Effect *effect) {
    ASSERT(effect->table != NULL);
    Store *store = tx->store;
    Table *table = effect->table;
    switch (effect->kind) {
    case EFFECT_TABLE_CREATED: store_unlink_table(store, table); break;
    case EFFECT_TABLE_DROPPED:
        store_link_table(store, table);
        table->is_dropped = false;
        break;
    case EFFECT_SCHEMA:
        schema_box_free(table_set_box(table, effect->box));
        if (effect->is_reindexed) table->is_stale = true;
        break;
    case EFFECT_INDEX_CREATED:
        id_map_set(&store->indexes, effect->index->id, NULL);
        table_detach_index(table, effect->index);
        index_free(effect->index);
        table->is_stale = true;
        break;
    case EFFECT_INDEX_DROPPED:
        table_attach_index(table, effect->index);
        id_map_set(&store->indexes, effect->index->id, effect->index);
        table_bind_index(table, effect->index);
        table->is_stale = true;
        break;
    case EFFECT_ROWS_RESET:
        rows_done(&table->rows);
        rows_init(&table->rows, effect->row_bytes_before, &store->graveyard);
        // The table was empty: all that was noted happened to the storage that is gone.
        if (table->tx != NULL) {
            table->tx->inserted = (WordList){0};
            table->tx->changed = (WordList){0};
            table->tx->dead = (WordList){0};
        }
        table->is_stale = true;
        break;
    }
}

static void undo_rows(TableTx *table_tx) {
    ASSERT(!table_tx->is_created);
    Table *table = table_tx->table;
    Rows *rows = &table->rows;
    if (!table->is_stale) {
        WordCursor cursor = words_begin(&table_tx->changed);
        RowId id;
        uint64_t word;
        while (words_next(&cursor, &id) && words_next(&cursor, &word)) {
            if (!rows_is_present(rows, id)) continue;
            Bytes now = table_bytes_of(table, id);
            if (keys_differ(table, tx_old_bytes(table, word), now)) {
                table_unindex_row(table, id, now);
            }
        }
    }
    undo_inserted(table_tx);
    undo_changed(table_tx);
    WordCursor cursor = words_begin(&table_tx->dead);
    uint64_t handle;
    while (words_next(&cursor, &handle)) rows_free_bytes(rows, handle);
}

static void undo_inserted(TableTx *table_tx) {
    ASSERT(table_tx->table->tx == NULL);
    Table *table = table_tx->table;
    Rows *rows = &table->rows;
    WordCursor cursor = words_begin(&table_tx->inserted);
    RowId id;
    while (words_next(&cursor, &id)) {
        ASSERT(rows_is_touched(rows, id));
        if (rows_is_present(rows, id)) {
            if (!table->is_stale) table_unindex_row(table, id, table_bytes_of(table, id));
            rows_hide(rows, id);
        }
        rows_free(rows, id);
    }
}

static void undo_changed(TableTx *table_tx) {
    ASSERT(table_tx->table->tx == NULL);
    ASSERT(table_tx->changed.count % 2 == 0);
    Table *table = table_tx->table;
    Rows *rows = &table->rows;
    WordCursor cursor = words_begin(&table_tx->changed);
    RowId id;
    uint64_t word;
    while (words_next(&cursor, &id) && words_next(&cursor, &word)) {
        ASSERT(rows_is_touched(rows, id));
        Bytes old = tx_old_bytes(table, word);
        bool was_present = rows_is_present(rows, id);
        bool is_indexed = was_present && !keys_differ(table, old, table_bytes_of(table, id));
        if (!was_present) rows_show(rows, id);
        if (rows->row_bytes != ROWS_VARIABLE) {
            rows_write(rows, id, old);
        } else if (rows_handle(rows, id) != word) {
            rows_free_bytes(rows, rows_set_handle(rows, id, word));
        }
        rows_untouch(rows, id);
        if (!is_indexed && !table->is_stale) {
            table_index_row(table, id, table_bytes_of(table, id));
        }
    }
}

// In some structure of the table, the two rows have different places.
static bool keys_differ(const Table *table, Bytes a, Bytes b) {
    ASSERT(a.data != NULL && b.data != NULL);
    if (table->has_row_set) return true;
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        const KeySpec *spec = &table->indexes.items[i]->spec;
        if (!key_equal_rows(spec, a.data, b.data)) return true;
    }
    return false;
}

static void rebuild_stale(Store *store) {
    uint32_t at = 0;
    for (Table *table = id_map_next(&store->tables, &at); table != NULL;
         table = id_map_next(&store->tables, &at)) {
        if (!table->is_stale) continue;
        const Index *index = NULL;
        RowId first;
        RowId second;
        bool is_built = table_rebuild(table, &index, &first, &second);
        ASSERT(is_built);
        table->is_stale = false;
    }
}
