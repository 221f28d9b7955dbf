// intervals.h - intervals over the values of one column: which of them contain a value?
//
// A treap ordered by lower ends; each node knows how far the intervals of its subtree reach, so a search enters no
// part of the tree where nothing can be found. Values of most types become numbers first.
//
// Threads    one owner.
// Lifetime   an interval is its owner's memory, and so are the bytes of its bounds; it is removed before it goes.
#pragma once

#include "store/store.h"

typedef struct Interval {
    Bound lower;  // set by the owner before it is added; at least one has a value
    Bound upper;  // may lie below `lower`: then it contains nothing
    // ---- of the tree ----
    struct Interval *left;
    struct Interval *right;
    // Of types whose values have keys: what a search looks at.
    uint64_t first;  // key contained
    uint64_t last;
    uint64_t reach;  // the greatest `last` of the subtree
    bool is_void;    // an end excludes the least or the greatest key: it contains nothing
    const struct Interval *furthest;  // of the subtree, by its upper end
    uint64_t priority;                // a parent's is at least its children's
} Interval;

typedef struct Intervals {
    Type type;      // of the values; its parts live as long as the process
    bool has_keys;  // numbers of up to 64 bits, and times: values have keys in the same order
    Interval *root;
    uint32_t count;
    uint64_t serial;  // of intervals ever added
} Intervals;

// Can there be intervals over this type? Those of plain columns and texts can: the schema that it belongs to may
// go, the intervals stay.
bool intervals_take_type(const Type *type);
void intervals_init(Intervals *intervals, const Type *type);  // such a one
// The interval with these ends, or NULL.
Interval *intervals_find(const Intervals *intervals, const Bound *lower, const Bound *upper);
// No equal one may be there.
void intervals_add(Intervals *intervals, Interval *interval);
void intervals_remove(Intervals *intervals, Interval *interval);

typedef void (*IntervalVisit)(void *user, Interval *interval);
// Visits those that contain the value (BSATN, checked), by their lower ends.
//
// Cost  O(log n) for each one found
void intervals_stab(const Intervals *intervals, const uint8_t *value, IntervalVisit visit,
                    void *user);
