// load_messages.h - the messages the load consists of (spec: websocket.md 5 and 6).
//
// Threads    one.
#pragma once

#include "base/bytes.h"
#include "base/reader.h"
#include "load_options.h"

// A CallReducer, made once; the parts that change are patched.
#define CALL_BYTES_MAX 64u
typedef struct CallTemplate {
    uint8_t bytes[CALL_BYTES_MAX];
    uint32_t count;
    uint32_t from_at;  // of `from` and, behind it, `to`; 0: the call has no arguments
} CallTemplate;

void call_template_init(CallTemplate *call, Workload workload);
void seed_call_write(Buffer *out, uint32_t request_id, uint32_t accounts, int64_t balance);
void subscribe_write(Buffer *out, uint32_t request_id, uint32_t query_set_id, const char *query);

typedef enum ServerKind {
    SERVER_INITIAL_CONNECTION = 0,
    SERVER_SUBSCRIBE_APPLIED = 1,
    SERVER_SUBSCRIPTION_ERROR = 3,
    SERVER_TRANSACTION_UPDATE = 4,
    SERVER_REDUCER_RESULT = 6,
} ServerKind;

typedef struct ServerMessage {
    ServerKind kind;
    uint32_t request_id;
    bool is_good;        // a reducer result: Ok or OkEmpty
    Bytes text;          // of an error
    uint64_t row_bytes;  // of all row lists in it
} ServerMessage;

// Reads one message; the reader fails if it is malformed or of another kind.
ServerMessage server_message_read(Reader *reader);
