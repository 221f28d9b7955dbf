// group.c - GROUP BY and aggregates: one state for each group, found by hashing the group's values.
//
// A group is one allocation: its head, a state for each aggregate, and pointers to its values,
// which lie in the first row found. MIN and MAX keep pointers to values, too: rows stay where they
// are during a run. Groups come out in the order in which they were found.

#include "query/run.h"

#include "base/map.h"

typedef union State {
    __int128 sum;
    double real;
    const uint8_t *value;  // of MIN and MAX
} State;

typedef struct Group Group;
struct Group {
    Group *next;  // in the order they were found
    uint64_t hash;
    uint64_t row_count;
    _Alignas(16) State states[];
    // const uint8_t *values[group_count] behind them
};

typedef struct Groups {
    const Query *query;
    Arena arena;
    uint64_t bytes;
    bool is_full;  // SQL_GATHERED_BYTES_MAX
    Group *first;
    Group *last;
    Group **slots;
    uint32_t count;
    uint32_t capacity;  // a power of two
} Groups;

#define CAPACITY_FIRST 64u
// Half of the slots are used at most.
#define GROUPS_MAX (UINT32_MAX / 8)

static bool groups_tuple(void *user, uint32_t fragment, const uint8_t *const *rows, Bytes returned);
static Group *groups_find(Groups *groups, const Fragment *fragment, const uint8_t *const *values);
static Group *groups_add(Groups *groups, uint64_t hash, const uint8_t *const *values);
static bool groups_grow(Groups *groups);
static void groups_output(Groups *groups, Output *output);
static void groups_output_sorted(Groups *groups, Output *output);
static void state_add(State *state, const QueryAggregate *aggregate, const uint8_t *at,
                      bool is_first);
static void group_write(const Groups *groups, const Group *group, Buffer *row);
static void state_write(const Groups *groups, const Group *group, uint16_t at, Buffer *row);
static void group_write_value(const Groups *groups, const Group *group, uint16_t at, Buffer *row);
static const uint8_t **group_values(const Groups *groups, const Group *group);
static __int128 integer_load(const Type *type, const uint8_t *at);

void run_grouped(Run *run, Output *output) {
    const Grouping *grouping = run->query->grouping;
    ASSERT(grouping != NULL && output->left > 0);
    Groups groups = {.query = run->query};
    // The arena's blocks are a little larger than what is counted.
    arena_init(&groups.arena, 2 * (size_t)SQL_GATHERED_BYTES_MAX + (1u << 20));
    if (grouping->group_count == 0) (void)groups_add(&groups, 0, NULL);  // even of no rows
    run_each(run, groups_tuple, &groups);
    if (!groups.is_full && run->outcome.stop == QUERY_FINISHED) {
        if (run->query->order_count > 0 && groups.count > 1) {
            groups_output_sorted(&groups, output);
        } else {
            groups_output(&groups, output);
        }
    }
    if (groups.is_full) run->outcome.stop = QUERY_STOPPED_GATHERED;
    mem_free(groups.slots);
    arena_done(&groups.arena);
}

// ---- gathering ----

static bool groups_tuple(void *user, uint32_t fragment, const uint8_t *const *rows,
                         Bytes returned) {
    (void)returned;
    Groups *groups = user;
    const Grouping *grouping = groups->query->grouping;
    const Fragment *of = &groups->query->fragments[fragment];
    ASSERT(!groups->is_full && of->column_count >= grouping->group_count);
    const uint8_t *values[SQL_KEYS_MAX];
    for (uint16_t i = 0; i < grouping->group_count; i++)
        values[i] = column_at(&of->columns[i], rows[of->columns[i].relation]);
    Group *group = groups_find(groups, of, values);
    if (group == NULL) return false;
    group->row_count++;
    for (uint16_t i = 0; i < grouping->aggregate_count; i++) {
        if (grouping->aggregates[i].kind == AGGREGATE_COUNT) continue;
        const ColumnPath *path = &of->columns[grouping->aggregates[i].column];
        ASSERT(grouping->aggregates[i].column < of->column_count);
        state_add(&group->states[i], &grouping->aggregates[i],
                  column_at(path, rows[path->relation]), group->row_count == 1);
    }
    return true;
}

