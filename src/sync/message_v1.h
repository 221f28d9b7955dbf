// message_v1.h - server messages of v1, appended to a buffer, without the compression tag.
//
// Both formats are written as BSATN, which differs where the protocol does: lists of rows, arguments and values.
// v1_message_to_json turns a message of FORMAT_V1_JSON into its text; it is no larger than twice the message,
// as everything long in it is text already.
//
// Times of execution are those of calls; answers to subscriptions say 0, as nobody measured them.
//
// Threads    the executor.        Format  websocket.md 7.2 to 7.4.
#pragma once

#include "sync/client.h"

void v1_message_to_json(Bytes message, Buffer *text);

void v1_identity_token(Buffer *message, const SyncClientOptions *options, Bytes token);

// ---- subscriptions ----

// A DatabaseUpdate goes between the two.
void v1_initial_subscription_begin(Buffer *message);
void v1_initial_subscription_end(Buffer *message, uint32_t request_id);

typedef enum V1Applied {
    V1_SUBSCRIBE_APPLIED = 5,
    V1_UNSUBSCRIBE_APPLIED = 6,
    V1_SUBSCRIBE_MULTI_APPLIED = 8,
    V1_UNSUBSCRIBE_MULTI_APPLIED = 9,
} V1Applied;
// SubscribeRows follow, or for several queries a DatabaseUpdate.
void v1_applied(Buffer *message, V1Applied what, uint32_t request_id, uint32_t query_id);
// The beginning of SubscribeRows; a table update follows.
void v1_subscribe_rows(Buffer *message, const SharedPlan *plan);
// NULL for what nobody asked, or is not about one query id.
void v1_subscription_error(Buffer *message, const uint32_t *request_id, const uint32_t *query_id,
                           Bytes text);

// How rows of one table are written.
typedef struct V1Rows {
    Format format;
    const Type *row_type;
    JsonShape shape;
} V1Rows;
// Of rows as they are stored, and of those that came and went.
V1Rows v1_stored_rows(Format format, const SharedPlan *plan);
V1Rows v1_delta_rows(Format format, const SharedPlan *plan);

// A TableUpdate with one entry; NULL: no rows.
void v1_table_update(Buffer *message, const SharedPlan *plan, const V1Rows *rows,
                     const RowList *deletes, const RowList *inserts);
// One such entry.
void v1_query_update(Buffer *message, const V1Rows *rows, const RowList *deletes,
                     const RowList *inserts);

// rows NULL: there was an error.
typedef struct V1OneOff {
    Bytes message_id;
    Bytes error;
    Bytes table_name;
    V1Rows form;
    const RowList *rows;
} V1OneOff;
void v1_one_off_response(Buffer *message, const V1OneOff *one_off);

// ---- transactions and calls ----

// Of a commit, with these rows, or of a failed call (pending NULL).
void v1_transaction_update(Buffer *message, Format format, const SyncEvent *event,
                           const PendingVec *pending);
void v1_transaction_update_light(Buffer *message, Format format, const SyncEvent *event,
                                 const PendingVec *pending);
void v1_procedure_result(Buffer *message, Format format, const SyncEvent *event, Bytes value);
