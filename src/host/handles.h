// handles.h - what a module holds by number: byte sources and sinks of a call, row iterators and timers of an
// instance. Private to host/.
//
// Threads    those of their instance.
// Lifetime   sources and sinks until the call ends; row iterators and timers until ended or until the instance
//            goes (module-abi.md 1.4).
// Limits     MODULE_BYTES_SOURCES_MAX, MODULE_SOURCES_OWNED_BYTES_MAX, MODULE_SINK_BYTES_MAX, MODULE_ROW_ITER*, MODULE_TIMERS_MAX.
#pragma once

#include "base/limits.h"
#include "base/vec.h"

// ---- byte sources ----

typedef struct ByteSource {
    uint32_t id;
    Bytes rest;      // not yet read; borrowed for the call, or in `owned`
    uint8_t *owned;  // freed with the source; NULL: borrowed
    uint32_t owned_count;
} ByteSource;

typedef struct ByteSources {
    ByteSource items[MODULE_BYTES_SOURCES_MAX];  // the open ones, in no order
    uint32_t count;
    uint32_t last_id;
    uint64_t owned_bytes;  // of all
} ByteSources;

// The handle, never 0; 0 if too many are open. The bytes may be empty.
uint32_t byte_sources_open(ByteSources *sources, Bytes bytes);
// Takes the buffer's memory, which is the caller's again if the answer is 0: too many are open, or they would own
// more than MODULE_SOURCES_OWNED_BYTES_MAX.
uint32_t byte_sources_open_owned(ByteSources *sources, Buffer *buffer);
ByteSource *byte_sources_find(ByteSources *sources, uint32_t id);  // NULL if unknown
void byte_sources_close(ByteSources *sources, ByteSource *source);
void byte_sources_clear(ByteSources *sources);  // numbering starts at 1 again
// Those that were opened since last_id was this.
void byte_sources_close_newer(ByteSources *sources, uint32_t last_id);

// ---- byte sinks ----

#define BYTE_SINKS_MAX \
    3u  // an HTTP handler's response and its body, and a view that its commit refreshes

typedef struct ByteSinks {
    Buffer items[BYTE_SINKS_MAX];  // handle - 1
    uint32_t count;                // open ones
} ByteSinks;

void byte_sinks_init(ByteSinks *sinks);
void byte_sinks_done(ByteSinks *sinks);
uint32_t byte_sinks_open(ByteSinks *sinks);              // empties it
Buffer *byte_sinks_find(ByteSinks *sinks, uint32_t id);  // NULL if unknown
// Ends all handles but the first `count`; what was written stays until a sink is opened in their place.
void byte_sinks_close(ByteSinks *sinks, uint32_t count);
// What was written to a handle, which may have ended.
Bytes byte_sinks_written(const ByteSinks *sinks, uint32_t id);

// ---- row iterators ----

typedef struct RowChunk RowChunk;
struct RowChunk {
    RowChunk *next;
    uint32_t count;
    uint32_t capacity;
    uint8_t data[];
};

typedef struct RowIter {
    RowChunk *first;  // NULL: at the end
    uint32_t next_free;
    bool is_open;
} RowIter;

VEC(RowIterVec, row_iter_vec, RowIter)

typedef struct RowIters {
    RowIterVec slots;  // handle - 1
    uint32_t free;     // handle of the most recently closed slot; 0: none
    uint32_t open_count;
    uint64_t bytes;  // in chunks that iterators hold
    RowChunk *pool;
    uint32_t pool_count;
} RowIters;

void row_iters_done(RowIters *iters);
RowIter *row_iters_find(RowIters *iters, uint32_t handle);  // NULL if unknown
void row_iters_close(RowIters *iters, uint32_t handle);

// Collects rows into chunks that close once they are longer than MODULE_ROW_CHUNK_BYTES.
typedef struct RowWriter {
    RowIters *iters;
    RowChunk *first;
    RowChunk **last;  // the link to the chunk that is being filled
} RowWriter;

void row_writer_init(RowWriter *writer, RowIters *iters);
// False if the instance's iterators would hold more than MODULE_ROW_ITER_BYTES_MAX.
bool row_writer_add(RowWriter *writer, Bytes row);
void row_writer_drop(RowWriter *writer);
// The handle of an iterator over what was collected; 0 if MODULE_ROW_ITERS_MAX are open (then it is dropped).
uint32_t row_writer_finish(RowWriter *writer);

typedef enum RowIterStep {
    ROW_ITER_MORE,
    ROW_ITER_END,        // the iterator is closed
    ROW_ITER_TOO_SMALL,  // *ret_count is what the next chunk needs
} RowIterStep;

// Copies as many whole chunks as fit.
RowIterStep row_iters_advance(RowIters *iters, uint32_t handle, uint8_t *buffer, uint32_t capacity,
                              uint32_t *ret_count);

// ---- timers ----

typedef struct Timer {
    uint8_t *name;  // NULL: free
    uint32_t name_count;
    uint32_t next_free;
    int64_t start_nanos;
} Timer;

VEC(TimerVec, timer_vec, Timer)

typedef struct Timers {
    TimerVec slots;  // handle - 1
    uint32_t free;
    uint32_t open_count;
} Timers;

void timers_done(Timers *timers);
// Copies the name. The handle; 0 if MODULE_TIMERS_MAX are open.
uint32_t timers_open(Timers *timers, Bytes name, int64_t now_nanos);
Timer *timers_find(Timers *timers, uint32_t handle);  // NULL if unknown
void timers_close(Timers *timers, uint32_t handle);
