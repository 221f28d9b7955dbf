// sort.c - ORDER BY: pointers to rows, sorted by what they point to.
//
// An entry is a few words:
//
//   | prefix | number | pointers ... |
//
// The prefix is made of the first key so that most comparisons end there; number counts the
// entries, with the fragment in its low bits, and settles ties. With a LIMIT the entries are a heap
// of that many, the worst of them on top, and memory is bounded by the limit; else all are kept and
// sorted at the end.

#include "query/run.h"

#include <stdlib.h>

#define FRAGMENT_BITS 10u
static_assert(SQL_FRAGMENTS_MAX <= 1u << FRAGMENT_BITS, "a fragment's number must fit");
#define CAPACITY_FIRST 256u

enum { ENTRY_PREFIX, ENTRY_NUMBER, ENTRY_POINTERS };

typedef struct SortRun {
    const Query *query;
    Sorter *sorter;
    uint16_t pointer_count;
} SortRun;

static void layout_build(const QuerySpec *spec, uint32_t at, Arena *arena, Fragment *fragment);
static bool sort_tuple(void *user, uint32_t fragment, const uint8_t *const *rows, Bytes returned);
static Bytes whole_row(const Relation *relation, const uint8_t *row);
static bool sorter_grow(Sorter *sorter);
static void sorter_push_heap(Sorter *sorter, const uint64_t *entry);
static void heap_sift_up(Sorter *sorter, uint64_t at);
static void heap_sift_down(Sorter *sorter, uint64_t at);
static int entry_compare(const void *a, const void *b, void *user);
static uint64_t key_prefix(const Type *type, const uint8_t *at);
static bool prefix_is_key(const Type *type);
static const Type *type_inner(const Type *type);

// ---- building ----

void query_set_order(const QuerySpec *spec, Arena *arena, Query *query) {
    ASSERT(spec->order_count > 0 && spec->order_count <= SQL_KEYS_MAX);
    bool *descending = ARENA_ARRAY(arena, bool, spec->order_count);
    for (uint16_t i = 0; i < spec->order_count; i++) descending[i] = spec->order[i].is_descending;
    query->descending = descending;
    query->order_count = spec->order_count;
    if (spec->shape == QUERY_GROUPS) return;  // group.c sorts result rows
    for (uint32_t i = 0; i < query->fragment_count; i++)
        layout_build(spec, i, arena, &query->fragments[i]);
}

// The place of a relation among those that are kept.
static uint16_t layout_place(uint16_t *kept, uint16_t *count, uint16_t relation) {
    for (uint16_t i = 0; i < *count; i++) {
        if (kept[i] == relation) return i;
    }
    kept[*count] = relation;
    return (*count)++;
}

static void layout_build(const QuerySpec *spec, uint32_t at, Arena *arena, Fragment *fragment) {
    const FragmentSpec *of = &spec->fragments[at];
    SortLayout *layout = &fragment->sort;
    uint16_t *kept = ARENA_ARRAY(arena, uint16_t, fragment->relation_count);
    ColumnPath *keys = ARENA_ARRAY(arena, ColumnPath, spec->order_count);
    for (uint16_t i = 0; i < spec->order_count; i++) {
        uint16_t relation = of->order[i].relation;
        ASSERT(relation < fragment->relation_count);
        keys[i] = column_path(fragment->relations[relation].row_type, of->order[i]);
        keys[i].relation = layout_place(kept, &layout->kept_count, relation);
    }
    ColumnPath *columns = ARENA_ARRAY(arena, ColumnPath, fragment->column_count);
    for (uint16_t i = 0; i < fragment->column_count; i++) {
        columns[i] = fragment->columns[i];
        columns[i].relation = layout_place(kept, &layout->kept_count, columns[i].relation);
    }
    if (spec->shape == QUERY_ROWS)
        layout->returned = layout_place(kept, &layout->kept_count, fragment->returned);
    ASSERT(layout->kept_count <= fragment->relation_count);
    layout->kept = kept;
    layout->keys = keys;
    layout->columns = columns;
}

