// touched.c - what the open transaction has written so far: for who must act on it before the commit.
//
// Rows are reported as they are noted for undoing: a row that was changed and changed back, or inserted and deleted
// again, is still there. What came of all of it is only known to tx_commit.
#include "store/inside.h"

Table *tx_next_touched(Tx *tx, const Table *after) {
    ASSERT(tx->state == TX_OPEN);
    const TableTx *table_tx = after == NULL ? tx->tables : after->tx->next;
    return table_tx == NULL ? NULL : table_tx->table;
}

TouchedScan table_touched(const Table *table) {
    ASSERT(table->tx != NULL);
    return (TouchedScan){.table = table, .chunk = table->tx->inserted.first};
}

// A word of the inserted rows, or a pair of the changed ones; false at the end.
static bool next_words(TouchedScan *scan, uint64_t *ret_id, uint64_t *ret_old) {
    const TableTx *table_tx = scan->table->tx;
    for (;;) {
        const WordChunk *chunk = (const WordChunk *)scan->chunk;
        if (chunk != NULL && scan->at < chunk->count) {
            *ret_id = chunk->words[scan->at++];
            if (scan->in_changed) *ret_old = chunk->words[scan->at++];
            return true;
        }
        scan->at = 0;
        if (chunk != NULL) {
            scan->chunk = chunk->next;
        } else if (!scan->in_changed) {
            scan->in_changed = true;
            scan->chunk = table_tx->changed.first;
        } else {
            return false;
        }
    }
}

bool table_touched_next(TouchedScan *scan, Bytes *ret_before, Bytes *ret_now) {
    const Table *table = scan->table;
    uint64_t id;
    uint64_t old;
    do {
        if (!next_words(scan, &id, &old)) return false;
        *ret_before = scan->in_changed ? tx_old_bytes(table, old) : BYTES_NONE;
        *ret_now = rows_is_present(&table->rows, id) ? table_bytes_of(table, id) : BYTES_NONE;
    } while (ret_before->data == NULL && ret_now->data == NULL);  // came and went
    return true;
}
