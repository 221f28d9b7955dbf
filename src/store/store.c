// store.c - a database's tables, found by id and by name, and how a new one comes to be.
#include "store/catalog.h"
#include "store/inside.h"
#include "store/system_tables.h"

static void id_map_reserve(IdMap *map, uint32_t part, uint32_t count);
static void names_remove(BytesMap *map, Bytes name, const void *value);
static void load_row(Store *store, TableId table, Bytes row, void *user);

// ---- life ----

Store *store_create(void) {
    Store *store = mem_alloc_zero(sizeof *store);
    bytes_map_init(&store->table_names);
    bytes_map_init(&store->table_accessors);
    bytes_map_init(&store->index_names);
    bytes_map_init(&store->index_accessors);
    buffer_init(&store->scratch, STORE_ROW_BYTES_MAX);
    store->tx.store = store;
    arena_init(&store->tx.arena, STORE_TX_BYTES_MAX);
    Arena arena;
    arena_init(&arena, STORE_SCHEMA_BYTES_MAX);
    for (uint32_t i = 0; i < ST_COUNT; i++) {
        const TableSchema *schema = system_table_schema(i, &arena);
        Table *table = table_create(store, schema);
        table->is_ephemeral = schema->id == ST_VIEW_SUB || schema->id == ST_VIEW_ARG;
        catalog_attach_indexes(table);
        store_link_table(store, table);
        store_add_names(store, table);
    }
    for (uint32_t i = 0; i < ST_COUNT; i++) {
        catalog_write_system_rows(store, system_table_schema(i, &arena), load_row, NULL);
    }
    arena_done(&arena);
    ASSERT(store->tx.state == TX_NONE);
    return store;
}

void store_free(Store *store) {
    if (store == NULL) return;
    ASSERT(store->tx.state == TX_NONE);
    replay_free(store->replay);
    uint32_t at = 0;
    for (Table *table = id_map_next(&store->tables, &at); table != NULL;
         table = id_map_next(&store->tables, &at)) {
        table_free(table);
    }
    id_map_done(&store->tables);
    id_map_done(&store->indexes);
    bytes_map_done(&store->table_names);
    bytes_map_done(&store->table_accessors);
    bytes_map_done(&store->index_names);
    bytes_map_done(&store->index_accessors);
    page_graveyard_clear(&store->graveyard);
    page_vec_done(&store->graveyard);
    buffer_done(&store->scratch);
    arena_done(&store->tx.arena);
    mem_free(store);
}

// ---- looking things up ----

Table *store_find_table(Store *store, TableId id) {
    return id_map_find(&store->tables, id);
}

Table *store_find_table_by_name(Store *store, Bytes name) {
    Table *table = bytes_map_find(&store->table_names, name);
    return table != NULL ? table : bytes_map_find(&store->table_accessors, name);
}

Index *store_find_index(Store *store, IndexId id) {
    return id_map_find(&store->indexes, id);
}

Index *store_find_index_by_name(Store *store, Bytes name) {
    Index *index = bytes_map_find(&store->index_names, name);
    return index != NULL ? index : bytes_map_find(&store->index_accessors, name);
}

Table *store_next_table(Store *store, TableId *at) {
    return id_map_next(&store->tables, at);
}

uint64_t store_schema_version(const Store *store) {
    return store->schema_version;
}

// ---- ids ----

void *id_map_find(const IdMap *map, uint32_t id) {
    uint32_t part = id >= USER_ID_MIN;
    uint32_t at = part ? id - USER_ID_MIN : id;
    return at < map->counts[part] ? map->items[part][at] : NULL;
}

bool id_map_set(IdMap *map, uint32_t id, void *item) {
    ASSERT(map != NULL);
    uint32_t part = id >= USER_ID_MIN;
    uint32_t at = part ? id - USER_ID_MIN : id;
    if (at >= STORE_IDS_MAX) return false;
    if (at >= map->counts[part]) {
        if (item == NULL) return true;
        id_map_reserve(map, part, at + 1);
    }
    map->items[part][at] = item;
    return true;
}

void *id_map_next(const IdMap *map, uint32_t *at) {
    for (uint32_t id = *at;; id++) {
        if (id < USER_ID_MIN && id >= map->counts[0]) id = USER_ID_MIN;
        if (id >= USER_ID_MIN && id - USER_ID_MIN >= map->counts[1]) return NULL;
        void *item = id_map_find(map, id);
        if (item == NULL) continue;
        *at = id + 1;
        return item;
    }
}

void id_map_done(IdMap *map) {
    mem_free(map->items[0]);
    mem_free(map->items[1]);
    *map = (IdMap){0};
}

static void id_map_reserve(IdMap *map, uint32_t part, uint32_t count) {
    ASSERT(count <= STORE_IDS_MAX);
    uint32_t before = map->counts[part];
    ASSERT(count > before);
    uint32_t grown = before + before / 2 + 16;
    if (grown < count) grown = count;
    map->items[part] = mem_realloc(map->items[part], sizeof(void *) * grown);
    memset(&map->items[part][before], 0, sizeof(void *) * (grown - before));
    map->counts[part] = grown;
}

// ---- links and names ----

void store_link_table(Store *store, Table *table) {
    ASSERT(store_find_table(store, table->id) == NULL);
    bool is_set = id_map_set(&store->tables, table->id, table);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        is_set = id_map_set(&store->indexes, index->id, index) && is_set;
    }
    ASSERT(is_set);  // ids come from sequences, or were checked when they were read
}

void store_unlink_table(Store *store, const Table *table) {
    ASSERT(store_find_table(store, table->id) == table);
    id_map_set(&store->tables, table->id, NULL);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        id_map_set(&store->indexes, table->indexes.items[i]->id, NULL);
    }
}

void store_add_names(Store *store, Table *table) {
    ASSERT(table->box != NULL);
    const TableSchema *schema = table->box->schema;
    bytes_map_set(&store->table_names, schema->name, table);
    if (schema->accessor.data != NULL) {
        bytes_map_set(&store->table_accessors, schema->accessor, table);
    }
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        bytes_map_set(&store->index_names, index->schema->name, index);
        if (index->schema->accessor.data == NULL) continue;
        bytes_map_set(&store->index_accessors, index->schema->accessor, index);
    }
}

void store_remove_names(Store *store, const Table *table) {
    ASSERT(table->box != NULL);
    const TableSchema *schema = table->box->schema;
    names_remove(&store->table_names, schema->name, table);
    names_remove(&store->table_accessors, schema->accessor, table);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        const Index *index = table->indexes.items[i];
        names_remove(&store->index_names, index->schema->name, index);
        names_remove(&store->index_accessors, index->schema->accessor, index);
    }
}

void store_rebuild_names(Store *store) {
    bytes_map_done(&store->table_names);
    bytes_map_done(&store->table_accessors);
    bytes_map_done(&store->index_names);
    bytes_map_done(&store->index_accessors);
    uint32_t at = 0;
    for (Table *table = id_map_next(&store->tables, &at); table != NULL;
         table = id_map_next(&store->tables, &at)) {
        store_add_names(store, table);
    }
}

// Two things may have had the same name: only the one that is found by it loses it.
static void names_remove(BytesMap *map, Bytes name, const void *value) {
    if (name.data == NULL || bytes_map_find(map, name) != value) return;
    (void)bytes_map_remove(map, name);
}

static void load_row(Store *store, TableId table, Bytes row, void *user) {
    (void)user;
    table_load_row(store_find_table(store, table), row);
}
