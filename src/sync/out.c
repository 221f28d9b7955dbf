// out.c - messages on their way out: small ones share slabs, large ones stand alone.
//
// A slab is written by the executor and read by net threads, which only look at slices handed to them before;
// the slab's own count is the executor's.

#include "base/gate.h"
#include "sync/client.h"
#include "sync/message_v1.h"

// Small enough that a slow client pins little, large enough for hundreds of results.
#define SLAB_BYTES (64u << 10)
#define SLAB_MESSAGE_BYTES_MAX (8u << 10)

static SharedSlice put_into_slab(Sync *sync, Bytes message);

SharedSlice sync_take_message(Sync *sync, Format format) {
    ASSERT(!sync->message.failed);
    Bytes message = buffer_bytes(&sync->message);
    if (format == FORMAT_V1_JSON) {
        buffer_clear(&sync->text);
        v1_message_to_json(message, &sync->text);
        ASSERT(!sync->text.failed);
        message = buffer_bytes(&sync->text);
    }
    ASSERT(message.count > 0);
    SharedSlice slice;
    if (message.count > SLAB_MESSAGE_BYTES_MAX) {
        slice = (SharedSlice){shared_buf_of(message), 0, message.count};
    } else {
        slice = put_into_slab(sync, message);
    }
    buffer_clear(&sync->message);
    return slice;
}

static SharedSlice put_into_slab(Sync *sync, Bytes message) {
    if (sync->slab == NULL || sync->slab->capacity - sync->slab->count < message.count) {
        shared_buf_unref(sync->slab);
        sync->slab = shared_buf_create(SLAB_BYTES);
    }
    SharedSlice slice = {shared_buf_ref(sync->slab), sync->slab->count, message.count};
    memcpy(sync->slab->data + slice.at, message.data, message.count);
    sync->slab->count += message.count;
    ASSERT(sync->slab->count <= sync->slab->capacity);
    return slice;
}

void sync_send(Sync *sync, const SyncClient *client, SharedSlice slice, uint64_t ticket) {
    ASSERT(slice.buf != NULL);
    client->cost->messages++;
    client->cost->bytes += slice.count;
    sync->output.send(sync->output.user, client->options.connection, slice,
                      client->options.confirmed ? ticket : TICKET_NONE);
}

void sync_send_message(Sync *sync, const SyncClient *client, uint64_t ticket) {
    sync_send(sync, client, sync_take_message(sync, client->format), ticket);
}

bool sync_is_too_large(const Sync *sync) {
    return sync->message.failed || sync->message.count > sync->output.message_bytes_max;
}

void sync_rewind_message(Sync *sync, size_t count) {
    ASSERT(count <= sync->message.count);
    sync->message.count = count;
    sync->message.failed = false;
}
