// estimate.h - how many rows an access will find, by looking at a few of them.
//
// Guesses: they decide on speed only. Every look is bounded, so that planning stays cheap whatever
// the tables hold. A unique index is never walked: its order would have to be built first.
//
// Threads    the executor.
// Lifetime   an Estimates is good for the building of one query.
#pragma once

#include "store/store.h"

#define ESTIMATE_INDEXES_MAX 64u

typedef struct Estimate {
    IndexId index;
    double rows;
} Estimate;

struct Estimates {
    Estimate per_key[ESTIMATE_INDEXES_MAX];  // what was found out already
    uint32_t count;
};
typedef struct Estimates Estimates;

// Rows with one key, on average.
double estimate_per_key(Estimates *estimates, const Index *index);
// Rows with this key.
double estimate_point(Estimates *estimates, const Index *index, Bytes key);
// Rows in this range.
double estimate_range(Estimates *estimates, const Index *index, const IndexRange *range);
// Different keys of an index. Exact if the table has no more than rows_max rows; else as if all of
// it were like the first rows_max.
uint64_t estimate_distinct(const Index *index, uint64_t rows_max);
