// replay_batch.c - see replay_batch.h.
//
// Records of a batch are walked ahead of their turn, with the types that tables have now. A transaction within the
// batch may change them: then what is found here is wrong, and no harm is done.
#include "log/replay_batch.h"

#include "log/txdata.h"

#define HINT_ROWS_MAX 512u

void replay_batch_init(ReplayBatch *batch) {
    *batch = (ReplayBatch){.memory = mem_alloc(REPLAY_BATCH_BYTES)};
}

void replay_batch_done(ReplayBatch *batch) {
    mem_free(batch->memory);
    batch->memory = NULL;
}

void replay_batch_clear(ReplayBatch *batch) {
    batch->count = 0;
    batch->bytes = 0;
}

bool replay_batch_add(ReplayBatch *batch, const SegmentCommit *commit) {
    uint32_t bytes = commit->records.count;
    if (batch->count == REPLAY_BATCH_COMMITS || bytes > REPLAY_BATCH_BYTES - batch->bytes) {
        return false;
    }
    uint8_t *copy = batch->memory + batch->bytes;
    if (bytes > 0) memcpy(copy, commit->records.data, bytes);
    SegmentCommit *added = &batch->commits[batch->count++];
    *added = *commit;
    added->records = bytes_of(copy, bytes);
    batch->bytes += bytes;
    return true;
}

void replay_batch_hint(const ReplayBatch *batch, Store *store) {
    TxdataRow rows[HINT_ROWS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count && count < HINT_ROWS_MAX; i++) {
        count += txdata_rows(batch->commits[i].records, store, rows + count, HINT_ROWS_MAX - count);
    }
    for (uint32_t i = 0; i < count; i++) {
        store_replay_hint(store, rows[i].table, rows[i].bytes, REPLAY_HINT_PLACE);
    }
    for (uint32_t i = 0; i < count; i++) {
        store_replay_hint(store, rows[i].table, rows[i].bytes, REPLAY_HINT_ROW);
    }
}
