// watch.c - see watch.h. Removal swaps the last of a list into the gap, so each entry knows which of its
// fragment's places leads to it.

#include "sync/watch.h"

#include "sync/queries.h"

typedef struct Watch {
    SharedFragment *fragment;
    uint32_t place;  // in fragment->places
} Watch;
VEC(WatchVec, watch_vec, Watch)

typedef struct TableWatch TableWatch;

struct WatchList {
    WatchVec items;
    TableWatch *table;
    uint16_t column;
    uint32_t value_count;
    uint8_t value[];  // of the column
};

typedef struct ColumnWatch {
    uint16_t column;
    BytesMap values;  // column bytes -> WatchList
} ColumnWatch;
VEC(ColumnWatchVec, column_watch_vec, ColumnWatch)

struct TableWatch {
    WatchList *always;
    ColumnWatchVec columns;
};

static TableWatch *table_watch(Watches *watches, TableId table);
static ColumnWatch *column_watch(TableWatch *table, uint16_t column);
static WatchList *value_list(TableWatch *table, const Equality *equality);
static const Equality *find_equality(const Fragment *fragment, TableId table);
static WatchList *list_create(TableWatch *table, uint16_t column, Bytes value);
static void list_free(WatchList *list);
static void take_all(Watches *watches, const WatchList *list, SharedFragmentVec *ret_fragments);
static void probe_rows(Watches *watches, const TableWatch *found, const TableDelta *delta,
                       RowSpan rows, SharedFragmentVec *ret_fragments);

void watches_init(Watches *watches) {
    *watches = (Watches){0};
    u64_map_init(&watches->tables);
}

void watches_done(Watches *watches) {
    uint32_t at = 0;
    uint64_t id = 0;
    void *value = NULL;
    while (u64_map_next(&watches->tables, &at, &id, &value)) {
        TableWatch *table = value;
        list_free(table->always);
        for (uint32_t i = 0; i < table->columns.count; i++) {
            ASSERT(table->columns.items[i].values.count == 0);
            bytes_map_done(&table->columns.items[i].values);
        }
        column_watch_vec_done(&table->columns);
        mem_free(table);
    }
    u64_map_done(&watches->tables);
}

static TableWatch *table_watch(Watches *watches, TableId id) {
    TableWatch *table = u64_map_find(&watches->tables, id);
    if (table) return table;
    table = mem_alloc_zero(sizeof *table);
    table->always = list_create(table, COLUMN_NONE, BYTES_NONE);
    (void)u64_map_set(&watches->tables, id, table);
    return table;
}

static ColumnWatch *column_watch(TableWatch *table, uint16_t column) {
    for (uint32_t i = 0; i < table->columns.count; i++) {
        if (table->columns.items[i].column == column) return &table->columns.items[i];
    }
    ColumnWatch *added = column_watch_vec_add(&table->columns);
    *added = (ColumnWatch){.column = column};
    bytes_map_init(&added->values);
    return added;
}

static WatchList *value_list(TableWatch *table, const Equality *equality) {
    BytesMap *values = &column_watch(table, equality->column)->values;
    WatchList *list = bytes_map_find(values, equality->value);
    if (list) return list;
    list = list_create(table, equality->column, equality->value);
    (void)bytes_map_set(values, equality->value, list);
    return list;
}

static WatchList *list_create(TableWatch *table, uint16_t column, Bytes value) {
    WatchList *list = mem_alloc_zero(sizeof *list + value.count);
    list->table = table;
    list->column = column;
    list->value_count = value.count;
    if (value.count > 0) memcpy(list->value, value.data, value.count);
    return list;
}

static void list_free(WatchList *list) {
    ASSERT(list->items.count == 0);
    watch_vec_done(&list->items);
    mem_free(list);
}

static const Equality *find_equality(const Fragment *fragment, TableId table) {
    uint32_t count = 0;
    const Equality *equalities = fragment_equalities(fragment, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (equalities[i].table == table) return &equalities[i];
    }
    return NULL;
}

void watches_add(Watches *watches, SharedFragment *fragment) {
    for (uint32_t i = 0; i < fragment_table_count(fragment->plan); i++) {
        TableId id = fragment_table(fragment->plan, i);
        TableWatch *table = table_watch(watches, id);
        const Equality *equality = find_equality(fragment->plan, id);
        WatchList *list = equality ? value_list(table, equality) : table->always;
        fragment->places[i] = (WatchPlace){list, list->items.count};
        watch_vec_push(&list->items, (Watch){fragment, i});
    }
}

void watches_remove(Watches *watches, SharedFragment *fragment) {
    (void)watches;
    for (uint32_t i = 0; i < fragment_table_count(fragment->plan); i++) {
        WatchPlace place = fragment->places[i];
        WatchList *list = place.list;
        Watch *gap = &list->items.items[place.at];
        ASSERT(place.at < list->items.count);
        ASSERT(gap->fragment == fragment && gap->place == i);
        *gap = list->items.items[--list->items.count];
        if (place.at < list->items.count) gap->fragment->places[gap->place].at = place.at;
        if (list->items.count > 0 || list == list->table->always) continue;
        BytesMap *values = &column_watch(list->table, list->column)->values;
        ASSERT(list->column != COLUMN_NONE);
        void *removed = bytes_map_remove(values, bytes_of(list->value, list->value_count));
        ASSERT(removed == list);
        list_free(list);
    }
}

// ---- finding ----

void watches_find(Watches *watches, const Commit *commit, SharedFragmentVec *ret_fragments) {
    watches->stamp++;
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *delta = &commit->tables[i];
        const TableWatch *found = u64_map_find(&watches->tables, delta->schema->id);
        if (found == NULL) continue;
        take_all(watches, found->always, ret_fragments);
        probe_rows(watches, found, delta, delta->inserted, ret_fragments);
        probe_rows(watches, found, delta, delta->deleted, ret_fragments);
    }
}

static void probe_rows(Watches *watches, const TableWatch *found, const TableDelta *delta,
                       RowSpan rows, SharedFragmentVec *ret_fragments) {
    for (uint32_t c = 0; c < found->columns.count; c++) {
        const ColumnWatch *column = &found->columns.items[c];
        if (column->values.count == 0) continue;
        for (uint32_t r = 0; r < rows.count; r++) {
            Bytes value = table_column(delta->table, rows.items[r].bytes, column->column);
            const WatchList *list = bytes_map_find(&column->values, value);
            if (list) take_all(watches, list, ret_fragments);
        }
    }
}

static void take_all(Watches *watches, const WatchList *list, SharedFragmentVec *ret_fragments) {
    for (uint32_t i = 0; i < list->items.count; i++) {
        SharedFragment *fragment = list->items.items[i].fragment;
        ASSERT(fragment->stamp <= watches->stamp);
        if (fragment->stamp == watches->stamp) continue;
        fragment->stamp = watches->stamp;
        shared_fragment_vec_push(ret_fragments, fragment);
    }
}
