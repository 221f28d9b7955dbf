// replay_batch.h - commits on their way from a segment to a store, some at a time: what each of them will look at is
// fetched while the ones before it are applied.
//
// Threads    one owner.
// Lifetime   commits in it are valid until replay_batch_clear.
#pragma once

#include "log/segment.h"
#include "store/store.h"

#define REPLAY_BATCH_COMMITS 64u
#define REPLAY_BATCH_BYTES 65536u

typedef struct ReplayBatch {
    SegmentCommit commits[REPLAY_BATCH_COMMITS];
    uint32_t count;
    uint32_t bytes;
    uint8_t *memory;  // REPLAY_BATCH_BYTES
} ReplayBatch;

void replay_batch_init(ReplayBatch *batch);
void replay_batch_done(ReplayBatch *batch);
void replay_batch_clear(ReplayBatch *batch);
// Copies the commit; false if it does not fit.
bool replay_batch_add(ReplayBatch *batch, const SegmentCommit *commit);
// Tells the store which rows come.
void replay_batch_hint(const ReplayBatch *batch, Store *store);
