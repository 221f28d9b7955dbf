// client.c - clients coming and going: the st_client row, the lifecycle reducers, registration for updates.

#include "db/database.h"

#include "base/log.h"

#define CLIENT_ROW_BYTES 48u  // identity u256, connection_id u128

static const Bytes CONNECT_NAME = {(const uint8_t *)"call_identity_connected", 23};
static const Bytes DISCONNECT_NAME = {(const uint8_t *)"__identity_disconnected__", 25};

static void client_row(const Caller *caller, uint8_t ret_row[CLIENT_ROW_BYTES]);
static void insert_client(Database *database, Tx *tx, const Caller *caller);
static bool has_client(Database *database, const Caller *caller);
static void delete_client(Database *database, Tx *tx, const Caller *caller);
static void fill_client_cause(const Caller *caller, Bytes name, int64_t now, TxCause *cause);
static ConnectOutcome refuse_for_view(Database *database, Tx *tx, const CallOutcome *refreshed,
                                      Error *error);
static bool disconnect_with_reducer(Database *database, const FunctionDef *reducer,
                                    const Caller *caller);

ConnectionId database_new_connection_id(Database *database) {
    ConnectionId id;
    do {
        database->options.os->random(database->options.os, id.bytes, sizeof id.bytes);
    } while (connection_id_is_zero(&id));
    return id;
}

static void client_row(const Caller *caller, uint8_t ret_row[CLIENT_ROW_BYTES]) {
    memcpy(ret_row, caller->identity.bytes, sizeof caller->identity.bytes);
    memcpy(ret_row + 32, caller->connection.bytes, sizeof caller->connection.bytes);
}

static void insert_client(Database *database, Tx *tx, const Caller *caller) {
    uint8_t row[CLIENT_ROW_BYTES];
    client_row(caller, row);
    InsertResult result;
    (void)tx_insert(tx, store_find_table(database->store, ST_CLIENT), bytes_of(row, sizeof row),
                    &result);
    if (caller->jwt_payload.count == 0) return;
    uint32_t count = 16 + 4 + caller->jwt_payload.count;
    uint8_t *credentials = arena_alloc(tx_arena(tx), count);
    memcpy(credentials, caller->connection.bytes, 16);
    store_u32le(credentials + 16, caller->jwt_payload.count);
    memcpy(credentials + 20, caller->jwt_payload.data, caller->jwt_payload.count);
    Table *table = store_find_table(database->store, ST_CONNECTION_CREDENTIALS);
    // A client may name its own connection id: one that is in use keeps its first credentials.
    (void)tx_insert(tx, table, bytes_of(credentials, count), &result);
}

static bool has_client(Database *database, const Caller *caller) {
    uint8_t row[CLIENT_ROW_BYTES];
    client_row(caller, row);
    RowId id;
    return table_find_row(store_find_table(database->store, ST_CLIENT), bytes_of(row, sizeof row),
                          &id);
}

static void delete_client(Database *database, Tx *tx, const Caller *caller) {
    uint8_t row[CLIENT_ROW_BYTES];
    client_row(caller, row);
    (void)tx_delete_equal(tx, store_find_table(database->store, ST_CLIENT),
                          bytes_of(row, sizeof row));
    Table *credentials = store_find_table(database->store, ST_CONNECTION_CREDENTIALS);
    static const uint16_t FIRST[] = {0};
    Index *index = table_find_index(credentials, (ColumnList){FIRST, 1});
    Row found;
    if (index && index_find(index, bytes_of(caller->connection.bytes, 16), &found)) {
        tx_delete(tx, credentials, found.id);
    }
}

static void fill_client_cause(const Caller *caller, Bytes name, int64_t now, TxCause *cause) {
    *cause = (TxCause){
        .inputs = {.present = true,
                   .reducer = name,
                   .caller = caller->identity,
                   .connection = caller->connection,
                   .timestamp = now},
        .event = {.result = RESULT_COMMITTED,
                  .caller_identity = caller->identity,
                  .caller_connection = caller->connection,
                  .reducer_id = UINT32_MAX,
                  .timestamp = now},
    };
}

