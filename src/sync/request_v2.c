// request_v2.c - client messages of protocols v2 and v3 (websocket.md 5.1 and 6, since-2.8.md 3.1).
//
// v3 puts any number of v2 messages back to back into one WebSocket message; v2 has one and ignores what
// follows it.

#include "sync/sync.h"

typedef enum MessageTag {
    TAG_SUBSCRIBE,
    TAG_UNSUBSCRIBE,
    TAG_ONE_OFF,
    TAG_CALL_REDUCER,
    TAG_CALL_PROCEDURE,
    TAG_SUBSCRIBE_BATCH,
} MessageTag;

#define STRING_BYTES_MIN 4u
#define BATCH_SET_BYTES_MIN 8u

static Status read_message(Reader *reader, Arena *arena, Request *request, Error *error);
static void read_queries(Reader *reader, Arena *arena, RequestSet *ret_set);
static void read_one_set(Reader *reader, Arena *arena, Request *request);
static void read_batch(Reader *reader, Arena *arena, Request *request);
static Status read_call(Reader *reader, Request *request, const char *what, Error *error);

Status request_read(Protocol protocol, MessageForm form, Reader *message, Arena *arena, Request *ret_request,
                    bool *ret_is_last, Error *error) {
    ASSERT(!protocol_is_v1(protocol));
    const char *version = protocol == PROTOCOL_V3 ? "v3" : "v2";
    if (form == MESSAGE_TEXT) {
        return error_set(error, STATUS_INVALID, "%s websocket does not support text messages", version);
    }
    if (protocol == PROTOCOL_V3 && reader_left(message) == 0) {
        return error_set(error, STATUS_INVALID,
                         "v3 websocket binary payload must contain at least one v2 client message");
    }
    Request request = {0};
    Status status = read_message(message, arena, &request, error);
    if (status != STATUS_OK) return status;
    if (!reader_ok(message)) {
        return error_set(error, STATUS_INVALID, "the message is cut short or holds invalid utf8");
    }
    *ret_is_last = protocol == PROTOCOL_V2 || reader_left(message) == 0;
    *ret_request = request;
    return STATUS_OK;
}

static Status read_message(Reader *reader, Arena *arena, Request *request, Error *error) {
    uint8_t tag = reader_u8(reader);
    if (!reader_ok(reader)) {
        return error_set(error, STATUS_INVALID, "data too short for u8: Expected 1, given 0");
    }
    if (tag > TAG_SUBSCRIBE_BATCH) {
        return error_set(error, STATUS_INVALID, "unknown tag 0x%x for sum type ClientMessage", tag);
    }
    request->request_id = reader_u32(reader);
    switch ((MessageTag)tag) {
        case TAG_SUBSCRIBE:
            request->kind = REQUEST_SUBSCRIBE;
            read_one_set(reader, arena, request);
            return STATUS_OK;
        case TAG_UNSUBSCRIBE: {
            request->kind = REQUEST_UNSUBSCRIBE;
            RequestSet *set = ARENA_NEW(arena, RequestSet);
            set->query_set_id = reader_u32(reader);
            request->sets = set;
            request->set_count = 1;
            request->flags = reader_u8(reader);
            if (request->flags <= 1) return STATUS_OK;
            return error_set(error, STATUS_INVALID, "unknown tag 0x%x for sum type UnsubscribeFlags",
                             request->flags);
        }
        case TAG_ONE_OFF:
            request->kind = REQUEST_ONE_OFF;
            request->query = reader_string(reader);
            return STATUS_OK;
        case TAG_CALL_REDUCER:
            request->kind = REQUEST_CALL_REDUCER;
            return read_call(reader, request, "reducer", error);
        case TAG_CALL_PROCEDURE:
            request->kind = REQUEST_CALL_PROCEDURE;
            return read_call(reader, request, "procedure", error);
        case TAG_SUBSCRIBE_BATCH:
            request->kind = REQUEST_SUBSCRIBE_BATCH;
            read_batch(reader, arena, request);
            return STATUS_OK;
    }
    UNREACHABLE();
}

static Status read_call(Reader *reader, Request *request, const char *what, Error *error) {
    request->flags = reader_u8(reader);
    request->function = reader_string(reader);
    request->args = reader_bytes(reader);
    if (request->flags == 0) return STATUS_OK;
    return error_set(error, STATUS_INVALID, "invalid call %s flag %u", what, request->flags);
}

static void read_one_set(Reader *reader, Arena *arena, Request *request) {
    RequestSet *set = ARENA_NEW(arena, RequestSet);
    set->query_set_id = reader_u32(reader);
    read_queries(reader, arena, set);
    request->sets = set;
    request->set_count = 1;
}

static void read_queries(Reader *reader, Arena *arena, RequestSet *ret_set) {
    uint32_t count = reader_count(reader, STRING_BYTES_MIN);
    Bytes *queries = ARENA_ARRAY(arena, Bytes, count);
    for (uint32_t i = 0; i < count; i++) queries[i] = reader_string(reader);
    ret_set->queries = queries;
    ret_set->query_count = count;
}

static void read_batch(Reader *reader, Arena *arena, Request *request) {
    uint32_t count = reader_count(reader, BATCH_SET_BYTES_MIN);
    RequestSet *sets = ARENA_ARRAY(arena, RequestSet, count);
    for (uint32_t i = 0; i < count && reader_ok(reader); i++) {
        sets[i].query_set_id = reader_u32(reader);
        read_queries(reader, arena, &sets[i]);
    }
    request->sets = sets;
    request->set_count = count;
}