// ---- running ----

void run_sorted(Run *run, Output *output) {
    const Query *query = run->query;
    ASSERT(query->order_count > 0 && output->left > 0);
    const ColumnPath **keys = mem_alloc(query->fragment_count * sizeof(const ColumnPath *));
    SorterSpec spec = {
        .keys = keys,
        .descending = query->descending,
        .key_count = query->order_count,
        .limit = output->left,
    };
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        const SortLayout *layout = &query->fragments[i].sort;
        keys[i] = layout->keys;
        if (layout->kept_count > spec.pointer_count) spec.pointer_count = layout->kept_count;
    }
    Sorter sorter;
    sorter_init(&sorter, &spec);
    SortRun sort = {query, &sorter, spec.pointer_count};
    run_each(run, sort_tuple, &sort);
    if (sorter.is_full) run->outcome.stop = QUERY_STOPPED_GATHERED;
    if (run->outcome.stop == QUERY_FINISHED) {
        sorter_sort(&sorter);
        bool goes_on = true;
        ASSERT(sorter.count <= output->left);
        for (uint64_t i = 0; i < sorter.count && goes_on; i++) {
            uint32_t at;
            const uint8_t *const *pointers = sorter_entry(&sorter, i, &at);
            const Fragment *fragment = &query->fragments[at];
            Bytes returned = BYTES_NONE;
            if (fragment->column_count == 0) {
                const uint8_t *row = pointers[fragment->sort.returned];
                returned = whole_row(&fragment->relations[fragment->returned], row);
                returned = fragment_output(fragment, returned);
            }
            goes_on = output_tuple(output, fragment->sort.columns, fragment->column_count, pointers,
                                   returned);
        }
    }
    sorter_done(&sorter);
    mem_free(keys);
}

static bool sort_tuple(void *user, uint32_t fragment, const uint8_t *const *rows, Bytes returned) {
    (void)returned;
    const SortRun *sort = user;
    const SortLayout *layout = &sort->query->fragments[fragment].sort;
    const uint8_t *pointers[SQL_RELATIONS_MAX] = {0};
    ASSERT(layout->kept_count <= sort->pointer_count);
    for (uint16_t i = 0; i < layout->kept_count; i++) pointers[i] = rows[layout->kept[i]];
    return sorter_add(sort->sorter, fragment, pointers);
}

static Bytes whole_row(const Relation *relation, const uint8_t *row) {
    ASSERT(row != NULL);
    return (Bytes){row, bsatn_size(relation->row_type, row)};
}

// ---- the sorter ----

void sorter_init(Sorter *sorter, const SorterSpec *spec) {
    ASSERT(spec->key_count > 0 && spec->limit > 0);
    *sorter = (Sorter){
        .keys = spec->keys,
        .descending = spec->descending,
        .key_count = spec->key_count,
        .pointer_count = spec->pointer_count,
        .entry_words = ENTRY_POINTERS + spec->pointer_count,
        .limit = spec->limit,
    };
    sorter->spare = mem_alloc(sorter->entry_words * sizeof(uint64_t));
}

void sorter_done(Sorter *sorter) {
    mem_free(sorter->entries);
    mem_free(sorter->spare);
    *sorter = (Sorter){0};
}

static uint64_t *entry_at(const Sorter *sorter, uint64_t at) {
    return &sorter->entries[at * sorter->entry_words];
}

