// queries.c - see queries.h.

#include "sync/queries.h"

// Texts that are warned of; nobody hears of more.
#define WARNINGS_MAX 1024u
// A warning, and what it quotes of a text.
#define WARNING_BYTES_MAX 2048u
#define WARNING_TEXT_BYTES_MAX 1024u

struct Queries {
    Store *store;
    SharedQuery *first;
    SharedQuery *last;
    BytesMap by_key;
    Watches watches;
    uint64_t schema_version;  // of the store, when plans were compiled
    uint64_t fragment_serial;
    Buffer key;
    SyncViews views;
    SyncNotices notices;
    U64Map warned;  // hashes of texts
};

typedef enum KeyScope { KEY_SHARED, KEY_PER_SENDER } KeyScope;
#define KEY_HEAD_BYTES (1u + sizeof(Identity))

static Bytes make_key(Queries *queries, const SqlContext *context, Bytes text, KeyScope scope);
static Bytes trim(Bytes text);
static SharedQuery *find_query(Queries *queries, const SqlContext *context, Bytes text);
static SharedQuery *add_query(Queries *queries, const SqlContext *context, SharedPlan *plan);
static Status hold_views(Queries *queries, const SqlContext *context, SharedPlan *plan,
                         Error *error);
static void release_views(Queries *queries, const SharedPlan *plan);
static void warn_of_join(Queries *queries, const SharedPlan *plan);
static Status plan_compile(Queries *queries, const SqlContext *context, Bytes text,
                           SharedPlan *ret_plan, Error *error);
static void plan_fill(Queries *queries, const SqlContext *context, SharedPlan *plan);
static void plan_watch(Queries *queries, SharedQuery *shared);
static void plan_unwatch(Queries *queries, SharedQuery *shared);
static void find_twin(Queries *queries, SharedQuery *shared);
static bool plan_is_for_anyone(Store *store, const SharedPlan *plan);
static bool table_has_rules(Store *store, TableId table);
static bool reads_same_tables(const SharedPlan *before, const SharedPlan *after);
static void query_free(Queries *queries, SharedQuery *shared);
static bool rules_changed(const Commit *commit);
static Status refresh(Queries *queries, SharedQuery *shared, const Commit *commit, Error *error);
static bool reads_the_same(const SharedPlan *before, const SharedPlan *after);

Queries *queries_create(Store *store) {
    Queries *queries = mem_alloc_zero(sizeof *queries);
    queries->store = store;
    queries->schema_version = store_schema_version(store);
    bytes_map_init(&queries->by_key);
    u64_map_init(&queries->warned);
    watches_init(&queries->watches, store);
    buffer_init(&queries->key, KEY_HEAD_BYTES + SQL_TEXT_BYTES_MAX);
    return queries;
}

void queries_free(Queries *queries) {
    ASSERT(queries->first == NULL);
    ASSERT(queries->by_key.count == 0);
    watches_done(&queries->watches);
    bytes_map_done(&queries->by_key);
    u64_map_done(&queries->warned);
    buffer_done(&queries->key);
    mem_free(queries);
}

uint64_t queries_count(const Queries *queries) {
    return queries->by_key.count;
}

SharedQuery *queries_next(const Queries *queries, SharedQuery *after) {
    return after ? after->next : queries->first;
}

// ---- getting and holding ----

Status queries_get(Queries *queries, const SqlContext *context, Bytes text,
                   SharedQuery **ret_shared, Error *error) {
    text = trim(text);
    SharedQuery *found = find_query(queries, context, text);
    if (found == NULL) {
        SharedPlan plan;
        Status status = plan_compile(queries, context, text, &plan, error);
        if (status != STATUS_OK) return status;
        status = hold_views(queries, context, &plan, error);
        if (status != STATUS_OK) return status;
        found = add_query(queries, context, &plan);
        warn_of_join(queries, &found->plan);
    }
    *ret_shared = found;
    return STATUS_OK;
}

