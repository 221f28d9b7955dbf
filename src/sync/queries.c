// queries.c - see queries.h.
//
// Per table a Watch: fragments to evaluate for any change, and per watched column a map from the column's
// bytes to fragments. A fragment is entered once per table that it reads.

#include "sync/queries.h"

// Plans and texts of one query; a plan is a few hundred bytes.
#define QUERY_ARENA_BYTES_MAX (16u << 20)

typedef struct ColumnWatch {
    uint16_t column;
    BytesMap values;  // column bytes -> FragmentRefVec
} ColumnWatch;
VEC(ColumnWatchVec, column_watch_vec, ColumnWatch)

typedef struct TableWatch {
    FragmentRefVec always;
    ColumnWatchVec columns;
} TableWatch;

// The order of the found fragments follows the commit and the order of registration, not a hash.
struct Queries {
    Store *store;
    BytesMap by_key;
    U64Map watches;  // table id -> TableWatch
    uint64_t stamp;  // of the commit at hand
    Buffer key;
};

typedef enum KeyScope { KEY_SHARED, KEY_PER_SENDER } KeyScope;

static Bytes make_key(Queries *queries, const SqlContext *context, Bytes text, KeyScope scope);
static Bytes trim(Bytes text);
static Status compile(Queries *queries, SharedQuery *shared, Error *error);
static void watch(Queries *queries, SharedQuery *shared);
static void unwatch(Queries *queries, SharedQuery *shared);
static TableWatch *table_watch(Queries *queries, TableId table);
static FragmentRefVec *find_list(Queries *queries, const Fragment *fragment, TableId table);
static void remove_ref(FragmentRefVec *refs, SharedQuery *shared, uint32_t fragment);
static void add_candidates(Queries *queries, const FragmentRefVec *refs, FragmentRefVec *ret_fragments);
static void probe_rows(Queries *queries, const TableWatch *found, Table *table, RowSpan rows,
                       FragmentRefVec *ret_fragments);
static void shared_free(Queries *queries, SharedQuery *shared);

Queries *queries_create(Store *store) {
    Queries *queries = mem_alloc_zero(sizeof *queries);
    queries->store = store;
    bytes_map_init(&queries->by_key);
    u64_map_init(&queries->watches);
    buffer_init(&queries->key, 2 * SQL_TEXT_BYTES_MAX + CLIENT_MESSAGE_BYTES_MAX);
    return queries;
}

void queries_free(Queries *queries) {
    ASSERT(queries->by_key.count == 0);
    uint32_t at = 0;
    uint64_t table = 0;
    void *value = NULL;
    while (u64_map_next(&queries->watches, &at, &table, &value)) {
        TableWatch *empty = value;
        fragment_ref_vec_done(&empty->always);
        for (uint32_t i = 0; i < empty->columns.count; i++) bytes_map_done(&empty->columns.items[i].values);
        column_watch_vec_done(&empty->columns);
        mem_free(empty);
    }
    u64_map_done(&queries->watches);
    bytes_map_done(&queries->by_key);
    buffer_done(&queries->key);
    mem_free(queries);
}

uint64_t queries_count(const Queries *queries) {
    return queries->by_key.count;
}

static Bytes make_key(Queries *queries, const SqlContext *context, Bytes text, KeyScope scope) {
    Buffer *key = &queries->key;
    buffer_clear(key);
    // An owner's plan bypasses row-level security: never share it with an ordinary client.
    buffer_u8(key, (uint8_t)((context->is_owner ? 1u : 0u) | (scope == KEY_PER_SENDER ? 2u : 0u)));
    if (scope == KEY_PER_SENDER) buffer_append(key, context->sender.bytes, sizeof context->sender.bytes);
    buffer_append_bytes(key, text);
    return buffer_bytes(key);
}

static Bytes trim(Bytes text) {
    while (text.count > 0 && text.data[0] <= ' ') text = bytes_slice(text, 1, text.count - 1);
    while (text.count > 0 && text.data[text.count - 1] <= ' ') text.count--;
    return text;
}

