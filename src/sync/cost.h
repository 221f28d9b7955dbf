// cost.h - what live queries cost: counted as commits are told, answered to owners.
//
// Reading a clock is a good part of what a small delta costs. So it is read once for some of them, and what
// passed meanwhile is shared out by the rows that they looked at and delivered.
//
// Threads    the executor.
// Lifetime   a QueryCost counts as long as its query is held by somebody; a ClientCost while it is connected.
#pragma once

#include <stdint.h>

typedef struct QueryCost {
    uint64_t evaluations;  // deltas of its fragments
    uint64_t scanned;      // rows looked at
    uint64_t rows;         // that came and went, once however many wait for them
    uint64_t rows_sent;    // and to each of those who do
    uint64_t bytes_sent;   // of these rows
    uint64_t nanos;        // of computing and encoding deltas
} QueryCost;

typedef struct ClientCost {
    uint64_t messages;  // of all kinds
    uint64_t bytes;     // before compression
    uint64_t rows;      // in and out, by commits
} ClientCost;

#define COST_SHARES_MAX 16u

// Deltas since the clock was read last.
typedef struct CostClock {
    int64_t read_nanos;
    uint64_t weight;  // of all shares
    uint32_t count;
    QueryCost *costs[COST_SHARES_MAX];
    uint64_t weights[COST_SHARES_MAX];
} CostClock;