static Bytes trim(Bytes text) {
    while (text.count > 0 && text.data[0] <= ' ') text = bytes_slice(text, 1, text.count - 1);
    while (text.count > 0 && text.data[text.count - 1] <= ' ') text.count--;
    return text;
}

static Bytes make_key(Queries *queries, const SqlContext *context, Bytes text, KeyScope scope) {
    Buffer *key = &queries->key;
    buffer_clear(key);
    // An owner's plan bypasses row-level security: never share it with an ordinary client.
    buffer_u8(key, (uint8_t)((context->is_owner ? 1u : 0u) | (scope == KEY_PER_SENDER ? 2u : 0u)));
    if (scope == KEY_PER_SENDER) buffer_append(key, &context->sender, sizeof context->sender);
    buffer_append_bytes(key, text);
    ASSERT(!key->failed);
    return buffer_bytes(key);
}

// Whether the result depends on who asks is only known once it is compiled: look for both.
static SharedQuery *find_query(Queries *queries, const SqlContext *context, Bytes text) {
    if (text.count > SQL_TEXT_BYTES_MAX) return NULL;  // nor will it compile
    SharedQuery *found = bytes_map_find(&queries->by_key,
                                        make_key(queries, context, text, KEY_SHARED));
    if (found) return found;
    return bytes_map_find(&queries->by_key, make_key(queries, context, text, KEY_PER_SENDER));
}

static SharedQuery *add_query(Queries *queries, const SqlContext *context, SharedPlan *plan) {
    SharedQuery *shared = mem_alloc_zero(sizeof *shared);
    shared->context = *context;
    shared->plan = *plan;
    shared->previous = queries->last;
    if (queries->last) {
        queries->last->next = shared;
    } else {
        queries->first = shared;
    }
    queries->last = shared;
    void *previous = bytes_map_set(&queries->by_key, plan->key, shared);
    ASSERT(previous == NULL);
    ASSERT(shared->holders.count == 0);
    plan_watch(queries, shared);
    return shared;
}

void queries_hold(SharedQuery *shared, QuerySet *set) {
    ASSERT(set->format < FORMAT_COUNT);
    ASSERT(set->client != NULL && !set->is_failed);
    HeldQuery held = {shared, shared->holders.count};
    Holder holder = {set, set->client, set->id, set->queries.count};
    holder_vec_push(&shared->holders, holder);
    held_query_vec_push(&set->queries, held);
    shared->holders_by_format[set->format]++;
}

void queries_release_set(Queries *queries, QuerySet *set) {
    for (uint32_t i = 0; i < set->queries.count; i++) {
        HeldQuery held = set->queries.items[i];
        HolderVec *holders = &held.shared->holders;
        Holder *gap = &holders->items[held.at];
        ASSERT(gap->set == set && gap->at == i);
        *gap = holders->items[--holders->count];
        if (held.at < holders->count) gap->set->queries.items[gap->at].at = held.at;
        ASSERT(held.shared->holders_by_format[set->format] > 0);
        held.shared->holders_by_format[set->format]--;
        queries_drop_unheld(queries, held.shared);
    }
    held_query_vec_clear(&set->queries);
}

void queries_drop_unheld(Queries *queries, SharedQuery *shared) {
    if (shared->holders.count == 0) query_free(queries, shared);
}

static void query_free(Queries *queries, SharedQuery *shared) {
    ASSERT(shared->holders.count == 0);
    for (Format format = 0; format < FORMAT_COUNT; format++)
        ASSERT(shared->holders_by_format[format] == 0);
    plan_unwatch(queries, shared);
    void *removed = bytes_map_remove(&queries->by_key, shared->plan.key);
    ASSERT(removed == shared);
    if (shared->previous) shared->previous->next = shared->next;
    if (shared->next) shared->next->previous = shared->previous;
    if (queries->first == shared) queries->first = shared->next;
    if (queries->last == shared) queries->last = shared->previous;
    holder_vec_done(&shared->holders);
    release_views(queries, &shared->plan);
    arena_done(&shared->plan.arena);
    mem_free(shared);
}