Status queries_get(Queries *queries, const SqlContext *context, Bytes text, SharedQuery **ret_shared,
                   Error *error) {
    text = trim(text);
    static const KeyScope SCOPES[] = {KEY_SHARED, KEY_PER_SENDER};
    for (uint32_t i = 0; i < 2; i++) {
        SharedQuery *found = bytes_map_find(&queries->by_key, make_key(queries, context, text, SCOPES[i]));
        if (found == NULL) continue;
        *ret_shared = found;
        return STATUS_OK;
    }
    SharedQuery *shared = mem_alloc_zero(sizeof *shared);
    arena_init(&shared->arena, QUERY_ARENA_BYTES_MAX);
    shared->context = *context;
    shared->text = arena_copy(&shared->arena, text);
    Status status = compile(queries, shared, error);
    if (status != STATUS_OK) {
        arena_done(&shared->arena);
        mem_free(shared);
        return status;
    }
    KeyScope scope = query_depends_on_sender(shared->query) ? KEY_PER_SENDER : KEY_SHARED;
    shared->key = arena_copy(&shared->arena, make_key(queries, context, text, scope));
    (void)bytes_map_set(&queries->by_key, shared->key, shared);
    watch(queries, shared);
    *ret_shared = shared;
    return STATUS_OK;
}

static Status compile(Queries *queries, SharedQuery *shared, Error *error) {
    Status status = sql_compile_query(&shared->context, shared->text, SQL_SUBSCRIBE, &shared->arena,
                                      &shared->query, error);
    if (status == STATUS_OK) status = query_check_subscription(shared->query, error);
    if (status != STATUS_OK) {
        Error whole = {.status = status};
        (void)error_set(&whole, status, "%s, executing: `%.*s`", error->text, BYTES_FORMAT(shared->text));
        *error = whole;
        return status;
    }
    Table *table = store_find_table(queries->store, query_table(shared->query));
    ASSERT(table != NULL);
    shared->table_name = arena_copy(&shared->arena, table_schema(table)->name);
    shared->is_event = table_schema(table)->is_event;
    return STATUS_OK;
}

void queries_hold(Queries *queries, SharedQuery *shared, QuerySet *set) {
    (void)queries;
    query_set_vec_push(&shared->sets, set);
}

void queries_drop(Queries *queries, SharedQuery *shared, QuerySet *set) {
    for (uint32_t i = 0; i < shared->sets.count; i++) {
        if (shared->sets.items[i] != set) continue;
        shared->sets.items[i] = shared->sets.items[--shared->sets.count];
        break;
    }
    if (shared->sets.count == 0) shared_free(queries, shared);
}

static void shared_free(Queries *queries, SharedQuery *shared) {
    unwatch(queries, shared);
    void *removed = bytes_map_remove(&queries->by_key, shared->key);
    ASSERT(removed == shared);
    query_set_vec_done(&shared->sets);
    fragment_update_vec_done(&shared->updates);
    arena_done(&shared->arena);
    mem_free(shared);
}

// ---- watching ----

static TableWatch *table_watch(Queries *queries, TableId table) {
    TableWatch *found = u64_map_find(&queries->watches, table);
    if (found == NULL) {
        found = mem_alloc_zero(sizeof *found);
        (void)u64_map_set(&queries->watches, table, found);
    }
    return found;
}

// The list in which the fragment stands for changes of this table, made if need be.
static FragmentRefVec *find_list(Queries *queries, const Fragment *fragment, TableId table) {
    TableWatch *found = table_watch(queries, table);
    uint32_t count = 0;
    const Equality *equalities = fragment_equalities(fragment, &count);
    const Equality *equality = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (equalities[i].table == table) equality = &equalities[i];
    }
    if (equality == NULL) return &found->always;
    ColumnWatch *column = NULL;
    for (uint32_t i = 0; i < found->columns.count; i++) {
        if (found->columns.items[i].column == equality->column) column = &found->columns.items[i];
    }
    if (column == NULL) {
        column = column_watch_vec_add(&found->columns);
        *column = (ColumnWatch){.column = equality->column};
        bytes_map_init(&column->values);
    }
    FragmentRefVec *refs = bytes_map_find(&column->values, equality->value);
    if (refs == NULL) {
        refs = mem_alloc_zero(sizeof *refs);
        (void)bytes_map_set(&column->values, equality->value, refs);
    }
    return refs;
}

static void watch(Queries *queries, SharedQuery *shared) {
    for (uint32_t f = 0; f < query_fragment_count(shared->query); f++) {
        const Fragment *fragment = query_fragment(shared->query, f);
        for (uint32_t t = 0; t < fragment_table_count(fragment); t++) {
            FragmentRefVec *refs = find_list(queries, fragment, fragment_table(fragment, t));
            fragment_ref_vec_push(refs, (FragmentRef){shared, f});
        }
    }
}

