// watch.c - see watch.h. Removal swaps the last of a list into the gap, so each entry knows which of its
// fragment's places leads to it.
//
// Rows found are first noted, one match for each list and row, and then brought together by list: their counts
// are known by then, so that all lists share one array.
//
// Through an edge one row may find a list more than once; all finds of a row are made in one go, so that it is
// enough to know the last row of a list.

#include "sync/watch.h"

#include "sync/intervals.h"
#include "sync/queries.h"

// Matches and rows that stay allocated from commit to commit.
#define MATCHES_KEPT_MAX (1u << 16)
// Partners of one changed row that are looked at in any case.
#define EDGE_ROWS_MIN 64u

typedef struct Watch {
    SharedFragment *fragment;
    uint32_t place;  // in fragment->places
} Watch;
VEC(WatchVec, watch_vec, Watch)

typedef struct TableWatch TableWatch;
typedef struct ColumnWatch ColumnWatch;

// What a commit needs of a list that it finds comes first: there may be many, and each is a cache line or two.
struct WatchList {
    uint64_t stamp;  // of the commit that found it last, as `last` ... `is_whole` are
    uint32_t count;  // of those who wait
    Watch first;     // of them: mostly there is one, and it is here already
    WatchVec others;
    const Row *last;  // the last row that was noted
    uint32_t counts[WATCH_SIDE_COUNT];
    RowSpan rows[WATCH_SIDE_COUNT];
    bool is_whole;  // all rows of the commit
    uint32_t at;    // in column->lists
    TableWatch *table;
    ColumnWatch *column;  // NULL: the table's list for any change
    Interval interval;    // of a range
    uint32_t value_count;
    uint8_t value[];  // of the column; of a range: both bounds'
};

typedef enum ColumnKind {
    COLUMN_VALUES,  // column = constant
    COLUMN_RANGES,  // column < constant, and the like
    COLUMN_EDGES,   // column = another table's, of which another column = constant
} ColumnKind;

// Lists that wait for something in one column of a table.
struct ColumnWatch {
    ColumnKind kind;
    uint16_t column;
    BytesMap values;      // COLUMN_VALUES: column bytes -> list; COLUMN_EDGES: those of the partner
    Intervals intervals;  // COLUMN_RANGES
    IndexId index;        // COLUMN_EDGES
    uint16_t reached;     // COLUMN_EDGES: the partner's column
    WatchListVec lists;   // all of them
};
VEC(ColumnWatchVec, column_watch_vec, ColumnWatch *)

struct TableWatch {
    WatchList *always;
    ColumnWatchVec columns;  // none without lists
    // of the commit that changed it last
    uint64_t stamp;
    const TableDelta *delta;
};

// What a fragment demands of a table's rows.
typedef struct Demand {
    const Equality *equality;
    const Range *range;
    const Edge *edge;
} Demand;

// A changed row on its way through a table's columns.
typedef struct Probe {
    Watches *watches;
    const TableWatch *table;
    const Row *row;
    WatchSide side;
    SharedFragmentVec *fragments;
} Probe;

static TableWatch *table_watch(Watches *watches, TableId id);
static WatchList *list_for(TableWatch *table, const Demand *demand);
static Demand find_demand(const Fragment *fragment, TableId table);
static ColumnWatch *column_watch(TableWatch *table, const ColumnWatch *wanted, const Type *type);
static WatchList *value_list(TableWatch *table, ColumnWatch *column, Bytes value);
static WatchList *range_list(TableWatch *table, ColumnWatch *column, const Range *range);
static Watch *list_item(WatchList *list, uint32_t at);
static WatchList *list_of(Interval *interval);
static WatchList *list_create(TableWatch *table, ColumnWatch *column, uint32_t value_bytes);
static void list_drop(WatchList *list);
static void list_free(WatchList *list);
static void column_free(TableWatch *table, ColumnWatch *column);
static void find_in_table(Watches *watches, TableWatch *table, SharedFragmentVec *ret_fragments);
static void probe_side(Probe *probe, const TableDelta *delta, RowSpan rows);
static void probe_column(Probe *probe, const ColumnWatch *column, Bytes value);
static void probe_edge(Probe *probe, const ColumnWatch *column, Bytes value);
static void take_interval(void *user, Interval *interval);
static void take_row(Probe *probe, WatchList *list);
static void take_list(Watches *watches, WatchList *list, SharedFragmentVec *ret_fragments);
static void gather_rows(Watches *watches);
static void give_back(Watches *watches);