void queries_candidates(Queries *queries, const Commit *commit, SharedFragmentVec *ret_fragments) {
    watches_find(&queries->watches, commit, ret_fragments);
}

uint32_t queries_delta_rows(const Queries *queries, const SharedFragment *fragment,
                            DeltaRows ret_tables[SQL_LIVE_RELATIONS_MAX]) {
    return watches_rows(&queries->watches, fragment, ret_tables);
}

// ---- views ----

void queries_set_views(Queries *queries, const SyncViews *views) {
    queries->views = *views;
}

// On failure the plan is gone.
static Status hold_views(Queries *queries, const SqlContext *context, SharedPlan *plan,
                         Error *error) {
    const SyncViews *views = &queries->views;
    uint32_t count = 0;
    (void)query_views(plan->query, &count);
    if (count == 0 || views->hold == NULL) return STATUS_OK;
    Error cause;
    Status status = views->hold(views->user, &context->sender, plan->query, &cause);
    if (status == STATUS_OK) return STATUS_OK;
    (void)error_set(error, status, "%s, executing: `%.*s`", cause.text, BYTES_FORMAT(plan->text));
    arena_done(&plan->arena);
    return status;
}

static void release_views(Queries *queries, const SharedPlan *plan) {
    const SyncViews *views = &queries->views;
    uint32_t count = 0;
    (void)query_views(plan->query, &count);
    if (count > 0 && views->release) views->release(views->user, plan->query);
}

// ---- notices ----

void queries_set_notices(Queries *queries, const SyncNotices *notices) {
    queries->notices = *notices;
}

// Once per text, since clients may subscribe and unsubscribe as often as they like.
static void warn_of_join(Queries *queries, const SharedPlan *plan) {
    if (queries->notices.warn == NULL || !query_scans_joins(plan->query)) return;
    uint64_t key = hash_bytes(plan->text);
    if (u64_map_find(&queries->warned, key)) return;
    if (queries->warned.count == WARNINGS_MAX) return;
    ASSERT(queries->warned.count < WARNINGS_MAX);
    (void)u64_map_set(&queries->warned, key, queries);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < query_fragment_count(plan->query); i++) {
        const Fragment *fragment = query_fragment(plan->query, i);
        for (uint32_t t = 0; t < fragment_table_count(fragment); t++) {
            const Table *table = store_find_table(queries->store, fragment_table(fragment, t));
            rows += table_row_count(table);
        }
    }
    Buffer text;
    buffer_init(&text, WARNING_BYTES_MAX);
    buffer_append_format(&text,
                         "a subscription joins without an index: a change of one table may look "
                         "at all rows of the others (they have %llu now). An index on the joined "
                         "columns helps; EXPLAIN shows the cost; SET join_without_index = false "
                         "forbids those that upstream refuses: ",
                         (unsigned long long)rows);
    uint32_t count = plan->text.count < WARNING_TEXT_BYTES_MAX ? plan->text.count
                                                               : WARNING_TEXT_BYTES_MAX;
    buffer_append_bytes(&text, bytes_slice(plan->text, 0, count));
    if (count < plan->text.count) buffer_append_text(&text, " ...");
    ASSERT(!text.failed);
    queries->notices.warn(queries->notices.user, buffer_bytes(&text));
    buffer_done(&text);
}

// ---- plans ----

static Status plan_compile(Queries *queries, const SqlContext *context, Bytes text,
                           SharedPlan *ret_plan, Error *error) {
    SharedPlan plan = {0};
    arena_init(&plan.arena, QUERY_PLAN_BYTES_MAX);
    Error cause;
    Status status = sql_compile_query(context, text, SQL_SUBSCRIBE, &plan.arena, &plan.query,
                                      &cause);
    if (status != STATUS_OK) {
        arena_done(&plan.arena);
        return error_set(error, status, "%s, executing: `%.*s`", cause.text, BYTES_FORMAT(text));
    }
    plan.text = arena_copy(&plan.arena, text);
    ASSERT(plan.query != NULL && query_shape(plan.query) == QUERY_ROWS);
    queries_describe(queries->store, &plan);
    plan_fill(queries, context, &plan);
    *ret_plan = plan;
    return STATUS_OK;
}