static void unwatch(Queries *queries, SharedQuery *shared) {
    for (uint32_t f = 0; f < query_fragment_count(shared->query); f++) {
        const Fragment *fragment = query_fragment(shared->query, f);
        for (uint32_t t = 0; t < fragment_table_count(fragment); t++) {
            TableId table = fragment_table(fragment, t);
            FragmentRefVec *refs = find_list(queries, fragment, table);
            remove_ref(refs, shared, f);
            TableWatch *found = table_watch(queries, table);
            if (refs == &found->always || refs->count > 0) continue;
            // The last one of a value: its list goes.
            uint32_t count = 0;
            const Equality *equalities = fragment_equalities(fragment, &count);
            for (uint32_t i = 0; i < count; i++) {
                for (uint32_t c = 0; c < found->columns.count && equalities[i].table == table; c++) {
                    if (found->columns.items[c].column != equalities[i].column) continue;
                    (void)bytes_map_remove(&found->columns.items[c].values, equalities[i].value);
                }
            }
            fragment_ref_vec_done(refs);
            mem_free(refs);
        }
    }
}

static void remove_ref(FragmentRefVec *refs, SharedQuery *shared, uint32_t fragment) {
    for (uint32_t i = 0; i < refs->count; i++) {
        if (refs->items[i].shared != shared || refs->items[i].fragment != fragment) continue;
        refs->items[i] = refs->items[--refs->count];
        return;
    }
    UNREACHABLE();
}

// ---- finding ----

void queries_candidates(Queries *queries, const Commit *commit, FragmentRefVec *ret_fragments) {
    queries->stamp++;
    if (queries->by_key.count == 0) return;
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *delta = &commit->tables[i];
        const TableWatch *found = u64_map_find(&queries->watches, delta->schema->id);
        if (found == NULL) continue;
        add_candidates(queries, &found->always, ret_fragments);
        probe_rows(queries, found, delta->table, delta->inserted, ret_fragments);
        probe_rows(queries, found, delta->table, delta->deleted, ret_fragments);
    }
}

static void probe_rows(Queries *queries, const TableWatch *found, Table *table, RowSpan rows,
                       FragmentRefVec *ret_fragments) {
    for (uint32_t c = 0; c < found->columns.count; c++) {
        const ColumnWatch *column = &found->columns.items[c];
        if (column->values.count == 0) continue;
        for (uint32_t r = 0; r < rows.count; r++) {
            Bytes value = table_column(table, rows.items[r].bytes, column->column);
            const FragmentRefVec *refs = bytes_map_find(&column->values, value);
            if (refs) add_candidates(queries, refs, ret_fragments);
        }
    }
}

static void add_candidates(Queries *queries, const FragmentRefVec *refs, FragmentRefVec *ret_fragments) {
    for (uint32_t i = 0; i < refs->count; i++) {
        FragmentRef ref = refs->items[i];
        if (ref.shared->stamp != queries->stamp) {
            ref.shared->stamp = queries->stamp;
            fragment_update_vec_clear(&ref.shared->updates);
            // All fragments of the query at once: most have one, and each is then entered exactly once.
            for (uint32_t f = 0; f < query_fragment_count(ref.shared->query); f++) {
                fragment_ref_vec_push(ret_fragments, (FragmentRef){ref.shared, f});
            }
        }
    }
}

void queries_recompile(Queries *queries, void (*failed)(void *user, SharedQuery *shared, const Error *error),
                       void *user) {
    // The map must not change while it is walked: take the list first. Sets are dropped one query at a time,
    // and a dropped set may free other queries of the list, so each is looked up again by its key.
    uint32_t count = queries->by_key.count;
    Arena arena;
    arena_init(&arena, 1ull << 32);
    Bytes *keys = ARENA_ARRAY(&arena, Bytes, count);
    uint32_t at = 0;
    uint32_t taken = 0;
    Bytes key;
    void *value = NULL;
    while (bytes_map_next(&queries->by_key, &at, &key, &value)) keys[taken++] = arena_copy(&arena, key);
    for (uint32_t i = 0; i < taken; i++) {
        SharedQuery *shared = bytes_map_find(&queries->by_key, keys[i]);
        if (shared == NULL) continue;
        unwatch(queries, shared);
        const Query *old = shared->query;
        Error error;
        Status status = compile(queries, shared, &error);
        if (status != STATUS_OK) shared->query = old;
        watch(queries, shared);
        if (status != STATUS_OK) failed(user, shared, &error);
    }
    arena_done(&arena);
}