bool sorter_add(Sorter *sorter, uint32_t fragment, const uint8_t *const *pointers) {
    ASSERT(!sorter->is_full && sorter->count <= sorter->limit);
    ASSERT(fragment < 1u << FRAGMENT_BITS);
    static_assert(sizeof(uint8_t *) == sizeof(uint64_t), "pointers are words");
    const ColumnPath *first = &sorter->keys[fragment][0];
    uint64_t *entry = sorter->spare;
    uint64_t prefix = key_prefix(first->type, column_at(first, pointers[first->relation]));
    entry[ENTRY_PREFIX] = sorter->descending[0] ? ~prefix : prefix;
    entry[ENTRY_NUMBER] = sorter->number++ << FRAGMENT_BITS | fragment;
    memcpy(&entry[ENTRY_POINTERS], pointers, sorter->pointer_count * sizeof *pointers);
    if (sorter->count == sorter->limit) {
        sorter_push_heap(sorter, entry);
        return true;
    }
    if (sorter->count == sorter->capacity && !sorter_grow(sorter)) return false;
    memcpy(entry_at(sorter, sorter->count), entry, sorter->entry_words * sizeof *entry);
    sorter->count++;
    return true;
}

static bool sorter_grow(Sorter *sorter) {
    ASSERT(sorter->count == sorter->capacity);
    uint64_t capacity = sorter->capacity == 0 ? CAPACITY_FIRST : sorter->capacity * 2;
    uint64_t entry_bytes = sorter->entry_words * sizeof(uint64_t);
    uint64_t capacity_max = SQL_GATHERED_BYTES_MAX / entry_bytes;
    if (capacity > capacity_max) capacity = capacity_max;
    if (capacity == sorter->capacity) {
        sorter->is_full = true;
        return false;
    }
    sorter->entries = mem_realloc(sorter->entries, capacity * entry_bytes);
    sorter->capacity = capacity;
    return true;
}

void sorter_sort(Sorter *sorter) {
    ASSERT(!sorter->is_full);  // a part of the rows would be sorted
    if (sorter->count < 2) return;
    qsort_r(sorter->entries, sorter->count, sorter->entry_words * sizeof(uint64_t), entry_compare,
            sorter);
}

const uint8_t *const *sorter_entry(const Sorter *sorter, uint64_t at, uint32_t *ret_fragment) {
    ASSERT(at < sorter->count);
    const uint64_t *entry = entry_at(sorter, at);
    *ret_fragment = entry[ENTRY_NUMBER] & ((1u << FRAGMENT_BITS) - 1);
    return (const uint8_t *const *)&entry[ENTRY_POINTERS];
}

// ---- the heap ----

// The entries are as many as are wanted: the new one takes the place of the worst, or goes.
static void sorter_push_heap(Sorter *sorter, const uint64_t *entry) {
    ASSERT(sorter->count == sorter->limit && sorter->count > 0);
    if (!sorter->is_heap) {
        for (uint64_t i = 1; i < sorter->count; i++) heap_sift_up(sorter, i);
        sorter->is_heap = true;
    }
    if (entry_compare(entry, entry_at(sorter, 0), sorter) >= 0) return;
    memcpy(entry_at(sorter, 0), entry, sorter->entry_words * sizeof *entry);
    heap_sift_down(sorter, 0);
}

static void entries_swap(const Sorter *sorter, uint64_t a, uint64_t b) {
    uint64_t *left = entry_at(sorter, a), *right = entry_at(sorter, b);
    for (uint32_t i = 0; i < sorter->entry_words; i++) {
        uint64_t word = left[i];
        left[i] = right[i];
        right[i] = word;
    }
}

static void heap_sift_up(Sorter *sorter, uint64_t at) {
    ASSERT(at < sorter->count);
    while (at > 0) {
        uint64_t parent = (at - 1) / 2;
        if (entry_compare(entry_at(sorter, at), entry_at(sorter, parent), sorter) <= 0) return;
        entries_swap(sorter, at, parent);
        at = parent;
    }
}

static void heap_sift_down(Sorter *sorter, uint64_t at) {
    ASSERT(at < sorter->count);
    for (;;) {
        uint64_t worst = at;
        for (uint64_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child >= sorter->count) break;
            if (entry_compare(entry_at(sorter, child), entry_at(sorter, worst), sorter) > 0)
                worst = child;
        }
        if (worst == at) return;
        entries_swap(sorter, at, worst);
        at = worst;
    }
}

// ---- comparing ----