void watches_init(Watches *watches, Store *store) {
    *watches = (Watches){.store = store};
    u64_map_init(&watches->tables);
}

void watches_done(Watches *watches) {
    uint32_t at = 0;
    uint64_t id = 0;
    void *value = NULL;
    while (u64_map_next(&watches->tables, &at, &id, &value)) {
        TableWatch *table = value;
        ASSERT(table->columns.count == 0);
        list_free(table->always);
        column_watch_vec_done(&table->columns);
        mem_free(table);
    }
    u64_map_done(&watches->tables);
    watch_list_vec_done(&watches->found);
    for (WatchSide side = 0; side < WATCH_SIDE_COUNT; side++)
        watch_match_vec_done(&watches->matches[side]);
    watch_row_vec_done(&watches->rows);
}

// ---- standing in lists ----

void watches_add(Watches *watches, SharedFragment *fragment) {
    for (uint32_t i = 0; i < fragment_table_count(fragment->plan); i++) {
        TableId id = fragment_table(fragment->plan, i);
        Demand demand = find_demand(fragment->plan, id);
        WatchList *list = list_for(table_watch(watches, id), &demand);
        fragment->places[i] = (WatchPlace){list, list->count};
        if (list->count > 0) (void)watch_vec_add(&list->others);
        *list_item(list, list->count++) = (Watch){fragment, i};
    }
}

void watches_remove(Watches *watches, SharedFragment *fragment) {
    (void)watches;
    for (uint32_t i = 0; i < fragment_table_count(fragment->plan); i++) {
        WatchPlace place = fragment->places[i];
        WatchList *list = place.list;
        ASSERT(place.at < list->count);
        Watch *gap = list_item(list, place.at);
        ASSERT(gap->fragment == fragment && gap->place == i);
        *gap = *list_item(list, --list->count);
        if (list->count > 0) list->others.count--;
        if (place.at < list->count) gap->fragment->places[gap->place].at = place.at;
        if (list->count == 0 && list->column != NULL) list_drop(list);
    }
}

static TableWatch *table_watch(Watches *watches, TableId id) {
    TableWatch *table = u64_map_find(&watches->tables, id);
    if (table) return table;
    table = mem_alloc_zero(sizeof *table);
    table->always = list_create(table, NULL, 0);
    (void)u64_map_set(&watches->tables, id, table);
    return table;
}

static WatchList *list_for(TableWatch *table, const Demand *demand) {
    if (demand->equality != NULL) {
        const Equality *equality = demand->equality;
        const ColumnWatch wanted = {.kind = COLUMN_VALUES, .column = equality->column};
        return value_list(table, column_watch(table, &wanted, NULL), equality->value);
    }
    if (demand->edge != NULL) {
        const Edge *edge = demand->edge;
        const ColumnWatch wanted = {.kind = COLUMN_EDGES,
                                    .column = edge->column,
                                    .index = edge->index,
                                    .reached = edge->reached.column};
        return value_list(table, column_watch(table, &wanted, NULL), edge->reached.value);
    }
    if (demand->range != NULL) {
        const Range *range = demand->range;
        const ColumnWatch wanted = {.kind = COLUMN_RANGES, .column = range->column};
        return range_list(table, column_watch(table, &wanted, range->type), range);
    }
    return table->always;
}

// At most one of them: an equality leaves the fewest rows; an edge with one partner at most comes next, since it
// leads to one value; other partners may be many, so a range goes before them.
static Demand find_demand(const Fragment *fragment, TableId table) {
    Demand demand = {0};
    uint32_t count = 0;
    const Equality *equalities = fragment_equalities(fragment, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (equalities[i].table == table) return (Demand){.equality = &equalities[i]};
    }
    const Edge *edges = fragment_edges(fragment, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (edges[i].table == table) demand.edge = &edges[i];
    }
    if (demand.edge != NULL && demand.edge->is_unique) return demand;
    const Range *ranges = fragment_ranges(fragment, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (ranges[i].table != table || !intervals_take_type(ranges[i].type)) continue;
        return (Demand){.range = &ranges[i]};
    }
    return demand;
}