// NULL when there is no room for another group.
static Group *groups_find(Groups *groups, const Fragment *fragment, const uint8_t *const *values) {
    uint16_t count = groups->query->grouping->group_count;
    if (count == 0) return groups->first;
    uint64_t hash = 0;
    for (uint16_t i = 0; i < count; i++) {
        hash = (hash ^ value_hash(fragment->columns[i].type, values[i])) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    uint32_t mask = groups->capacity - 1;
    for (uint32_t at = (uint32_t)hash & mask; groups->capacity > 0; at = (at + 1) & mask) {
        Group *group = groups->slots[at];
        if (group == NULL) break;
        if (group->hash != hash) continue;
        const uint8_t **own = group_values(groups, group);
        bool is_equal = true;
        for (uint16_t i = 0; i < count && is_equal; i++)
            is_equal = value_compare(fragment->columns[i].type, own[i], values[i]) == 0;
        if (is_equal) return group;
    }
    return groups_add(groups, hash, values);
}

static Group *groups_add(Groups *groups, uint64_t hash, const uint8_t *const *values) {
    const Grouping *grouping = groups->query->grouping;
    size_t values_bytes = grouping->group_count * sizeof *values;
    size_t bytes = sizeof(Group) + grouping->aggregate_count * sizeof(State) + values_bytes;
    groups->bytes += bytes;
    bool has_room = groups->bytes <= SQL_GATHERED_BYTES_MAX && groups->count < GROUPS_MAX;
    if (!has_room || (2 * (groups->count + 1) > groups->capacity && !groups_grow(groups))) {
        groups->is_full = true;
        return NULL;
    }
    Group *group = arena_alloc_zero(&groups->arena, bytes);
    ASSERT(groups->count < groups->capacity);
    group->hash = hash;
    if (values_bytes > 0) memcpy(group_values(groups, group), values, values_bytes);
    if (groups->last != NULL) groups->last->next = group;
    if (groups->first == NULL) groups->first = group;
    groups->last = group;
    uint32_t mask = groups->capacity - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (groups->slots[at] != NULL) at = (at + 1) & mask;
    groups->slots[at] = group;
    groups->count++;
    return group;
}

static bool groups_grow(Groups *groups) {
    uint32_t capacity = groups->capacity == 0 ? CAPACITY_FIRST : groups->capacity * 2;
    if (capacity * sizeof(Group *) > SQL_GATHERED_BYTES_MAX) return false;
    mem_free(groups->slots);
    groups->slots = mem_alloc_zero(capacity * sizeof(Group *));
    groups->capacity = capacity;
    ASSERT((capacity & (capacity - 1)) == 0 && capacity > groups->count);
    for (Group *group = groups->first; group != NULL; group = group->next) {
        uint32_t at = (uint32_t)group->hash & (capacity - 1);
        while (groups->slots[at] != NULL) at = (at + 1) & (capacity - 1);
        groups->slots[at] = group;
    }
    return true;
}

static const uint8_t **group_values(const Groups *groups, const Group *group) {
    // Pointers behind the states, which are longer and stricter aligned.
    return (const uint8_t **)(uintptr_t)&group->states[groups->query->grouping->aggregate_count];
}

// ---- states ----

static double real_load(const Type *type, const uint8_t *at) {
    ASSERT(type->kind == TYPE_F32 || type->kind == TYPE_F64);
    if (type->kind == TYPE_F64) {
        double value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    float value;
    memcpy(&value, at, sizeof value);
    return value;
}

// An integer of up to 64 bits.
static __int128 integer_load(const Type *type, const uint8_t *at) {
    switch (type->kind) {
    case TYPE_I8: return (int8_t)*at;
    case TYPE_U8: return *at;
    case TYPE_I16: return (int16_t)load_u16le(at);
    case TYPE_U16: return load_u16le(at);
    case TYPE_I32: return (int32_t)load_u32le(at);
    case TYPE_U32: return load_u32le(at);
    case TYPE_I64: return (int64_t)load_u64le(at);
    case TYPE_U64: return load_u64le(at);
    default: break;
    }
    UNREACHABLE();
}

static void state_add(State *state, const QueryAggregate *aggregate, const uint8_t *at,
                      bool is_first) {
    const Type *type = aggregate->type;
    switch (aggregate->kind) {
    case AGGREGATE_COUNT: return;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
        // 2^64 rows of 64 bits fit.
        if (type_is_integer(type)) {
            state->sum += integer_load(type, at);
        } else {
            state->real += real_load(type, at);
        }
        return;
    case AGGREGATE_MIN:
        if (is_first || value_compare(type, at, state->value) < 0) state->value = at;
        return;
    case AGGREGATE_MAX:
        if (is_first || value_compare(type, at, state->value) > 0) state->value = at;
        return;
    }
    UNREACHABLE();
}

// ---- results ----

static void groups_output(Groups *groups, Output *output) {
    ASSERT((groups->first == NULL) == (groups->count == 0));
    bool goes_on = true;
    for (const Group *group = groups->first; group != NULL && goes_on; group = group->next) {
        buffer_clear(&output->columns);
        group_write(groups, group, &output->columns);
        goes_on = output_columns(output);
    }
}

// The result rows themselves are sorted.
static void groups_output_sorted(Groups *groups, Output *output) {
    ASSERT(groups->query->order_count > 0 && groups->count > 1);
    const Query *query = groups->query;
    const ColumnPath *keys = query->grouping->keys;
    SorterSpec spec = {
        .keys = &keys,
        .descending = query->descending,
        .key_count = query->order_count,
        .pointer_count = 1,
        .limit = output->left,
    };
    Sorter sorter;
    sorter_init(&sorter, &spec);
    for (const Group *group = groups->first; group != NULL && !groups->is_full;
         group = group->next) {
        buffer_clear(&output->columns);
        group_write(groups, group, &output->columns);
        Bytes row = buffer_bytes(&output->columns);
        groups->bytes += row.count;
        groups->is_full = output->columns.failed || groups->bytes > SQL_GATHERED_BYTES_MAX;
        if (groups->is_full) break;
        const uint8_t *pointer = arena_copy(&groups->arena, row).data;
        if (!sorter_add(&sorter, 0, &pointer)) groups->is_full = true;
    }
    if (!groups->is_full) sorter_sort(&sorter);
    bool goes_on = !groups->is_full;
    for (uint64_t i = 0; i < sorter.count && goes_on; i++) {
        uint32_t fragment;
        const uint8_t *row = sorter_entry(&sorter, i, &fragment)[0];
        goes_on = output_row(output, bytes_of(row, bsatn_size(query->row_type, row)));
    }
    sorter_done(&sorter);
}

static void group_write(const Groups *groups, const Group *group, Buffer *row) {
    const Grouping *grouping = groups->query->grouping;
    uint32_t count = groups->query->row_type->field_count;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t output = grouping->outputs[i];
        ASSERT(output < grouping->group_count + grouping->aggregate_count);
        if (output < grouping->group_count) {
            group_write_value(groups, group, output, row);
        } else {
            state_write(groups, group, (uint16_t)(output - grouping->group_count), row);
        }
    }
}

static void group_write_value(const Groups *groups, const Group *group, uint16_t at, Buffer *row) {
    ASSERT(at < groups->query->grouping->group_count);
    const Type *type = groups->query->fragments[0].columns[at].type;
    const uint8_t *value = group_values(groups, group)[at];
    buffer_append(row, value, bsatn_size(type, value));
}

static void state_write(const Groups *groups, const Group *group, uint16_t at, Buffer *row) {
    enum { OPTION_SOME, OPTION_NONE };
    const Grouping *grouping = groups->query->grouping;
    const QueryAggregate *aggregate = &grouping->aggregates[at];
    ASSERT(at < grouping->aggregate_count);
    const State *state = &group->states[at];
    bool is_real = aggregate->type != NULL && !type_is_integer(aggregate->type);
    if (aggregate->kind == AGGREGATE_COUNT) {
        buffer_u64(row, group->row_count);
        return;
    }
    if (aggregate->kind == AGGREGATE_SUM) {
        if (is_real) {
            buffer_append(row, &state->real, sizeof state->real);
        } else {
            buffer_append(row, &state->sum, sizeof state->sum);
        }
        return;
    }
    if (grouping->group_count == 0) {
        buffer_u8(row, group->row_count > 0 ? OPTION_SOME : OPTION_NONE);
        if (group->row_count == 0) return;
    }
    ASSERT(group->row_count > 0);
    if (aggregate->kind == AGGREGATE_AVG) {
        double sum = is_real ? state->real : (double)state->sum;
        double average = sum / (double)group->row_count;
        buffer_append(row, &average, sizeof average);
    } else {
        buffer_append(row, state->value, bsatn_size(aggregate->type, state->value));
    }
}