static int entry_compare(const void *a, const void *b, void *user) {
    const Sorter *sorter = user;
    const uint64_t *left = a, *right = b;
    if (left[ENTRY_PREFIX] != right[ENTRY_PREFIX])
        return left[ENTRY_PREFIX] < right[ENTRY_PREFIX] ? -1 : 1;
    const uint8_t *const *left_rows = (const uint8_t *const *)&left[ENTRY_POINTERS];
    const uint8_t *const *right_rows = (const uint8_t *const *)&right[ENTRY_POINTERS];
    const ColumnPath *left_keys = sorter->keys[left[ENTRY_NUMBER] & ((1u << FRAGMENT_BITS) - 1)];
    const ColumnPath *right_keys = sorter->keys[right[ENTRY_NUMBER] & ((1u << FRAGMENT_BITS) - 1)];
    for (uint16_t i = prefix_is_key(left_keys[0].type) ? 1 : 0; i < sorter->key_count; i++) {
        const ColumnPath *key = &left_keys[i], *other = &right_keys[i];
        int order = value_compare(key->type, column_at(key, left_rows[key->relation]),
                                  column_at(other, right_rows[other->relation]));
        if (order != 0) return sorter->descending[i] ? -order : order;
    }
    return left[ENTRY_NUMBER] < right[ENTRY_NUMBER] ? -1 : 1;
}

// Identities, timestamps and the like are products of one integer: the same bytes, the same order.
static const Type *type_inner(const Type *type) {
    while (type->kind == TYPE_PRODUCT && type->field_count == 1) type = type->fields[0].type;
    return type;
}

// Does the prefix tell all about the value?
static bool prefix_is_key(const Type *type) {
    const Type *inner = type_inner(type);
    bool is_scalar = inner->kind >= TYPE_BOOL;
    return is_scalar && inner->fixed_bytes <= sizeof(uint64_t);
}

// Bits of a float in the order of values: NaN last, -0 as 0.
static uint64_t float_prefix(double value) {
    if (value != value) return UINT64_MAX;
    if (value == 0) value = 0;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static uint64_t string_prefix(const uint8_t *at) {
    uint32_t count = load_u32le(at);
    uint64_t prefix = 0;
    for (uint32_t i = 0; i < sizeof prefix; i++)
        prefix = prefix << 8 | (i < count ? at[sizeof count + i] : 0);
    return prefix;
}

// Never in another order than the values; equal for values that it cannot tell apart.
static uint64_t key_prefix(const Type *type, const uint8_t *at) {
    const Type *inner = type_inner(type);
    const uint64_t flip = 1ull << 63;
    float single;
    double real;
    switch (inner->kind) {
    case TYPE_BOOL:
    case TYPE_U8: return *at;
    case TYPE_U16: return load_u16le(at);
    case TYPE_U32: return load_u32le(at);
    case TYPE_U64: return load_u64le(at);
    case TYPE_I8: return (uint64_t)(int64_t)(int8_t)*at ^ flip;
    case TYPE_I16: return (uint64_t)(int64_t)(int16_t)load_u16le(at) ^ flip;
    case TYPE_I32: return (uint64_t)(int64_t)(int32_t)load_u32le(at) ^ flip;
    case TYPE_I64: return load_u64le(at) ^ flip;
    case TYPE_I128: return load_u64le(at + 8) ^ flip;
    case TYPE_U128: return load_u64le(at + 8);
    case TYPE_I256: return load_u64le(at + 24) ^ flip;
    case TYPE_U256: return load_u64le(at + 24);
    case TYPE_F32: memcpy(&single, at, sizeof single); return float_prefix(single);
    case TYPE_F64: memcpy(&real, at, sizeof real); return float_prefix(real);
    case TYPE_STRING: return string_prefix(at);
    case TYPE_ARRAY: return type_is_bytes(inner) ? string_prefix(at) : 0;
    case TYPE_SUM: return *at;
    case TYPE_REF:
    case TYPE_PRODUCT:
    case TYPE_KIND_COUNT: break;
    }
    return 0;
}
