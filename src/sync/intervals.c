// intervals.c - see intervals.h. Priorities are pseudo-random, so the depth is some 2 log n whatever the order
// of adding; the shape of the tree shows nowhere, since visits follow the order of the ends.

#include "sync/intervals.h"

#include "base/map.h"

typedef struct Stab {
    const Intervals *intervals;
    const uint8_t *value;
    uint64_t key;  // of it, if there are keys
    IntervalVisit visit;
    void *user;
} Stab;

static bool type_has_keys(const Type *type);
static uint64_t key_of(const Type *type, const uint8_t *value);
static uint64_t key_of_float(uint64_t bits, uint64_t sign);
static void set_keys(const Intervals *intervals, Interval *interval);
static int compare_intervals(const Intervals *intervals, const Interval *a, const Interval *b);
static int compare_ends(const Intervals *intervals, const Bound *a, const Bound *b,
                        int excluded_moves);
static int compare_lower(const Intervals *intervals, const Bound *a, const Bound *b);
static int compare_upper(const Intervals *intervals, const Bound *a, const Bound *b);
static Interval *add_below(Intervals *intervals, Interval *node, Interval *added);
static Interval *remove_below(Intervals *intervals, Interval *node, const Interval *removed);
static Interval *merge(Intervals *intervals, Interval *left, Interval *right);
static void set_furthest(const Intervals *intervals, Interval *node);
static bool begins_by(const Intervals *intervals, const Interval *node, const uint8_t *value);
static bool lasts_to(const Intervals *intervals, const Interval *node, const uint8_t *value);
static void stab_below(const Stab *stab, Interval *node);
static void stab_keys_below(const Stab *stab, Interval *node);

bool intervals_take_type(const Type *type) {
    bool is_primitive = type->kind >= TYPE_STRING && type->kind < TYPE_KIND_COUNT;
    bool is_special = type->special >= SPECIAL_IDENTITY && type->special <= SPECIAL_UUID;
    return is_primitive || is_special || type_is_bytes(type);
}

void intervals_init(Intervals *intervals, const Type *type) {
    ASSERT(intervals_take_type(type));
    *intervals = (Intervals){0};
    if (type->special != SPECIAL_NONE) {
        intervals->type = *type_special(type->special);
    } else if (type->kind == TYPE_ARRAY) {
        intervals->type = *type;
        intervals->type.element = type_primitive(TYPE_U8);
    } else {
        intervals->type = *type_primitive(type->kind);
    }
    intervals->has_keys = type_has_keys(&intervals->type);
}

