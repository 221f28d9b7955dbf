// request.c - from a WebSocket message to requests: which codec, how many, and what to say about nonsense.
//
// v1.json is read by the type of its messages into BSATN, and from there like v1.bsatn: the two differ in
// nothing but the spelling.

#include "sync/request.h"

#include "sync/message_types.h"

#define STRING_BYTES_MIN 4u
// As BSATN a text of JSON is at most this many times as large: "" has two characters and takes four bytes.
#define JSON_GROWTH_MAX 2u

static Status read_json(Reader *message, Arena *arena, Request *ret_request, Error *error);

Status request_read(Protocol protocol, MessageForm form, Reader *message, Arena *arena,
                    Request *ret_request, bool *ret_is_last, Error *error) {
    Status status;
    if (protocol_is_v1(protocol)) {
        status = form == MESSAGE_TEXT ? read_json(message, arena, ret_request, error)
                                      : request_v1_read(message, arena, ret_request, error);
        if (status == STATUS_OK) *ret_is_last = true;
        return status;
    }
    if (form == MESSAGE_TEXT) {
        return error_set(error, STATUS_INVALID, "%s websocket does not support text messages",
                         protocol == PROTOCOL_V3 ? "v3" : "v2");
    }
    if (protocol == PROTOCOL_V3 && reader_left(message) == 0) {
        return error_set(error, STATUS_INVALID,
                         "v3 websocket binary payload must contain at least one v2 client message");
    }
    status = request_v2_read(message, arena, ret_request, error);
    if (status == STATUS_OK) *ret_is_last = protocol == PROTOCOL_V2 || reader_left(message) == 0;
    return status;
}

static Status read_json(Reader *message, Arena *arena, Request *ret_request, Error *error) {
    Bytes text = bytes_of(message->at, reader_left(message));
    Buffer bsatn;
    buffer_init(&bsatn, JSON_GROWTH_MAX * ((size_t)text.count + STRING_BYTES_MIN));
    Status status = json_read_value(text, TYPESPACE_NONE, &V1_CLIENT_MESSAGE_JSON,
                                    (JsonReadOptions){0}, &bsatn, NULL, error);
    Bytes copy = status == STATUS_OK ? arena_copy(arena, buffer_bytes(&bsatn)) : BYTES_NONE;
    buffer_done(&bsatn);
    if (status != STATUS_OK) return STATUS_INVALID;
    (void)reader_take(message, text.count);
    Reader reader = reader_of(copy);
    status = request_v1_read(&reader, arena, ret_request, error);
    if (status == STATUS_OK) ret_request->args_are_json = true;
    return status;
}

void request_read_queries(Reader *reader, Arena *arena, RequestSet *ret_set) {
    uint32_t count = reader_count(reader, STRING_BYTES_MIN);
    Bytes *queries = ARENA_ARRAY(arena, Bytes, count);
    for (uint32_t i = 0; i < count && reader_ok(reader); i++) queries[i] = reader_string(reader);
    ret_set->queries = queries;
    ret_set->query_count = count;
}

RequestSet *request_add_set(Arena *arena, Request *request) {
    RequestSet *set = ARENA_NEW(arena, RequestSet);
    request->sets = set;
    request->set_count = 1;
    return set;
}

Status request_malformed(const Type *type, Bytes message, Error *error) {
    Reader reader = reader_of(message);
    Status status = bsatn_check(TYPESPACE_NONE, type, &reader, error);
    ASSERT(status != STATUS_OK);  // the codecs refuse nothing else
    return STATUS_INVALID;
}
