// request_v1.c - client messages of protocol v1.

#include "sync/message_types.h"
#include "sync/request.h"

typedef enum MessageTag {
    TAG_CALL_REDUCER,
    TAG_SUBSCRIBE,
    TAG_ONE_OFF,
    TAG_SUBSCRIBE_SINGLE,
    TAG_SUBSCRIBE_MULTI,
    TAG_UNSUBSCRIBE,
    TAG_UNSUBSCRIBE_MULTI,
    TAG_CALL_PROCEDURE,
} MessageTag;

static const RequestKind KINDS[] = {
    [TAG_CALL_REDUCER] = REQUEST_CALL_REDUCER,
    [TAG_SUBSCRIBE] = REQUEST_SUBSCRIBE_LEGACY,
    [TAG_ONE_OFF] = REQUEST_ONE_OFF,
    [TAG_SUBSCRIBE_SINGLE] = REQUEST_SUBSCRIBE_SINGLE,
    [TAG_SUBSCRIBE_MULTI] = REQUEST_SUBSCRIBE_MULTI,
    [TAG_UNSUBSCRIBE] = REQUEST_UNSUBSCRIBE_SINGLE,
    [TAG_UNSUBSCRIBE_MULTI] = REQUEST_UNSUBSCRIBE_MULTI,
    [TAG_CALL_PROCEDURE] = REQUEST_CALL_PROCEDURE,
};

static void read_fields(Reader *reader, MessageTag tag, Arena *arena, Request *request);
static Status check_flags(MessageTag tag, uint8_t flags, Error *error);

Status request_v1_read(Reader *reader, Arena *arena, Request *ret_request, Error *error) {
    Bytes message = bytes_of(reader->at, reader_left(reader));
    Request request = {0};
    uint8_t tag = reader_u8(reader);
    if (tag > TAG_CALL_PROCEDURE) {
        return error_set(error, STATUS_INVALID, "unknown tag 0x%x for sum type ClientMessage", tag);
    }
    static_assert(sizeof KINDS / sizeof KINDS[0] == TAG_CALL_PROCEDURE + 1, "a kind for each tag");
    request.kind = KINDS[tag];
    read_fields(reader, (MessageTag)tag, arena, &request);
    if (!reader_ok(reader)) return request_malformed(&V1_CLIENT_MESSAGE, message, error);
    Status status = check_flags((MessageTag)tag, request.flags, error);
    if (status == STATUS_OK) *ret_request = request;
    return status;
}

static void read_fields(Reader *reader, MessageTag tag, Arena *arena, Request *request) {
    switch (tag) {
    case TAG_CALL_REDUCER:
    case TAG_CALL_PROCEDURE:
        request->function = reader_string(reader);
        request->args = reader_bytes(reader);
        request->request_id = reader_u32(reader);
        request->flags = reader_u8(reader);
        return;
    case TAG_ONE_OFF:
        request->message_id = reader_bytes(reader);
        request->query = reader_string(reader);
        return;
    case TAG_SUBSCRIBE:
        request_read_queries(reader, arena, request_add_set(arena, request));
        request->request_id = reader_u32(reader);
        return;
    case TAG_SUBSCRIBE_SINGLE: {
        RequestSet *set = request_add_set(arena, request);
        Bytes *query = ARENA_NEW(arena, Bytes);
        *query = reader_string(reader);
        set->queries = query;
        set->query_count = 1;
        request->request_id = reader_u32(reader);
        set->query_set_id = reader_u32(reader);
        return;
    }
    case TAG_SUBSCRIBE_MULTI: {
        RequestSet *set = request_add_set(arena, request);
        request_read_queries(reader, arena, set);
        request->request_id = reader_u32(reader);
        set->query_set_id = reader_u32(reader);
        return;
    }
    case TAG_UNSUBSCRIBE:
    case TAG_UNSUBSCRIBE_MULTI:
        request->request_id = reader_u32(reader);
        request_add_set(arena, request)->query_set_id = reader_u32(reader);
        return;
    }
    UNREACHABLE();
}

static Status check_flags(MessageTag tag, uint8_t flags, Error *error) {
    if (tag == TAG_CALL_REDUCER && flags > 1) {
        return error_set(error, STATUS_INVALID, "invalid call reducer flag %u", flags);
    }
    if (tag == TAG_CALL_PROCEDURE && flags != 0) {
        return error_set(error, STATUS_INVALID, "invalid call procedure flag %u", flags);
    }
    return STATUS_OK;
}
