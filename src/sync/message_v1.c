// message_v1.c - see message_v1.h.

#include "sync/message_v1.h"

#include "sync/message_types.h"

typedef enum MessageTag {
    TAG_INITIAL_SUBSCRIPTION,
    TAG_TRANSACTION_UPDATE,
    TAG_TRANSACTION_UPDATE_LIGHT,
    TAG_IDENTITY_TOKEN,
    TAG_ONE_OFF_RESPONSE,
    TAG_SUBSCRIPTION_ERROR = 7,
    TAG_PROCEDURE_RESULT = 10,
} MessageTag;

enum { OPTION_SOME, OPTION_NONE };
enum { STATUS_COMMITTED, STATUS_FAILED, STATUS_OUT_OF_ENERGY };
enum { PROCEDURE_RETURNED, PROCEDURE_OUT_OF_ENERGY, PROCEDURE_INTERNAL };
enum { UPDATE_UNCOMPRESSED };

#define NOT_MEASURED 0u

static void write_option_u32(Buffer *message, const uint32_t *value);
static void write_rows(Buffer *message, const V1Rows *form, const RowList *rows);
static void write_json_rows(Buffer *message, const V1Rows *form, const RowList *rows);
static void write_json_value(Buffer *message, const V1Rows *form, const Typespace *typespace,
                             Bytes value);
static void write_table_head(Buffer *message, const SharedPlan *plan, uint64_t row_count);
static void write_database_update(Buffer *message, Format format, const PendingVec *pending);
static uint32_t write_table(Buffer *message, Format format, const PendingVec *pending,
                            uint32_t first);
static void write_reducer_call(Buffer *message, Format format, const SyncEvent *event);
static bool is_refused(const SyncEvent *event);
static uint32_t event_request_id(const SyncEvent *event);
static void put_u32(Buffer *message, size_t at, uint32_t value);

void v1_message_to_json(Bytes message, Buffer *text) {
    const uint8_t *end = json_write_value(text, TYPESPACE_NONE, &V1_SERVER_MESSAGE_JSON,
                                          message.data, JSON_DERIVED);
    ASSERT(end == message.data + message.count);
}

void v1_identity_token(Buffer *message, const SyncClientOptions *options, Bytes token) {
    buffer_u8(message, TAG_IDENTITY_TOKEN);
    buffer_append(message, options->identity.bytes, sizeof options->identity.bytes);
    buffer_string(message, token);
    buffer_append(message, options->connection_id.bytes, sizeof options->connection_id.bytes);
}

// ---- subscriptions ----

void v1_initial_subscription_begin(Buffer *message) {
    buffer_u8(message, TAG_INITIAL_SUBSCRIPTION);
}

void v1_initial_subscription_end(Buffer *message, uint32_t request_id) {
    buffer_u32(message, request_id);
    buffer_u64(message, NOT_MEASURED);
}

void v1_applied(Buffer *message, V1Applied what, uint32_t request_id, uint32_t query_id) {
    buffer_u8(message, (uint8_t)what);
    buffer_u32(message, request_id);
    buffer_u64(message, NOT_MEASURED);
    buffer_u32(message, query_id);
}

void v1_subscribe_rows(Buffer *message, const SharedPlan *plan) {
    buffer_u32(message, plan->table_id);
    buffer_string(message, plan->table_name);
}

void v1_subscription_error(Buffer *message, const uint32_t *request_id, const uint32_t *query_id,
                           Bytes text) {
    buffer_u8(message, TAG_SUBSCRIPTION_ERROR);
    buffer_u64(message, NOT_MEASURED);
    write_option_u32(message, request_id);
    write_option_u32(message, query_id);
    write_option_u32(message, NULL);  // table_id: upstream never says it
    buffer_string(message, text);
}

static void write_option_u32(Buffer *message, const uint32_t *value) {
    buffer_u8(message, value ? OPTION_SOME : OPTION_NONE);
    if (value) buffer_u32(message, *value);
}

