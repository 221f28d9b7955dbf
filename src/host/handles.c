// handles.c - small arrays that are searched or indexed by handle. A slab reuses the slot that was freed last,
// as upstream's does: modules do not depend on it, but transcripts of their logs would show it.
//
// Chunks of row iterators come from a pool: on the steady path a scan allocates nothing. A chunk for one large
// row is made to measure and freed when it has been read.
#include "host/handles.h"

// Room for the row that makes a chunk longer than MODULE_ROW_CHUNK_BYTES, if it is a small one.
#define CHUNK_CAPACITY (MODULE_ROW_CHUNK_BYTES + 4096u)
// A sink's memory above this is given back when the sink is opened again.
#define SINK_KEPT_BYTES_MAX (1u << 20)

static RowChunk *chunk_take(RowIters *iters, uint32_t capacity);
static void chunk_release(RowIters *iters, RowChunk *chunk);
static void chunks_release(RowIters *iters, RowChunk *first);

// ---- byte sources ----

uint32_t byte_sources_open(ByteSources *sources, Bytes bytes) {
    if (sources->count == MODULE_BYTES_SOURCES_MAX || sources->last_id == UINT32_MAX) return 0;
    sources->items[sources->count++] = (ByteSource){.id = ++sources->last_id, .rest = bytes};
    return sources->last_id;
}

uint32_t byte_sources_open_owned(ByteSources *sources, Buffer *buffer) {
    ASSERT(!buffer->failed);
    if (buffer->count > MODULE_SOURCES_OWNED_BYTES_MAX - sources->owned_bytes) return 0;
    uint32_t id = byte_sources_open(sources, buffer_bytes(buffer));
    if (id == 0) return 0;
    ByteSource *source = &sources->items[sources->count - 1];
    size_t count = 0;
    source->owned = buffer_take(buffer, &count);
    source->owned_count = (uint32_t)count;
    source->rest.data = source->owned;
    sources->owned_bytes += count;
    return id;
}

ByteSource *byte_sources_find(ByteSources *sources, uint32_t id) {
    for (uint32_t i = sources->count; i-- > 0;) {
        if (sources->items[i].id == id) return &sources->items[i];
    }
    return NULL;
}

void byte_sources_close(ByteSources *sources, ByteSource *source) {
    ASSERT(sources->count > 0);
    if (__builtin_expect(source->owned != NULL, 0)) {
        ASSERT(sources->owned_bytes >= source->owned_count);
        sources->owned_bytes -= source->owned_count;
        mem_free(source->owned);
    }
    *source = sources->items[--sources->count];
}

void byte_sources_clear(ByteSources *sources) {
    while (sources->count > 0) byte_sources_close(sources, &sources->items[sources->count - 1]);
    sources->last_id = 0;
}

void byte_sources_close_newer(ByteSources *sources, uint32_t last_id) {
    for (uint32_t i = sources->count; i-- > 0;) {
        if (sources->items[i].id > last_id) byte_sources_close(sources, &sources->items[i]);
    }
}

// ---- byte sinks ----

void byte_sinks_init(ByteSinks *sinks) {
    *sinks = (ByteSinks){0};
    for (uint32_t i = 0; i < BYTE_SINKS_MAX; i++)
        buffer_init(&sinks->items[i], MODULE_SINK_BYTES_MAX);
}

void byte_sinks_done(ByteSinks *sinks) {
    for (uint32_t i = 0; i < BYTE_SINKS_MAX; i++) buffer_done(&sinks->items[i]);
}

uint32_t byte_sinks_open(ByteSinks *sinks) {
    ASSERT(sinks->count < BYTE_SINKS_MAX);
    Buffer *sink = &sinks->items[sinks->count];
    if (sink->capacity > SINK_KEPT_BYTES_MAX) {
        buffer_done(sink);
        buffer_init(sink, MODULE_SINK_BYTES_MAX);
    }
    buffer_clear(sink);
    return ++sinks->count;
}

Buffer *byte_sinks_find(ByteSinks *sinks, uint32_t id) {
    return id - 1 < sinks->count ? &sinks->items[id - 1] : NULL;  // 0 wraps to the largest number
}

void byte_sinks_close(ByteSinks *sinks, uint32_t count) {
    ASSERT(count <= sinks->count);
    sinks->count = count;
}

Bytes byte_sinks_written(const ByteSinks *sinks, uint32_t id) {
    ASSERT(id > 0 && id <= BYTE_SINKS_MAX);
    return buffer_bytes(&sinks->items[id - 1]);
}

// ---- row iterators ----

void row_iters_done(RowIters *iters) {
    for (uint32_t i = 0; i < iters->slots.count; i++) {
        if (iters->slots.items[i].is_open) chunks_release(iters, iters->slots.items[i].first);
    }
    while (iters->pool) {
        RowChunk *chunk = iters->pool;
        iters->pool = chunk->next;
        mem_free(chunk);
    }
    row_iter_vec_done(&iters->slots);
    *iters = (RowIters){0};
}

RowIter *row_iters_find(RowIters *iters, uint32_t handle) {
    if (handle - 1 >= iters->slots.count) return NULL;
    RowIter *iter = &iters->slots.items[handle - 1];
    return iter->is_open ? iter : NULL;
}

void row_iters_close(RowIters *iters, uint32_t handle) {
    RowIter *iter = row_iters_find(iters, handle);
    ASSERT(iter != NULL);
    chunks_release(iters, iter->first);
    *iter = (RowIter){.next_free = iters->free};
    iters->free = handle;
    iters->open_count--;
}