static void plan_fill(Queries *queries, const SqlContext *context, SharedPlan *plan) {
    KeyScope scope = query_depends_on_sender(plan->query) ? KEY_PER_SENDER : KEY_SHARED;
    plan->key = arena_copy(&plan->arena, make_key(queries, context, plan->text, scope));
    plan->fragment_count = query_fragment_count(plan->query);
    ASSERT(plan->fragment_count > 0);
    plan->fragments = ARENA_ARRAY(&plan->arena, SharedFragment, plan->fragment_count);
}

void queries_describe(Store *store, SharedPlan *plan) {
    plan->table_id = query_table(plan->query);
    Table *table = store_find_table(store, plan->table_id);
    ASSERT(table != NULL);
    plan->table_name = arena_copy(&plan->arena, table_schema(table)->name);
    plan->row_type = query_row_type(plan->query);
    plan->is_event = table_schema(table)->is_event;
    uint32_t view_count = 0;
    const QueryView *views = query_views(plan->query, &view_count);
    for (uint32_t i = 0; i < view_count; i++) {
        if (views[i].table == plan->table_id) plan->is_view = true;
    }
}

static void plan_watch(Queries *queries, SharedQuery *shared) {
    SharedPlan *plan = &shared->plan;
    for (uint32_t i = 0; i < plan->fragment_count; i++) {
        SharedFragment *fragment = &plan->fragments[i];
        fragment->shared = shared;
        fragment->serial = ++queries->fragment_serial;
        fragment->plan = query_fragment(plan->query, i);
        uint32_t table_count = fragment_table_count(fragment->plan);
        ASSERT(table_count > 0 && table_count <= SQL_LIVE_RELATIONS_MAX);
        fragment->places = ARENA_ARRAY(&plan->arena, WatchPlace, table_count);
        watches_add(&queries->watches, fragment);
    }
    find_twin(queries, shared);
}

static void plan_unwatch(Queries *queries, SharedQuery *shared) {
    for (uint32_t i = 0; i < shared->plan.fragment_count; i++) {
        SharedFragment *fragment = &shared->plan.fragments[i];
        watches_remove(&queries->watches, fragment);
        if (fragment->twin == NULL) continue;
        ASSERT(fragment->twin->twin == fragment);
        fragment->twin->twin = NULL;
        fragment->twin = NULL;
    }
}

// The owner's query of a text and everybody's are one, if neither rules nor access tell them apart.
static void find_twin(Queries *queries, SharedQuery *shared) {
    if (query_depends_on_sender(shared->plan.query)) return;
    SqlContext others = shared->context;
    others.is_owner = !others.is_owner;
    Bytes key = make_key(queries, &others, shared->plan.text, KEY_SHARED);
    SharedQuery *twin = bytes_map_find(&queries->by_key, key);
    if (twin == NULL || !plan_is_for_anyone(queries->store, &shared->plan)) return;
    ASSERT(twin != shared && twin->context.is_owner != shared->context.is_owner);
    if (!reads_same_tables(&shared->plan, &twin->plan)) return;  // a plan that is out of date
    for (uint32_t i = 0; i < shared->plan.fragment_count; i++) {
        SharedFragment *own = &shared->plan.fragments[i], *other = &twin->plan.fragments[i];
        ASSERT(own->twin == NULL && other->twin == NULL);
        own->twin = other;
        other->twin = own;
    }
}

