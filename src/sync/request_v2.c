// request_v2.c - client messages of protocols v2 and v3.

#include "sync/message_types.h"
#include "sync/request.h"

typedef enum MessageTag {
    TAG_SUBSCRIBE,
    TAG_UNSUBSCRIBE,
    TAG_ONE_OFF,
    TAG_CALL_REDUCER,
    TAG_CALL_PROCEDURE,
    TAG_SUBSCRIBE_BATCH,
} MessageTag;

static const RequestKind KINDS[] = {
    [TAG_SUBSCRIBE] = REQUEST_SUBSCRIBE,
    [TAG_UNSUBSCRIBE] = REQUEST_UNSUBSCRIBE,
    [TAG_ONE_OFF] = REQUEST_ONE_OFF,
    [TAG_CALL_REDUCER] = REQUEST_CALL_REDUCER,
    [TAG_CALL_PROCEDURE] = REQUEST_CALL_PROCEDURE,
    [TAG_SUBSCRIBE_BATCH] = REQUEST_SUBSCRIBE_BATCH,
};

#define BATCH_SET_BYTES_MIN 8u

static void read_fields(Reader *reader, MessageTag tag, Arena *arena, Request *request);
static void read_batch(Reader *reader, Arena *arena, Request *request);
static Status check(MessageTag tag, const Request *request, Error *error);

Status request_v2_read(Reader *reader, Arena *arena, Request *ret_request, Error *error) {
    Bytes message = bytes_of(reader->at, reader_left(reader));
    Request request = {0};
    uint8_t tag = reader_u8(reader);
    if (tag > TAG_SUBSCRIBE_BATCH) {
        return error_set(error, STATUS_INVALID, "unknown tag 0x%x for sum type ClientMessage", tag);
    }
    static_assert(sizeof KINDS / sizeof KINDS[0] == TAG_SUBSCRIBE_BATCH + 1, "a kind for each tag");
    request.kind = KINDS[tag];
    request.request_id = reader_u32(reader);
    read_fields(reader, (MessageTag)tag, arena, &request);
    if (!reader_ok(reader)) return request_malformed(&V2_CLIENT_MESSAGE, message, error);
    Status status = check((MessageTag)tag, &request, error);
    if (status == STATUS_OK) *ret_request = request;
    return status;
}

static void read_fields(Reader *reader, MessageTag tag, Arena *arena, Request *request) {
    switch (tag) {
    case TAG_SUBSCRIBE: {
        RequestSet *set = request_add_set(arena, request);
        set->query_set_id = reader_u32(reader);
        request_read_queries(reader, arena, set);
        return;
    }
    case TAG_UNSUBSCRIBE:
        request_add_set(arena, request)->query_set_id = reader_u32(reader);
        request->flags = reader_u8(reader);
        return;
    case TAG_ONE_OFF: request->query = reader_string(reader); return;
    case TAG_CALL_REDUCER:
    case TAG_CALL_PROCEDURE:
        request->flags = reader_u8(reader);
        request->function = reader_string(reader);
        request->args = reader_bytes(reader);
        return;
    case TAG_SUBSCRIBE_BATCH: read_batch(reader, arena, request); return;
    }
    UNREACHABLE();
}

static void read_batch(Reader *reader, Arena *arena, Request *request) {
    uint32_t count = reader_count(reader, BATCH_SET_BYTES_MIN);
    RequestSet *sets = ARENA_ARRAY(arena, RequestSet, count);
    for (uint32_t i = 0; i < count && reader_ok(reader); i++) {
        sets[i].query_set_id = reader_u32(reader);
        request_read_queries(reader, arena, &sets[i]);
    }
    request->sets = sets;
    request->set_count = count;
}

static Status check(MessageTag tag, const Request *request, Error *error) {
    if (tag == TAG_UNSUBSCRIBE && request->flags > 1) {
        return error_set(error, STATUS_INVALID, "unknown tag 0x%x for sum type UnsubscribeFlags",
                         request->flags);
    }
    if (tag == TAG_CALL_REDUCER && request->flags != 0) {
        return error_set(error, STATUS_INVALID, "invalid call reducer flag %u", request->flags);
    }
    if (tag == TAG_CALL_PROCEDURE && request->flags != 0) {
        return error_set(error, STATUS_INVALID, "invalid call procedure flag %u", request->flags);
    }
    // Each set is answered, if only with an error text: the answer must stay within bounds, too.
    if (tag == TAG_SUBSCRIBE_BATCH && request->set_count > CLIENT_QUERY_SETS_MAX) {
        return error_set(error, STATUS_INVALID, "SubscribeBatch: more than %u query sets",
                         CLIENT_QUERY_SETS_MAX);
    }
    return STATUS_OK;
}