void row_writer_init(RowWriter *writer, RowIters *iters) {
    *writer = (RowWriter){.iters = iters};
    writer->last = &writer->first;
}

bool row_writer_add(RowWriter *writer, Bytes row) {
    RowChunk *chunk = *writer->last;
    if (chunk && chunk->count > MODULE_ROW_CHUNK_BYTES) {
        writer->last = &chunk->next;
        chunk = NULL;
    }
    uint32_t count = chunk ? chunk->count : 0;
    if (!chunk || chunk->capacity - count < row.count) {
        uint64_t needed = (uint64_t)count + row.count;
        if (needed > UINT32_MAX || writer->iters->bytes + needed > MODULE_ROW_ITER_BYTES_MAX)
            return false;
        RowChunk *larger = chunk_take(writer->iters, (uint32_t)needed);
        if (chunk) {
            memcpy(larger->data, chunk->data, count);
            chunk_release(writer->iters, chunk);
        }
        larger->count = count;
        chunk = *writer->last = larger;
    }
    if (row.count > 0) memcpy(chunk->data + count, row.data, row.count);
    chunk->count = count + row.count;
    return true;
}

void row_writer_drop(RowWriter *writer) {
    chunks_release(writer->iters, writer->first);
    row_writer_init(writer, writer->iters);
}

uint32_t row_writer_finish(RowWriter *writer) {
    RowIters *iters = writer->iters;
    uint32_t handle = iters->free;
    if (handle != 0) {
        iters->free = iters->slots.items[handle - 1].next_free;
    } else if (iters->slots.count < MODULE_ROW_ITERS_MAX) {
        row_iter_vec_push(&iters->slots, (RowIter){0});
        handle = iters->slots.count;
    } else {
        row_writer_drop(writer);
        return 0;
    }
    iters->slots.items[handle - 1] = (RowIter){.first = writer->first, .is_open = true};
    iters->open_count++;
    return handle;
}

RowIterStep row_iters_advance(RowIters *iters, uint32_t handle, uint8_t *buffer, uint32_t capacity,
                              uint32_t *ret_count) {
    RowIter *iter = row_iters_find(iters, handle);
    ASSERT(iter != NULL);
    uint32_t count = 0;
    while (iter->first && iter->first->count <= capacity - count) {
        RowChunk *chunk = iter->first;
        memcpy(buffer + count, chunk->data, chunk->count);
        count += chunk->count;
        iter->first = chunk->next;
        chunk_release(iters, chunk);
    }
    *ret_count = count;
    if (!iter->first) {
        row_iters_close(iters, handle);
        return ROW_ITER_END;
    }
    if (count > 0) return ROW_ITER_MORE;
    *ret_count = iter->first->count;
    return ROW_ITER_TOO_SMALL;
}

static RowChunk *chunk_take(RowIters *iters, uint32_t capacity) {
    RowChunk *chunk = iters->pool;
    if (capacity <= CHUNK_CAPACITY && chunk) {
        iters->pool = chunk->next;
        iters->pool_count--;
    } else {
        if (capacity < CHUNK_CAPACITY) capacity = CHUNK_CAPACITY;
        chunk = mem_alloc(sizeof *chunk + capacity);
        chunk->capacity = capacity;
    }
    chunk->next = NULL;
    chunk->count = 0;
    iters->bytes += chunk->capacity;
    return chunk;
}

static void chunk_release(RowIters *iters, RowChunk *chunk) {
    ASSERT(iters->bytes >= chunk->capacity);
    iters->bytes -= chunk->capacity;
    if (chunk->capacity != CHUNK_CAPACITY || iters->pool_count == MODULE_ROW_CHUNKS_KEPT_MAX) {
        mem_free(chunk);
        return;
    }
    chunk->next = iters->pool;
    iters->pool = chunk;
    iters->pool_count++;
}

static void chunks_release(RowIters *iters, RowChunk *first) {
    while (first) {
        RowChunk *chunk = first;
        first = chunk->next;
        chunk_release(iters, chunk);
    }
}

// ---- timers ----

void timers_done(Timers *timers) {
    for (uint32_t i = 0; i < timers->slots.count; i++) mem_free(timers->slots.items[i].name);
    timer_vec_done(&timers->slots);
    *timers = (Timers){0};
}

uint32_t timers_open(Timers *timers, Bytes name, int64_t now_nanos) {
    if (timers->open_count == MODULE_TIMERS_MAX) return 0;
    uint32_t handle = timers->free;
    if (handle != 0) {
        timers->free = timers->slots.items[handle - 1].next_free;
    } else {
        timer_vec_push(&timers->slots, (Timer){0});
        handle = timers->slots.count;
    }
    Timer *timer = &timers->slots.items[handle - 1];
    *timer = (Timer){.name = mem_alloc((size_t)name.count + 1),
                     .name_count = name.count,
                     .start_nanos = now_nanos};
    if (name.count > 0) memcpy(timer->name, name.data, name.count);
    timers->open_count++;
    return handle;
}

Timer *timers_find(Timers *timers, uint32_t handle) {
    if (handle - 1 >= timers->slots.count) return NULL;
    Timer *timer = &timers->slots.items[handle - 1];
    return timer->name ? timer : NULL;
}

void timers_close(Timers *timers, uint32_t handle) {
    Timer *timer = timers_find(timers, handle);
    ASSERT(timer != NULL);
    mem_free(timer->name);
    *timer = (Timer){.next_free = timers->free};
    timers->free = handle;
    timers->open_count--;
}
