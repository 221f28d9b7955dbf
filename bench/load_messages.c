// load_messages.c - writes calls, walks over answers. Rows are counted in bytes, not decoded.
#include "load_messages.h"

#define TRANSFER_AMOUNT 1
// Empty elements cost a sender nothing, so their count is bounded by hand.
#define ARRAY_COUNT_MAX (1u << 24)

static void call_write(Buffer *out, uint32_t request_id, const char *reducer, Bytes arguments);
static void read_reducer_result(Reader *reader, ServerMessage *message);
static uint64_t skip_update(Reader *reader);
static uint64_t skip_table_update(Reader *reader);
static uint64_t skip_query_rows(Reader *reader);
static uint64_t skip_row_list(Reader *reader);

void call_template_init(CallTemplate *call, Workload workload) {
    Buffer out;
    buffer_init(&out, CALL_BYTES_MAX);
    Buffer arguments;
    buffer_init(&arguments, CALL_BYTES_MAX);
    if (workload != WORKLOAD_EMPTY) {
        buffer_u32(&arguments, 0);
        buffer_u32(&arguments, 1);
        buffer_u64(&arguments, TRANSFER_AMOUNT);
    }
    call_write(&out, 0, workload == WORKLOAD_EMPTY ? "empty" : "transfer",
               buffer_bytes(&arguments));
    ASSERT(!out.failed);
    memcpy(call->bytes, out.data, out.count);
    call->count = (uint32_t)out.count;
    call->from_at = arguments.count > 0 ? (uint32_t)(out.count - arguments.count) : 0;
    buffer_done(&arguments);
    buffer_done(&out);
}

static void call_write(Buffer *out, uint32_t request_id, const char *reducer, Bytes arguments) {
    buffer_u8(out, 3);
    buffer_u32(out, request_id);
    buffer_u8(out, 0);
    buffer_string(out, bytes_of_text(reducer));
    buffer_string(out, arguments);
}

void seed_call_write(Buffer *out, uint32_t request_id, uint32_t accounts, int64_t balance) {
    uint8_t arguments[12];
    store_u32le(arguments, accounts);
    store_u64le(arguments + 4, (uint64_t)balance);
    call_write(out, request_id, "seed", bytes_of(arguments, sizeof arguments));
}

void subscribe_write(Buffer *out, uint32_t request_id, uint32_t query_set_id, const char *query) {
    buffer_u8(out, 0);
    buffer_u32(out, request_id);
    buffer_u32(out, query_set_id);
    buffer_u32(out, 1);
    buffer_string(out, bytes_of_text(query));
}

ServerMessage server_message_read(Reader *reader) {
    ServerMessage message = {.kind = (ServerKind)reader_u8(reader)};
    switch (message.kind) {
    case SERVER_INITIAL_CONNECTION:
        (void)reader_take(reader, 32 + 16);
        (void)reader_bytes(reader);
        break;
    case SERVER_SUBSCRIBE_APPLIED:
        message.request_id = reader_u32(reader);
        (void)reader_u32(reader);
        message.row_bytes = skip_query_rows(reader);
        break;
    case SERVER_SUBSCRIPTION_ERROR:
        if (reader_u8(reader) == 0) message.request_id = reader_u32(reader);
        (void)reader_u32(reader);
        message.text = reader_bytes(reader);
        break;
    case SERVER_TRANSACTION_UPDATE: message.row_bytes = skip_update(reader); break;
    case SERVER_REDUCER_RESULT: read_reducer_result(reader, &message); break;
    default: reader->failed = true; break;
    }
    return message;
}

static void read_reducer_result(Reader *reader, ServerMessage *message) {
    message->request_id = reader_u32(reader);
    (void)reader_u64(reader);  // timestamp
    uint8_t outcome = reader_u8(reader);
    message->is_good = outcome <= 1;
    if (outcome == 0) {
        (void)reader_bytes(reader);
        message->row_bytes = skip_update(reader);
    } else if (outcome == 2 || outcome == 3) {
        message->text = reader_bytes(reader);
    } else if (outcome != 1) {
        reader->failed = true;
    }
}

static uint64_t skip_update(Reader *reader) {
    uint64_t bytes = 0;
    uint32_t set_count = reader_count(reader, 8);
    for (uint32_t s = 0; s < set_count; s++) {
        (void)reader_u32(reader);
        uint32_t table_count = reader_count(reader, 8);
        for (uint32_t t = 0; t < table_count; t++) bytes += skip_table_update(reader);
    }
    return bytes;
}

static uint64_t skip_table_update(Reader *reader) {
    uint64_t bytes = 0;
    (void)reader_bytes(reader);
    uint32_t part_count = reader_count(reader, 1);
    for (uint32_t p = 0; p < part_count; p++) {
        uint8_t kind = reader_u8(reader);
        if (kind > 1) reader->failed = true;
        bytes += skip_row_list(reader);
        if (kind == 0) bytes += skip_row_list(reader);
    }
    return bytes;
}

static uint64_t skip_query_rows(Reader *reader) {
    uint64_t bytes = 0;
    uint32_t table_count = reader_count(reader, 4);
    for (uint32_t t = 0; t < table_count; t++) {
        (void)reader_bytes(reader);
        bytes += skip_row_list(reader);
    }
    return bytes;
}

static uint64_t skip_row_list(Reader *reader) {
    if (reader_u8(reader) == 0) {
        (void)reader_u16(reader);
    } else {
        uint32_t offset_count = reader_count_limited(reader, ARRAY_COUNT_MAX);
        (void)reader_take(reader, (size_t)offset_count * 8);
    }
    return reader_bytes(reader).count;
}