// type: of a range's bounds.
static ColumnWatch *column_watch(TableWatch *table, const ColumnWatch *wanted, const Type *type) {
    ASSERT((type != NULL) == (wanted->kind == COLUMN_RANGES));
    for (uint32_t i = 0; i < table->columns.count; i++) {
        ColumnWatch *column = table->columns.items[i];
        bool is_same = column->kind == wanted->kind && column->column == wanted->column;
        if (is_same && column->index == wanted->index && column->reached == wanted->reached)
            return column;
    }
    ColumnWatch *added = mem_alloc_zero(sizeof *added);
    *added = *wanted;
    bytes_map_init(&added->values);
    if (wanted->kind == COLUMN_RANGES) intervals_init(&added->intervals, type);
    column_watch_vec_push(&table->columns, added);
    return added;
}

static WatchList *value_list(TableWatch *table, ColumnWatch *column, Bytes value) {
    ASSERT(column->kind != COLUMN_RANGES);
    WatchList *list = bytes_map_find(&column->values, value);
    if (list) return list;
    list = list_create(table, column, value.count);
    if (value.count > 0) memcpy(list->value, value.data, value.count);
    (void)bytes_map_set(&column->values, value, list);
    return list;
}

static WatchList *range_list(TableWatch *table, ColumnWatch *column, const Range *range) {
    ASSERT(column->kind == COLUMN_RANGES);
    Interval *found = intervals_find(&column->intervals, &range->lower, &range->upper);
    if (found) return list_of(found);
    uint32_t lower_bytes = range->lower.value.count, upper_bytes = range->upper.value.count;
    WatchList *list = list_create(table, column, lower_bytes + upper_bytes);
    if (lower_bytes > 0) memcpy(list->value, range->lower.value.data, lower_bytes);
    if (upper_bytes > 0) memcpy(list->value + lower_bytes, range->upper.value.data, upper_bytes);
    list->interval.lower = (Bound){range->lower.kind, bytes_of(list->value, lower_bytes)};
    list->interval.upper = (Bound){range->upper.kind,
                                   bytes_of(list->value + lower_bytes, upper_bytes)};
    intervals_add(&column->intervals, &list->interval);
    return list;
}

static Watch *list_item(WatchList *list, uint32_t at) {
    ASSERT(at == 0 || at <= list->others.count);
    return at == 0 ? &list->first : &list->others.items[at - 1];
}

static WatchList *list_of(Interval *interval) {
    return (WatchList *)(void *)((char *)interval - offsetof(WatchList, interval));
}

static WatchList *list_create(TableWatch *table, ColumnWatch *column, uint32_t value_bytes) {
    WatchList *list = mem_alloc_zero(sizeof *list + value_bytes);
    list->table = table;
    list->column = column;
    list->value_count = value_bytes;
    if (column == NULL) return list;
    list->at = column->lists.count;
    watch_list_vec_push(&column->lists, list);
    return list;
}

// Nobody stands in it any more.
static void list_drop(WatchList *list) {
    ColumnWatch *column = list->column;
    ASSERT(column->lists.items[list->at] == list);
    WatchList *last = column->lists.items[--column->lists.count];
    column->lists.items[list->at] = last;
    last->at = list->at;
    if (column->kind == COLUMN_RANGES) {
        intervals_remove(&column->intervals, &list->interval);
    } else {
        void *removed = bytes_map_remove(&column->values, bytes_of(list->value, list->value_count));
        ASSERT(removed == list);
    }
    if (column->lists.count == 0) column_free(list->table, column);
    list_free(list);
}

static void list_free(WatchList *list) {
    ASSERT(list->count == 0);
    watch_vec_done(&list->others);
    mem_free(list);
}