Interval *intervals_find(const Intervals *intervals, const Bound *lower, const Bound *upper) {
    const Interval wanted = {.lower = *lower, .upper = *upper};
    Interval *node = intervals->root;
    while (node != NULL) {
        int order = compare_intervals(intervals, &wanted, node);
        if (order == 0) return node;
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

void intervals_add(Intervals *intervals, Interval *interval) {
    ASSERT(interval->lower.kind != BOUND_UNBOUNDED || interval->upper.kind != BOUND_UNBOUNDED);
    interval->left = interval->right = NULL;
    interval->furthest = interval;
    if (intervals->has_keys) set_keys(intervals, interval);
    interval->priority = hash_u64(intervals->serial++);
    intervals->root = add_below(intervals, intervals->root, interval);
    intervals->count++;
}

void intervals_remove(Intervals *intervals, Interval *interval) {
    ASSERT(intervals->count > 0);
    intervals->root = remove_below(intervals, intervals->root, interval);
    intervals->count--;
    ASSERT((intervals->count == 0) == (intervals->root == NULL));
}

void intervals_stab(const Intervals *intervals, const uint8_t *value, IntervalVisit visit,
                    void *user) {
    Stab stab = {.intervals = intervals, .value = value, .visit = visit, .user = user};
    ASSERT((intervals->count == 0) == (intervals->root == NULL));
    if (intervals->has_keys) {
        stab.key = key_of(&intervals->type, value);
        stab_keys_below(&stab, intervals->root);
    } else {
        stab_below(&stab, intervals->root);
    }
}

// ---- keys ----

static bool type_has_keys(const Type *type) {
    bool is_time = type->special == SPECIAL_TIMESTAMP || type->special == SPECIAL_TIME_DURATION;
    bool is_number = type->kind >= TYPE_BOOL && type->kind <= TYPE_U64;
    return is_time || is_number || type->kind == TYPE_F32 || type->kind == TYPE_F64;
}

// Keys compare as value_compare does.
static uint64_t key_of(const Type *type, const uint8_t *value) {
    const uint64_t sign = 1ull << 63;
    switch (type->kind) {
    case TYPE_BOOL:
    case TYPE_U8: return value[0];
    case TYPE_U16: return load_u16le(value);
    case TYPE_U32: return load_u32le(value);
    case TYPE_U64: return load_u64le(value);
    case TYPE_I8: return (uint64_t)(int8_t)value[0] ^ sign;
    case TYPE_I16: return (uint64_t)(int16_t)load_u16le(value) ^ sign;
    case TYPE_I32: return (uint64_t)(int32_t)load_u32le(value) ^ sign;
    case TYPE_F32: return key_of_float(load_u32le(value), 1u << 31);
    case TYPE_F64: return key_of_float(load_u64le(value), sign);
    default: break;
    }
    ASSERT(type->kind == TYPE_I64 || type->kind == TYPE_PRODUCT);  // a time has one i64
    return load_u64le(value) ^ sign;
}

// Negative ones turned round, below the others; both zeros are one, and all that are no number the greatest.
static uint64_t key_of_float(uint64_t bits, uint64_t sign) {
    ASSERT(sign == 1ull << 63 || (sign == 1u << 31 && bits <= UINT32_MAX));
    const uint64_t infinity = sign == 1u << 31 ? 0x7f800000u : 0x7ff0000000000000u;
    uint64_t size = bits & (sign - 1);
    if (size > infinity) return sign | (infinity + 1);
    if (size == 0) return sign;
    return bits & sign ? sign - size : sign | size;
}

static void set_keys(const Intervals *intervals, Interval *interval) {
    const Bound *lower = &interval->lower, *upper = &interval->upper;
    interval->first = 0;
    interval->last = UINT64_MAX;
    interval->is_void = false;
    if (lower->kind != BOUND_UNBOUNDED) {
        interval->first = key_of(&intervals->type, lower->value.data);
        bool is_last = interval->first == UINT64_MAX;
        if (lower->kind == BOUND_EXCLUDED && is_last) interval->is_void = true;
        if (lower->kind == BOUND_EXCLUDED && !is_last) interval->first++;
    }
    if (upper->kind != BOUND_UNBOUNDED) {
        interval->last = key_of(&intervals->type, upper->value.data);
        bool is_first = interval->last == 0;
        if (upper->kind == BOUND_EXCLUDED && is_first) interval->is_void = true;
        if (upper->kind == BOUND_EXCLUDED && !is_first) interval->last--;
    }
    interval->reach = interval->last;
}

// ---- order ----

static int compare_intervals(const Intervals *intervals, const Interval *a, const Interval *b) {
    int order = compare_lower(intervals, &a->lower, &b->lower);
    return order != 0 ? order : compare_upper(intervals, &a->upper, &b->upper);
}

// Both have values. Of two ends at one value, `excluded_moves` tells where the one that excludes it lies.
static int compare_ends(const Intervals *intervals, const Bound *a, const Bound *b,
                        int excluded_moves) {
    ASSERT(a->kind != BOUND_UNBOUNDED && b->kind != BOUND_UNBOUNDED);
    int order = value_compare(&intervals->type, a->value.data, b->value.data);
    if (order != 0 || a->kind == b->kind) return order;
    return a->kind == BOUND_EXCLUDED ? excluded_moves : -excluded_moves;
}

static int compare_lower(const Intervals *intervals, const Bound *a, const Bound *b) {
    bool a_is_open = a->kind == BOUND_UNBOUNDED, b_is_open = b->kind == BOUND_UNBOUNDED;
    if (a_is_open || b_is_open) return (int)b_is_open - (int)a_is_open;
    return compare_ends(intervals, a, b, 1);
}

static int compare_upper(const Intervals *intervals, const Bound *a, const Bound *b) {
    bool a_is_open = a->kind == BOUND_UNBOUNDED, b_is_open = b->kind == BOUND_UNBOUNDED;
    if (a_is_open || b_is_open) return (int)a_is_open - (int)b_is_open;
    return compare_ends(intervals, a, b, -1);
}

static bool begins_by(const Intervals *intervals, const Interval *node, const uint8_t *value) {
    const Bound *lower = &node->lower;
    if (lower->kind == BOUND_UNBOUNDED) return true;
    int order = value_compare(&intervals->type, lower->value.data, value);
    return order < 0 || (order == 0 && lower->kind == BOUND_INCLUDED);
}

static bool lasts_to(const Intervals *intervals, const Interval *node, const uint8_t *value) {
    const Bound *upper = &node->upper;
    if (upper->kind == BOUND_UNBOUNDED) return true;
    int order = value_compare(&intervals->type, value, upper->value.data);
    return order < 0 || (order == 0 && upper->kind == BOUND_INCLUDED);
}

// ---- the tree ----

static Interval *add_below(Intervals *intervals, Interval *node, Interval *added) {
    if (node == NULL) return added;
    int order = compare_intervals(intervals, added, node);
    ASSERT(order != 0);  // each is there once
    if (order < 0) {
        node->left = add_below(intervals, node->left, added);
    } else {
        node->right = add_below(intervals, node->right, added);
    }
    Interval *child = order < 0 ? node->left : node->right;
    ASSERT(child != NULL);
    if (child->priority <= node->priority) {
        set_furthest(intervals, node);
        return node;
    }
    if (order < 0) {
        node->left = child->right;
        child->right = node;
    } else {
        node->right = child->left;
        child->left = node;
    }
    set_furthest(intervals, node);
    set_furthest(intervals, child);
    return child;
}

static Interval *remove_below(Intervals *intervals, Interval *node, const Interval *removed) {
    ASSERT(node != NULL);  // it is there
    if (node == removed) return merge(intervals, node->left, node->right);
    if (compare_intervals(intervals, removed, node) < 0) {
        node->left = remove_below(intervals, node->left, removed);
    } else {
        node->right = remove_below(intervals, node->right, removed);
    }
    set_furthest(intervals, node);
    return node;
}

// All of `left` lie before all of `right`.
static Interval *merge(Intervals *intervals, Interval *left, Interval *right) {
    if (left == NULL) return right;
    if (right == NULL) return left;
    Interval *top = left->priority >= right->priority ? left : right;
    ASSERT(compare_intervals(intervals, left, right) < 0);
    if (top == left) {
        left->right = merge(intervals, left->right, right);
    } else {
        right->left = merge(intervals, left, right->left);
    }
    set_furthest(intervals, top);
    return top;
}

static void set_furthest(const Intervals *intervals, Interval *node) {
    node->furthest = node;
    node->reach = node->last;
    const Interval *const children[] = {node->left, node->right};
    for (uint32_t i = 0; i < 2; i++) {
        if (children[i] == NULL) continue;
        if (intervals->has_keys) {
            if (children[i]->reach > node->reach) node->reach = children[i]->reach;
            continue;
        }
        const Interval *furthest = children[i]->furthest;
        if (compare_upper(intervals, &furthest->upper, &node->furthest->upper) > 0)
            node->furthest = furthest;
    }
}

static void stab_below(const Stab *stab, Interval *node) {
    while (node != NULL) {
        if (!lasts_to(stab->intervals, node->furthest, stab->value)) return;
        stab_below(stab, node->left);
        if (!begins_by(stab->intervals, node, stab->value)) return;  // nor do those to its right
        if (lasts_to(stab->intervals, node, stab->value)) stab->visit(stab->user, node);
        node = node->right;
    }
}

static void stab_keys_below(const Stab *stab, Interval *node) {
    while (node != NULL && node->reach >= stab->key) {
        stab_keys_below(stab, node->left);
        if (node->first > stab->key) return;  // nor do those to its right begin by then
        if (node->last >= stab->key && !node->is_void) stab->visit(stab->user, node);
        node = node->right;
    }
}