ConnectOutcome database_connect(Database *database, const Caller *caller, Error *error) {
    if (database->is_stopped) {
        (void)error_set(error, STATUS_NOT_FOUND, "no such module");
        return CONNECT_FAILED;
    }
    if (database_is_refusing(database, error)) return CONNECT_FAILED;
    int64_t now = database_now(database);
    Tx *tx = tx_begin(database->store);
    insert_client(database, tx, caller);
    const FunctionDef *reducer = database->def
                                     ? module_def_find_lifecycle(database->def, LIFECYCLE_CONNECT)
                                     : NULL;
    if (reducer) {
        ReducerCall call = {.reducer = reducer, .caller = *caller, .timestamp = now};
        CallOutcome outcome = database_invoke(database, tx, &call);
        if (outcome.status != CALL_OK) {
            Bytes text = arena_copy(&database->call_arena, outcome.text);
            tx_rollback(tx);
            bool is_user_error = outcome.status == CALL_USER_ERROR;
            (void)error_set(error, STATUS_DENIED, "%.*s", BYTES_FORMAT(text));
            if (!is_user_error) {
                log_line(LOG_WARN, "db", "client_connected: %s", error->text);
                (void)error_set(error, STATUS_DENIED, "The instance encountered a fatal error.");
            }
            if (outcome.status == CALL_TRAPPED || outcome.status == CALL_OUT_OF_TIME) {
                database_restart_instance(database);
            }
            return outcome.status == CALL_OUT_OF_TIME ? CONNECT_OUT_OF_ENERGY : CONNECT_REJECTED;
        }
    }
    if (views_exist(database)) {
        CallOutcome refreshed = views_refresh(database, NULL);
        if (refreshed.status != CALL_OK) return refuse_for_view(database, tx, &refreshed, error);
    }
    TxCause cause;
    fill_client_cause(caller, CONNECT_NAME, now, &cause);
    if (reducer) {
        cause.event.reducer = reducer->name;
        cause.event.reducer_id = reducer->id;
    }
    (void)database_commit(database, &cause);
    return CONNECT_OK;
}

static ConnectOutcome refuse_for_view(Database *database, Tx *tx, const CallOutcome *refreshed,
                                      Error *error) {
    tx_rollback(tx);
    (void)error_set(error, STATUS_DENIED, "%.*s", BYTES_FORMAT(refreshed->text));
    bool is_lost = refreshed->status == CALL_TRAPPED || refreshed->status == CALL_OUT_OF_TIME;
    if (is_lost) database_restart_instance(database);
    return refreshed->status == CALL_OUT_OF_TIME ? CONNECT_OUT_OF_ENERGY : CONNECT_REJECTED;
}

void database_disconnect(Database *database, const Caller *caller) {
    Error error;
    if (database_failure(database, &error) || !has_client(database, caller)) return;
    const FunctionDef *reducer = database->def ? module_def_find_lifecycle(database->def,
                                                                           LIFECYCLE_DISCONNECT)
                                               : NULL;
    if (reducer && disconnect_with_reducer(database, reducer, caller)) return;
    Tx *tx = tx_begin(database->store);
    delete_client(database, tx, caller);
    TxCause cause;
    fill_client_cause(caller, reducer ? reducer->name : DISCONNECT_NAME, database_now(database),
                      &cause);
    (void)database_commit_surely(database, &cause);
}

// The reducer and the deletion of the rows in one transaction; false if the reducer failed (nothing happened).
static bool disconnect_with_reducer(Database *database, const FunctionDef *reducer,
                                    const Caller *caller) {
    int64_t now = database_now(database);
    Tx *tx = tx_begin(database->store);
    ReducerCall call = {.reducer = reducer, .caller = *caller, .timestamp = now};
    CallOutcome outcome = database_invoke(database, tx, &call);
    if (outcome.status != CALL_OK) {
        database_log(database, MODULE_LOG_ERROR, reducer->name, "%.*s", BYTES_FORMAT(outcome.text));
        tx_rollback(tx);
        if (outcome.status == CALL_TRAPPED || outcome.status == CALL_OUT_OF_TIME) {
            database_restart_instance(database);
        }
        return false;
    }
    delete_client(database, tx, caller);
    TxCause cause;
    fill_client_cause(caller, reducer->name, now, &cause);
    cause.event.reducer = reducer->name;
    cause.event.reducer_id = reducer->id;
    (void)database_commit_surely(database, &cause);
    return true;
}

SyncClient *database_add_client(Database *database, const SyncClientOptions *options, Bytes token) {
    SyncClient *client = sync_add_client(database->sync, options);
    sync_send_hello(database->sync, client, token);
    return client;
}

void database_remove_client(Database *database, SyncClient *client) {
    procedure_forget_client(database, client);
    sync_remove_client(database->sync, client);
}