static void column_free(TableWatch *table, ColumnWatch *column) {
    ASSERT(column->values.count == 0 && column->intervals.count == 0);
    ASSERT(column->lists.count == 0 && table->columns.count > 0);
    uint32_t at = 0;
    while (table->columns.items[at] != column) at++;
    ColumnWatch **gap = &table->columns.items[at];
    memmove(gap, gap + 1, (--table->columns.count - at) * sizeof *gap);
    bytes_map_done(&column->values);
    watch_list_vec_done(&column->lists);
    mem_free(column);
}

// ---- finding ----

void watches_find(Watches *watches, const Commit *commit, SharedFragmentVec *ret_fragments) {
    watches->stamp++;
    ASSERT(watches->found.count == 0);
    if (watches->rows.capacity > MATCHES_KEPT_MAX) watch_row_vec_done(&watches->rows);
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *delta = &commit->tables[i];
        TableWatch *table = u64_map_find(&watches->tables, delta->schema->id);
        if (table == NULL) continue;
        table->stamp = watches->stamp;
        table->delta = delta;
        find_in_table(watches, table, ret_fragments);
    }
    gather_rows(watches);
}

static void find_in_table(Watches *watches, TableWatch *table, SharedFragmentVec *ret_fragments) {
    const TableDelta *delta = table->delta;
    Probe probe = {.watches = watches, .table = table, .fragments = ret_fragments};
    probe.side = WATCH_INSERTED;
    probe_side(&probe, delta, delta->inserted);
    probe.side = WATCH_DELETED;
    probe_side(&probe, delta, delta->deleted);
    if (table->always->count == 0) return;
    take_list(watches, table->always, ret_fragments);
    table->always->is_whole = true;
}

static void probe_side(Probe *probe, const TableDelta *delta, RowSpan rows) {
    const ColumnWatchVec *columns = &probe->table->columns;
    for (uint32_t c = 0; c < columns->count; c++) {
        const ColumnWatch *column = columns->items[c];
        ASSERT(column->lists.count > 0);
        for (uint32_t r = 0; r < rows.count; r++) {
            probe->row = &rows.items[r];
            probe_column(probe, column,
                         table_column(delta->table, probe->row->bytes, column->column));
        }
    }
}

static void probe_column(Probe *probe, const ColumnWatch *column, Bytes value) {
    switch (column->kind) {
    case COLUMN_VALUES: {
        WatchList *list = bytes_map_find(&column->values, value);
        if (list) take_row(probe, list);
        break;
    }
    case COLUMN_RANGES: intervals_stab(&column->intervals, value.data, take_interval, probe); break;
    case COLUMN_EDGES: probe_edge(probe, column, value); break;
    }
}

// Looks at the row's partners, or takes every list if that is less.
static void probe_edge(Probe *probe, const ColumnWatch *column, Bytes value) {
    const Index *index = store_find_index(probe->watches->store, column->index);
    ASSERT(index != NULL);  // plans are never older than the schema
    const Table *partners = index_table(index);
    uint32_t rows_max = column->lists.count > EDGE_ROWS_MIN ? column->lists.count : EDGE_ROWS_MIN;
    ASSERT(column->kind == COLUMN_EDGES && rows_max > 0);
    IndexScan scan;
    Row row;
    index_scan_point(index, value, &scan);
    for (uint32_t i = 0; index_scan_next(&scan, &row); i++) {
        if (i == rows_max) {
            for (uint32_t k = 0; k < column->lists.count; k++)
                take_row(probe, column->lists.items[k]);
            return;
        }
        Bytes reached = table_column(partners, row.bytes, column->reached);
        WatchList *list = bytes_map_find(&column->values, reached);
        if (list) take_row(probe, list);
    }
}

static void take_interval(void *user, Interval *interval) {
    take_row(user, list_of(interval));
}

static void take_row(Probe *probe, WatchList *list) {
    Watches *watches = probe->watches;
    take_list(watches, list, probe->fragments);
    ASSERT(list->stamp == watches->stamp && list->table == probe->table);
    if (list->is_whole || list->last == probe->row) return;
    list->last = probe->row;
    WatchMatchVec *matches = &watches->matches[probe->side];
    if (matches->count == WATCH_MATCHES_MAX) {
        list->is_whole = true;
        return;
    }
    watch_match_vec_push(matches, (WatchMatch){list, probe->row});
    list->counts[probe->side]++;
}