void v1_one_off_response(Buffer *message, const V1OneOff *one_off) {
    buffer_u8(message, TAG_ONE_OFF_RESPONSE);
    buffer_string(message, one_off->message_id);
    if (one_off->rows) {
        buffer_u8(message, OPTION_NONE);
        buffer_u32(message, 1);
        buffer_string(message, one_off->table_name);
        write_rows(message, &one_off->form, one_off->rows);
    } else {
        buffer_u8(message, OPTION_SOME);
        buffer_string(message, one_off->error);
        buffer_u32(message, 0);
    }
    buffer_u64(message, NOT_MEASURED);
}

// ---- rows ----

V1Rows v1_stored_rows(Format format, const SharedPlan *plan) {
    bool is_stored = query_shape(plan->query) == QUERY_ROWS && !plan->is_view;
    return (V1Rows){format, plan->row_type, is_stored ? JSON_ROW_OBJECT : JSON_UNTYPED};
}

V1Rows v1_delta_rows(Format format, const SharedPlan *plan) {
    return (V1Rows){format, plan->row_type, JSON_UNTYPED};
}

static void write_rows(Buffer *message, const V1Rows *form, const RowList *rows) {
    ASSERT(form->format != FORMAT_V2);
    static const RowList NOTHING = {.is_uniform = true};
    if (rows == NULL) rows = &NOTHING;
    if (form->format == FORMAT_V1_JSON) {
        write_json_rows(message, form, rows);
    } else {
        row_list_write(rows, message);
    }
}

static void write_json_rows(Buffer *message, const V1Rows *form, const RowList *rows) {
    buffer_u32(message, (uint32_t)rows->count);
    for (uint64_t i = 0; i < rows->count && !message->failed; i++) {
        write_json_value(message, form, TYPESPACE_NONE, row_list_row(rows, i));
    }
}

// A string of JSON: its length is known afterwards. What follows the value is left out.
static void write_json_value(Buffer *message, const V1Rows *form, const Typespace *typespace,
                             Bytes value) {
    size_t count_at = message->count;
    buffer_u32(message, 0);
    (void)json_write_value(message, typespace, form->row_type, value.data, form->shape);
    if (message->failed) return;
    put_u32(message, count_at, (uint32_t)(message->count - count_at - 4));
}

void v1_query_update(Buffer *message, const V1Rows *rows, const RowList *deletes,
                     const RowList *inserts) {
    if (rows->format == FORMAT_V1_BSATN) buffer_u8(message, UPDATE_UNCOMPRESSED);
    write_rows(message, rows, deletes);
    write_rows(message, rows, inserts);
}

void v1_table_update(Buffer *message, const SharedPlan *plan, const V1Rows *rows,
                     const RowList *deletes, const RowList *inserts) {
    write_table_head(message, plan,
                     (deletes ? deletes->count : 0) + (inserts ? inserts->count : 0));
    buffer_u32(message, 1);
    v1_query_update(message, rows, deletes, inserts);
}

static void write_table_head(Buffer *message, const SharedPlan *plan, uint64_t row_count) {
    buffer_u32(message, plan->table_id);
    buffer_string(message, plan->table_name);
    buffer_u64(message, row_count);
}

// ---- transactions and calls ----

void v1_transaction_update(Buffer *message, Format format, const SyncEvent *event,
                           const PendingVec *pending) {
    ASSERT((pending != NULL) == (event->result == RESULT_COMMITTED));
    ASSERT(format != FORMAT_V2);
    buffer_u8(message, TAG_TRANSACTION_UPDATE);
    switch (event->result) {
    case RESULT_COMMITTED:
        buffer_u8(message, STATUS_COMMITTED);
        write_database_update(message, format, pending);
        break;
    case RESULT_USER_ERROR:
    case RESULT_INTERNAL:
        buffer_u8(message, STATUS_FAILED);
        buffer_string(message, event->text);
        break;
    case RESULT_OUT_OF_ENERGY: buffer_u8(message, STATUS_OUT_OF_ENERGY); break;
    }
    buffer_u64(message, (uint64_t)event->timestamp);
    buffer_append(message, event->caller_identity.bytes, sizeof event->caller_identity.bytes);
    buffer_append(message, event->caller_connection.bytes, sizeof event->caller_connection.bytes);
    write_reducer_call(message, format, event);
    buffer_u64(message, 0);  // energy_quanta_used, a u128: calls are bounded by time, not by fuel
    buffer_u64(message, 0);
    buffer_u64(message, (uint64_t)event->duration_micros);
}

