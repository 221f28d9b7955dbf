// message_v2.h - server messages of v2 and v3, appended to a buffer, without the compression tag: the
// connection puts it before each WebSocket message.
//
// Threads    the executor.        Format  websocket.md 5.2, 5.3; since-2.8.md 3.1.
#pragma once

#include "sync/client.h"

void v2_initial_connection(Buffer *message, const SyncClientOptions *options, Bytes token);
// QueryRows follow.
void v2_subscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id);
void v2_unsubscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id);
// No rows follow.
void v2_unsubscribe_applied_only(Buffer *message, uint32_t request_id, uint32_t query_set_id);
// As many results follow: of each set QueryRows or the error.
void v2_subscribe_batch_applied(Buffer *message, uint32_t request_id, uint32_t set_count);
void v2_batch_result(Buffer *message, uint32_t query_set_id);
void v2_batch_error(Buffer *message, uint32_t query_set_id, Bytes text);
// request_id NULL: nobody asked.
void v2_subscription_error(Buffer *message, const uint32_t *request_id, uint32_t query_set_id,
                           Bytes text);
void v2_one_off(Buffer *message, uint32_t request_id, Bytes table_name, const RowList *rows);
// QueryRows follow.
void v2_one_off_head(Buffer *message, uint32_t request_id);
void v2_one_off_error(Buffer *message, uint32_t request_id, Bytes text);
// pending: sorted by set and table.
void v2_transaction_update(Buffer *message, const PendingVec *pending);
void v2_reducer_ok(Buffer *message, uint32_t request_id, int64_t timestamp,
                   const PendingVec *pending);
void v2_reducer_error(Buffer *message, const SyncEvent *event);
void v2_procedure_result(Buffer *message, const SyncEvent *event, Bytes value);
// TableUpdateRows of one fragment.
void v2_table_update_rows(Buffer *message, bool is_event, const RowList *inserts,
                          const RowList *deletes);