// The first time in this commit: its fragments are concerned.
static void take_list(Watches *watches, WatchList *list, SharedFragmentVec *ret_fragments) {
    ASSERT(list->count > 0);
    if (list->stamp == watches->stamp) return;
    list->stamp = watches->stamp;
    list->is_whole = false;
    list->last = NULL;
    for (WatchSide side = 0; side < WATCH_SIDE_COUNT; side++) list->counts[side] = 0;
    watch_list_vec_push(&watches->found, list);
    for (uint32_t i = 0; i < list->count; i++) {
        SharedFragment *fragment = list_item(list, i)->fragment;
        ASSERT(fragment->stamp <= watches->stamp);
        if (fragment->stamp == watches->stamp) continue;
        fragment->stamp = watches->stamp;
        // What is looked at next; it arrives while the other rows are probed.
        __builtin_prefetch(fragment->shared);
        __builtin_prefetch(fragment->plan);
        shared_fragment_vec_push(ret_fragments, fragment);
    }
}

// ---- rows by list ----

static void gather_rows(Watches *watches) {
    WatchRowVec *rows = &watches->rows;
    watch_row_vec_reserve(rows, watches->matches[WATCH_INSERTED].count +
                                    watches->matches[WATCH_DELETED].count);
    uint32_t at = 0;
    for (uint32_t i = 0; i < watches->found.count; i++) {
        WatchList *list = watches->found.items[i];
        for (WatchSide side = 0; side < WATCH_SIDE_COUNT; side++) {
            list->rows[side] = (RowSpan){rows->items + at, 0};
            at += list->counts[side];
        }
    }
    for (WatchSide side = 0; side < WATCH_SIDE_COUNT; side++) {
        const WatchMatchVec *matches = &watches->matches[side];
        for (uint32_t i = 0; i < matches->count; i++) {
            RowSpan *span = &matches->items[i].list->rows[side];
            ASSERT(span->count < matches->items[i].list->counts[side]);
            uint32_t to = (uint32_t)(span->items - rows->items) + span->count++;
            rows->items[to] = *matches->items[i].row;
        }
    }
    give_back(watches);
}

// Vectors are empty between commits, and small ones are kept; the rows stay where they are.
static void give_back(Watches *watches) {
    watch_list_vec_clear(&watches->found);
    for (WatchSide side = 0; side < WATCH_SIDE_COUNT; side++) {
        WatchMatchVec *matches = &watches->matches[side];
        watch_match_vec_clear(matches);
        if (matches->capacity > MATCHES_KEPT_MAX) watch_match_vec_done(matches);
    }
}

uint32_t watches_rows(const Watches *watches, const SharedFragment *fragment,
                      DeltaRows ret_tables[SQL_LIVE_RELATIONS_MAX]) {
    uint32_t count = fragment_table_count(fragment->plan), found = 0, used = 0;
    ASSERT(count <= SQL_LIVE_RELATIONS_MAX);
    for (uint32_t i = 0; i < count; i++)
        found += fragment->places[i].list->stamp == watches->stamp ? 1 : 0;
    for (uint32_t i = 0; i < count; i++) {
        const WatchList *list = fragment->places[i].list;
        const TableWatch *table = list->table;
        if (table->stamp != watches->stamp) continue;
        ASSERT(table->delta != NULL);
        bool is_found = list->stamp == watches->stamp;
        // An edge tells nothing of rows whose partners came or went themselves.
        bool is_edge = list->column != NULL && list->column->kind == COLUMN_EDGES;
        bool is_whole = is_found ? list->is_whole : false;
        if (is_edge && found > (is_found ? 1u : 0u)) is_found = is_whole = true;
        if (!is_found) continue;
        DeltaRows rows = {.table = table->delta->schema->id};
        rows.inserted = is_whole ? table->delta->inserted : list->rows[WATCH_INSERTED];
        rows.deleted = is_whole ? table->delta->deleted : list->rows[WATCH_DELETED];
        if (rows.inserted.count + rows.deleted.count > 0) ret_tables[used++] = rows;
    }
    ASSERT(used <= count);
    return used;
}