static bool plan_is_for_anyone(Store *store, const SharedPlan *plan) {
    for (uint32_t i = 0; i < plan->fragment_count; i++) {
        const Fragment *fragment = plan->fragments[i].plan;
        for (uint32_t t = 0; t < fragment_table_count(fragment); t++) {
            TableId id = fragment_table(fragment, t);
            const Table *table = store_find_table(store, id);
            ASSERT(table != NULL);
            const TableSchema *schema = table_schema(table);
            bool is_open = schema->access == TABLE_PUBLIC && schema->origin == TABLE_USER;
            if (!is_open || table_has_rules(store, id)) return false;
        }
    }
    return true;
}

static bool table_has_rules(Store *store, TableId id) {
    enum { RULE_TABLE_ID };
    Table *rules = store_find_table(store, ST_ROW_LEVEL_SECURITY);
    ASSERT(rules != NULL);
    TableScan scan = table_scan(rules);
    Row row;
    while (table_scan_next(&scan, &row)) {
        if (load_u32le(table_column(rules, row.bytes, RULE_TABLE_ID).data) == id) return true;
    }
    return false;
}

// ---- schema changes ----

bool queries_are_stale(const Queries *queries, const Commit *commit) {
    if (queries->schema_version != store_schema_version(queries->store)) return true;
    return commit && rules_changed(commit);
}

static bool rules_changed(const Commit *commit) {
    for (uint32_t i = 0; i < commit->table_count; i++) {
        TableId id = commit->tables[i].schema->id;
        if (id == ST_ROW_LEVEL_SECURITY) return true;
        if (id > ST_ROW_LEVEL_SECURITY) break;  // they are in ascending order
    }
    return false;
}

void queries_refresh(Queries *queries, const Commit *commit,
                     void (*failed)(void *user, SharedQuery *shared, const Error *error),
                     void *user) {
    queries->schema_version = store_schema_version(queries->store);
    ASSERT(!queries_are_stale(queries, NULL));
    for (SharedQuery *shared = queries->first; shared; shared = shared->next) {
        Error error;
        if (refresh(queries, shared, commit, &error) != STATUS_OK) failed(user, shared, &error);
    }
}

static Status refresh(Queries *queries, SharedQuery *shared, const Commit *commit, Error *error) {
    Bytes text = shared->plan.text;
    if (commit && !shared->context.is_owner && rules_changed(commit)) {
        return error_set(error, STATUS_CONFLICT,
                         "rules of row-level security changed, executing: `%.*s`",
                         BYTES_FORMAT(text));
    }
    SharedPlan plan;
    Status status = plan_compile(queries, &shared->context, text, &plan, error);
    if (status != STATUS_OK) return status;
    if (!reads_the_same(&shared->plan, &plan)) {
        arena_done(&plan.arena);
        return error_set(error, STATUS_CONFLICT, "what it reads was replaced, executing: `%.*s`",
                         BYTES_FORMAT(text));
    }
    status = hold_views(queries, &shared->context, &plan, error);
    if (status != STATUS_OK) return status;
    plan_unwatch(queries, shared);
    release_views(queries, &shared->plan);
    arena_done(&shared->plan.arena);
    shared->plan = plan;
    plan_watch(queries, shared);
    warn_of_join(queries, &shared->plan);
    return STATUS_OK;
}

// Rows that clients hold stay right only if they came from the same tables, and for the same reader.
static bool reads_the_same(const SharedPlan *before, const SharedPlan *after) {
    return bytes_equal(before->key, after->key) && reads_same_tables(before, after);
}

static bool reads_same_tables(const SharedPlan *before, const SharedPlan *after) {
    if (before->table_id != after->table_id) return false;
    if (before->fragment_count != after->fragment_count) return false;
    for (uint32_t i = 0; i < before->fragment_count; i++) {
        const Fragment *old = query_fragment(before->query, i);
        const Fragment *new = query_fragment(after->query, i);
        if (fragment_table_count(old) != fragment_table_count(new)) return false;
        for (uint32_t t = 0; t < fragment_table_count(old); t++) {
            if (fragment_table(old, t) != fragment_table(new, t)) return false;
        }
    }
    return true;
}