void v1_transaction_update_light(Buffer *message, Format format, const SyncEvent *event,
                                 const PendingVec *pending) {
    buffer_u8(message, TAG_TRANSACTION_UPDATE_LIGHT);
    buffer_u32(message, event_request_id(event));
    write_database_update(message, format, pending);
}

// Pending rows are sorted by table.
static void write_database_update(Buffer *message, Format format, const PendingVec *pending) {
    size_t count_at = message->count;
    uint32_t table_count = 0;
    buffer_u32(message, 0);
    for (uint32_t i = 0; i < pending->count; table_count++) {
        i = write_table(message, format, pending, i);
    }
    put_u32(message, count_at, table_count);
}

static uint32_t write_table(Buffer *message, Format format, const PendingVec *pending,
                            uint32_t first) {
    const SharedPlan *plan = &pending->items[first].fragment->shared->plan;
    uint64_t row_count = 0;
    uint32_t end = first;
    for (; end < pending->count; end++) {
        const SharedFragment *fragment = pending->items[end].fragment;
        if (fragment->shared->plan.table_id != plan->table_id) break;
        row_count += fragment->update.row_count;
    }
    ASSERT(end > first);
    write_table_head(message, plan, row_count);
    buffer_u32(message, end - first);
    for (uint32_t i = first; i < end; i++) {
        const FragmentUpdate *update = &pending->items[i].fragment->update;
        ASSERT(update->rows[format].count > 0);
        buffer_append_bytes(message, update->rows[format]);
    }
    return end;
}

// A call that could not be run (websocket.md 7.3, the last paragraph).
static bool is_refused(const SyncEvent *event) {
    return event->result != RESULT_COMMITTED && event->args_type == NULL;
}

static uint32_t event_request_id(const SyncEvent *event) {
    return event->request && !is_refused(event) ? event->request->request_id : 0;
}

static void write_reducer_call(Buffer *message, Format format, const SyncEvent *event) {
    Error error;
    bool has_name = !is_refused(event) || identifier_check(event->reducer, &error) == STATUS_OK;
    buffer_string(message, has_name ? event->reducer : BYTES_NONE);
    buffer_u32(message, event->reducer_id);
    if (format == FORMAT_V1_BSATN) {
        buffer_string(message, event->args_type ? event->args : BYTES_NONE);
    } else if (event->args_type == NULL) {
        buffer_string(message, BYTES_LITERAL("[]"));
    } else if (event->request && event->request->args_are_json) {
        buffer_string(message, event->request->args);  // as they came
    } else {
        V1Rows form = {format, event->args_type, JSON_UNTYPED};
        write_json_value(message, &form, event->args_typespace, event->args);
    }
    buffer_u32(message, event_request_id(event));
}

void v1_procedure_result(Buffer *message, Format format, const SyncEvent *event, Bytes value) {
    ASSERT(event->request != NULL && format != FORMAT_V2);
    bool is_returned = event->result == RESULT_COMMITTED;
    buffer_u8(message, TAG_PROCEDURE_RESULT);
    if (is_returned) {
        buffer_u8(message, PROCEDURE_RETURNED);
        if (format == FORMAT_V1_JSON) {
            ASSERT(event->value_type != NULL);
            V1Rows form = {format, event->value_type, JSON_UNTYPED};
            write_json_value(message, &form, event->args_typespace, value);
        } else {
            buffer_string(message, value);
        }
    } else if (event->result == RESULT_OUT_OF_ENERGY) {
        buffer_u8(message, PROCEDURE_OUT_OF_ENERGY);
    } else {
        buffer_u8(message, PROCEDURE_INTERNAL);
        buffer_string(message, event->text);
    }
    buffer_u64(message, is_returned ? (uint64_t)event->timestamp : 0);
    buffer_u64(message, is_returned ? (uint64_t)event->duration_micros : 0);
    buffer_u32(message, event->request->request_id);
}

static void put_u32(Buffer *message, size_t at, uint32_t value) {
    if (!message->failed) store_u32le(message->data + at, value);
}
