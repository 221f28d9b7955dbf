// inside.h - the store and its transaction, for the files of store/.
//
// Threads    the executor.
// Lifetime   a TableTx and all its words live in the transaction's arena.
#pragma once

#include "base/map.h"
#include "store/table.h"

// ---- what a transaction did to a table ----

// Words in the order they came, in chunks.
typedef struct WordChunk WordChunk;
struct WordChunk {
    WordChunk *next;
    uint32_t count;
    uint32_t capacity;
    uint64_t words[];
};

typedef struct WordList {
    WordChunk *first;
    WordChunk *last;
    uint64_t count;
} WordList;

// A row is in at most one of the two lists, once: rows_touch says whether it is in one.
struct TableTx {
    Table *table;
    TableTx *next;
    WordList inserted;      // ids of rows that were not there before
    WordList changed;       // pairs: id; what its bytes were (a pointer, or a SlabHandle)
    WordList dead;          // SlabHandles that no row has any more
    uint64_t hidden_count;  // rows removed: slots to free
    bool is_created;
    bool is_dropped;
    bool moves_keys;  // an update changed a key of the table's set_index, or the indexes changed
    uint8_t *old_at;  // where the next old bytes go
    uint8_t *old_end;
};

// ---- what it did to the catalog, newest first ----

typedef enum EffectKind {
    EFFECT_TABLE_CREATED,
    EFFECT_TABLE_DROPPED,
    EFFECT_SCHEMA,  // box: the one before
    EFFECT_INDEX_CREATED,
    EFFECT_INDEX_DROPPED,
    EFFECT_ROWS_RESET,  // the storage of an empty table was made anew: row_bytes_before
} EffectKind;

typedef struct Effect Effect;
struct Effect {
    Effect *next;
    EffectKind kind;
    Table *table;
    Index *index;
    SchemaBox *box;
    uint32_t row_bytes_before;
    bool is_reindexed;  // EFFECT_SCHEMA: the indexes were built anew for it
};

typedef enum TxState { TX_NONE, TX_OPEN, TX_COMMITTED } TxState;

struct Tx {
    Store *store;
    TxState state;
    Arena arena;
    TableTx *tables;  // newest first
    uint32_t table_count;
    Effect *effects;
    Commit commit;
};

// ---- the store ----

// From ids to pointers: system ids and user ids apart, so that neither array has a hole.
typedef struct IdMap {
    void **items[2];
    uint32_t counts[2];
} IdMap;

typedef struct Replay Replay;

struct Store {
    IdMap tables;
    IdMap indexes;
    BytesMap table_names;
    BytesMap table_accessors;
    BytesMap index_names;
    BytesMap index_accessors;
    PageVec graveyard;
    uint64_t schema_version;
    Buffer scratch;  // a catalog row being made
    Replay *replay;  // NULL: not replaying
    Tx tx;
};

void *id_map_find(const IdMap *map, uint32_t id);
// item NULL: removes. False if the id is past STORE_IDS_MAX.
bool id_map_set(IdMap *map, uint32_t id, void *item);
void *id_map_next(const IdMap *map, uint32_t *at);  // in ascending id; start with *at = 0
void id_map_done(IdMap *map);

// Names of a table and of its indexes, entered into the maps or taken out.
void store_add_names(Store *store, Table *table);
void store_remove_names(Store *store, const Table *table);
// The table, its indexes and their names become findable, or cease to be.
void store_link_table(Store *store, Table *table);
void store_unlink_table(Store *store, const Table *table);
void store_rebuild_names(Store *store);  // all of them, from the tables

// ---- tx ----

void words_push(WordList *list, Arena *arena, uint64_t word);

typedef struct WordCursor {
    const WordChunk *chunk;
    uint32_t at;
} WordCursor;
static inline WordCursor words_begin(const WordList *list) {
    return (WordCursor){list->first, 0};
}
static inline bool words_next(WordCursor *cursor, uint64_t *ret_word) {
    while (cursor->chunk != NULL && cursor->at == cursor->chunk->count) {
        *cursor = (WordCursor){cursor->chunk->next, 0};
    }
    if (cursor->chunk == NULL) return false;
    *ret_word = cursor->chunk->words[cursor->at++];
    return true;
}

TableTx *tx_table(Tx *tx, Table *table);
// What a changed row's bytes were.
Bytes tx_old_bytes(const Table *table, uint64_t word);
// Adds a row that was found to be neither there nor in conflict.
RowId tx_add_row(Tx *tx, Table *table, Bytes row);
// Changes a row's bytes; indexes whose key changes are the caller's.
void tx_write_row(Tx *tx, Table *table, RowId id, Bytes row);
Effect *tx_add_effect(Tx *tx, EffectKind kind, Table *table);

// A row without an undo entry and without checks: at creation and during replay.
RowId table_load_row(Table *table, Bytes row);
void table_unload_row(Table *table, RowId id);

// ---- sequences ----

typedef enum SequenceOutcome { SEQUENCE_DONE, SEQUENCE_EXHAUSTED } SequenceOutcome;
// Replaces zeros in columns with a sequence; *row then is a copy. ret_generated as
// InsertResult.generated.
SequenceOutcome sequences_fill(Tx *tx, Table *table, Bytes *row, Bytes *ret_generated);

// ---- replay ----

void replay_free(Replay *replay);  // accepts NULL
