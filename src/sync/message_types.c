// message_types.c - see message_types.h. Types are built from the leaves up, as literals: there is nothing to
// set up and nobody to own them. What could be derived (sizes) is left at what is always right.

#include "sync/message_types.h"

#define FIELD(label, of) {{(const uint8_t *)(label), sizeof(label) - 1}, &(of)}
#define SCALAR(of, bytes) {.kind = (of), .fixed_bytes = (bytes), .is_plain = true}
#define ARRAY(of) {.kind = TYPE_ARRAY, .fixed_bytes = TYPE_BYTES_VARIABLE, .element = &(of)}
#define WITH_FIELDS(of, list)            \
    {.kind = (of),                       \
     .fixed_bytes = TYPE_BYTES_VARIABLE, \
     .fields = (list),                   \
     .field_count = (uint32_t)(sizeof(list) / sizeof(list)[0])}
#define PRODUCT(list) WITH_FIELDS(TYPE_PRODUCT, list)
#define SUM(list) WITH_FIELDS(TYPE_SUM, list)

static const Type U8 = SCALAR(TYPE_U8, 1);
static const Type U32 = SCALAR(TYPE_U32, 4);
static const Type U64 = SCALAR(TYPE_U64, 8);
static const Type I64 = SCALAR(TYPE_I64, 8);
static const Type U128 = SCALAR(TYPE_U128, 16);
static const Type U256 = SCALAR(TYPE_U256, 32);
static const Type STRING = {.kind = TYPE_STRING, .fixed_bytes = TYPE_BYTES_VARIABLE};
static const Type BYTE_STRING = ARRAY(U8);
static const Type STRINGS = ARRAY(STRING);
static const Type UNIT = {.kind = TYPE_PRODUCT, .is_plain = true};

static const TypeField QUERY_ID_FIELDS[] = {FIELD("id", U32)};
static const Type QUERY_ID = PRODUCT(QUERY_ID_FIELDS);

// ---- v1, client ----

static const TypeField CALL_REDUCER_FIELDS[] = {
    FIELD("reducer", STRING),
    FIELD("args", BYTE_STRING),
    FIELD("request_id", U32),
    FIELD("flags", U8),
};
static const Type CALL_REDUCER = PRODUCT(CALL_REDUCER_FIELDS);

static const TypeField CALL_REDUCER_JSON_FIELDS[] = {
    FIELD("reducer", STRING),
    FIELD("args", STRING),
    FIELD("request_id", U32),
    FIELD("flags", U8),
};
static const Type CALL_REDUCER_JSON = PRODUCT(CALL_REDUCER_JSON_FIELDS);

static const TypeField SUBSCRIBE_FIELDS[] = {
    FIELD("query_strings", STRINGS),
    FIELD("request_id", U32),
};
static const Type SUBSCRIBE = PRODUCT(SUBSCRIBE_FIELDS);

static const TypeField ONE_OFF_FIELDS[] = {
    FIELD("message_id", BYTE_STRING),
    FIELD("query_string", STRING),
};
static const Type ONE_OFF = PRODUCT(ONE_OFF_FIELDS);

static const TypeField SUBSCRIBE_SINGLE_FIELDS[] = {
    FIELD("query", STRING),
    FIELD("request_id", U32),
    FIELD("query_id", QUERY_ID),
};
static const Type SUBSCRIBE_SINGLE = PRODUCT(SUBSCRIBE_SINGLE_FIELDS);

static const TypeField SUBSCRIBE_MULTI_FIELDS[] = {
    FIELD("query_strings", STRINGS),
    FIELD("request_id", U32),
    FIELD("query_id", QUERY_ID),
};
static const Type SUBSCRIBE_MULTI = PRODUCT(SUBSCRIBE_MULTI_FIELDS);

static const TypeField UNSUBSCRIBE_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("query_id", QUERY_ID),
};
static const Type UNSUBSCRIBE = PRODUCT(UNSUBSCRIBE_FIELDS);

static const TypeField CALL_PROCEDURE_FIELDS[] = {
    FIELD("procedure", STRING),
    FIELD("args", BYTE_STRING),
    FIELD("request_id", U32),
    FIELD("flags", U8),
};
static const Type CALL_PROCEDURE = PRODUCT(CALL_PROCEDURE_FIELDS);

static const TypeField CALL_PROCEDURE_JSON_FIELDS[] = {
    FIELD("procedure", STRING),
    FIELD("args", STRING),
    FIELD("request_id", U32),
    FIELD("flags", U8),
};
static const Type CALL_PROCEDURE_JSON = PRODUCT(CALL_PROCEDURE_JSON_FIELDS);

static const TypeField V1_CLIENT_VARIANTS[] = {
    FIELD("CallReducer", CALL_REDUCER),
    FIELD("Subscribe", SUBSCRIBE),
    FIELD("OneOffQuery", ONE_OFF),
    FIELD("SubscribeSingle", SUBSCRIBE_SINGLE),
    FIELD("SubscribeMulti", SUBSCRIBE_MULTI),
    FIELD("Unsubscribe", UNSUBSCRIBE),
    FIELD("UnsubscribeMulti", UNSUBSCRIBE),
    FIELD("CallProcedure", CALL_PROCEDURE),
};
const Type V1_CLIENT_MESSAGE = SUM(V1_CLIENT_VARIANTS);

static const TypeField V1_CLIENT_JSON_VARIANTS[] = {
    FIELD("CallReducer", CALL_REDUCER_JSON),
    FIELD("Subscribe", SUBSCRIBE),
    FIELD("OneOffQuery", ONE_OFF),
    FIELD("SubscribeSingle", SUBSCRIBE_SINGLE),
    FIELD("SubscribeMulti", SUBSCRIBE_MULTI),
    FIELD("Unsubscribe", UNSUBSCRIBE),
    FIELD("UnsubscribeMulti", UNSUBSCRIBE),
    FIELD("CallProcedure", CALL_PROCEDURE_JSON),
};
const Type V1_CLIENT_MESSAGE_JSON = SUM(V1_CLIENT_JSON_VARIANTS);

// ---- v1, server ----

static const TypeField IDENTITY_FIELDS[] = {FIELD("__identity__", U256)};
static const Type IDENTITY = PRODUCT(IDENTITY_FIELDS);
static const TypeField CONNECTION_ID_FIELDS[] = {FIELD("__connection_id__", U128)};
static const Type CONNECTION_ID = PRODUCT(CONNECTION_ID_FIELDS);
static const TypeField TIMESTAMP_FIELDS[] = {FIELD("__timestamp_micros_since_unix_epoch__", I64)};
static const Type TIMESTAMP = PRODUCT(TIMESTAMP_FIELDS);
static const TypeField DURATION_FIELDS[] = {FIELD("__time_duration_micros__", I64)};
static const Type DURATION = PRODUCT(DURATION_FIELDS);
static const TypeField ENERGY_FIELDS[] = {FIELD("quanta", U128)};
static const Type ENERGY = PRODUCT(ENERGY_FIELDS);
static const TypeField OPTION_U32_FIELDS[] = {FIELD("some", U32), FIELD("none", UNIT)};
static const Type OPTION_U32 = SUM(OPTION_U32_FIELDS);
static const TypeField OPTION_STRING_FIELDS[] = {FIELD("some", STRING), FIELD("none", UNIT)};
static const Type OPTION_STRING = SUM(OPTION_STRING_FIELDS);

static const TypeField QUERY_UPDATE_FIELDS[] = {
    FIELD("deletes", STRINGS),
    FIELD("inserts", STRINGS),
};
static const Type QUERY_UPDATE = PRODUCT(QUERY_UPDATE_FIELDS);
static const Type QUERY_UPDATES = ARRAY(QUERY_UPDATE);

static const TypeField TABLE_UPDATE_FIELDS[] = {
    FIELD("table_id", U32),
    FIELD("table_name", STRING),
    FIELD("num_rows", U64),
    FIELD("updates", QUERY_UPDATES),
};
static const Type TABLE_UPDATE = PRODUCT(TABLE_UPDATE_FIELDS);
static const Type TABLE_UPDATES = ARRAY(TABLE_UPDATE);

static const TypeField DATABASE_UPDATE_FIELDS[] = {FIELD("tables", TABLE_UPDATES)};
static const Type DATABASE_UPDATE = PRODUCT(DATABASE_UPDATE_FIELDS);

static const TypeField INITIAL_SUBSCRIPTION_FIELDS[] = {
    FIELD("database_update", DATABASE_UPDATE),
    FIELD("request_id", U32),
    FIELD("total_host_execution_duration", DURATION),
};
static const Type INITIAL_SUBSCRIPTION = PRODUCT(INITIAL_SUBSCRIPTION_FIELDS);

static const TypeField UPDATE_STATUS_VARIANTS[] = {
    FIELD("Committed", DATABASE_UPDATE),
    FIELD("Failed", STRING),
    FIELD("OutOfEnergy", UNIT),
};
static const Type UPDATE_STATUS = SUM(UPDATE_STATUS_VARIANTS);

static const TypeField REDUCER_CALL_FIELDS[] = {
    FIELD("reducer_name", STRING),
    FIELD("reducer_id", U32),
    FIELD("args", STRING),
    FIELD("request_id", U32),
};
static const Type REDUCER_CALL = PRODUCT(REDUCER_CALL_FIELDS);

static const TypeField TRANSACTION_UPDATE_FIELDS[] = {
    FIELD("status", UPDATE_STATUS),
    FIELD("timestamp", TIMESTAMP),
    FIELD("caller_identity", IDENTITY),
    FIELD("caller_connection_id", CONNECTION_ID),
    FIELD("reducer_call", REDUCER_CALL),
    FIELD("energy_quanta_used", ENERGY),
    FIELD("total_host_execution_duration", DURATION),
};
static const Type TRANSACTION_UPDATE = PRODUCT(TRANSACTION_UPDATE_FIELDS);

static const TypeField TRANSACTION_UPDATE_LIGHT_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("update", DATABASE_UPDATE),
};
static const Type TRANSACTION_UPDATE_LIGHT = PRODUCT(TRANSACTION_UPDATE_LIGHT_FIELDS);

static const TypeField IDENTITY_TOKEN_FIELDS[] = {
    FIELD("identity", IDENTITY),
    FIELD("token", STRING),
    FIELD("connection_id", CONNECTION_ID),
};
static const Type IDENTITY_TOKEN = PRODUCT(IDENTITY_TOKEN_FIELDS);

static const TypeField ONE_OFF_TABLE_FIELDS[] = {
    FIELD("table_name", STRING),
    FIELD("rows", STRINGS),
};
static const Type ONE_OFF_TABLE = PRODUCT(ONE_OFF_TABLE_FIELDS);
static const Type ONE_OFF_TABLES = ARRAY(ONE_OFF_TABLE);

static const TypeField ONE_OFF_RESPONSE_FIELDS[] = {
    FIELD("message_id", BYTE_STRING),
    FIELD("error", OPTION_STRING),
    FIELD("tables", ONE_OFF_TABLES),
    FIELD("total_host_execution_duration", DURATION),
};
static const Type ONE_OFF_RESPONSE = PRODUCT(ONE_OFF_RESPONSE_FIELDS);

static const TypeField SUBSCRIBE_ROWS_FIELDS[] = {
    FIELD("table_id", U32),
    FIELD("table_name", STRING),
    FIELD("table_rows", TABLE_UPDATE),
};
static const Type SUBSCRIBE_ROWS = PRODUCT(SUBSCRIBE_ROWS_FIELDS);

static const TypeField APPLIED_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("total_host_execution_duration_micros", U64),
    FIELD("query_id", QUERY_ID),
    FIELD("rows", SUBSCRIBE_ROWS),
};
static const Type APPLIED = PRODUCT(APPLIED_FIELDS);

static const TypeField MULTI_APPLIED_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("total_host_execution_duration_micros", U64),
    FIELD("query_id", QUERY_ID),
    FIELD("update", DATABASE_UPDATE),
};
static const Type MULTI_APPLIED = PRODUCT(MULTI_APPLIED_FIELDS);

static const TypeField SUBSCRIPTION_ERROR_FIELDS[] = {
    FIELD("total_host_execution_duration_micros", U64),
    FIELD("request_id", OPTION_U32),
    FIELD("query_id", OPTION_U32),
    FIELD("table_id", OPTION_U32),
    FIELD("error", STRING),
};
static const Type SUBSCRIPTION_ERROR = PRODUCT(SUBSCRIPTION_ERROR_FIELDS);

static const TypeField PROCEDURE_STATUS_VARIANTS[] = {
    FIELD("Returned", STRING),
    FIELD("OutOfEnergy", UNIT),
    FIELD("InternalError", STRING),
};
static const Type PROCEDURE_STATUS = SUM(PROCEDURE_STATUS_VARIANTS);

static const TypeField PROCEDURE_RESULT_FIELDS[] = {
    FIELD("status", PROCEDURE_STATUS),
    FIELD("timestamp", TIMESTAMP),
    FIELD("total_host_execution_duration", DURATION),
    FIELD("request_id", U32),
};
static const Type PROCEDURE_RESULT = PRODUCT(PROCEDURE_RESULT_FIELDS);

static const TypeField V1_SERVER_VARIANTS[] = {
    FIELD("InitialSubscription", INITIAL_SUBSCRIPTION),
    FIELD("TransactionUpdate", TRANSACTION_UPDATE),
    FIELD("TransactionUpdateLight", TRANSACTION_UPDATE_LIGHT),
    FIELD("IdentityToken", IDENTITY_TOKEN),
    FIELD("OneOffQueryResponse", ONE_OFF_RESPONSE),
    FIELD("SubscribeApplied", APPLIED),
    FIELD("UnsubscribeApplied", APPLIED),
    FIELD("SubscriptionError", SUBSCRIPTION_ERROR),
    FIELD("SubscribeMultiApplied", MULTI_APPLIED),
    FIELD("UnsubscribeMultiApplied", MULTI_APPLIED),
    FIELD("ProcedureResult", PROCEDURE_RESULT),
};
const Type V1_SERVER_MESSAGE_JSON = SUM(V1_SERVER_VARIANTS);

// ---- v2, client ----

static const TypeField V2_SUBSCRIBE_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("query_set_id", U32),
    FIELD("query_strings", STRINGS),
};
static const Type V2_SUBSCRIBE = PRODUCT(V2_SUBSCRIBE_FIELDS);

static const TypeField V2_UNSUBSCRIBE_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("query_set_id", U32),
    FIELD("flags", U8),
};
static const Type V2_UNSUBSCRIBE = PRODUCT(V2_UNSUBSCRIBE_FIELDS);

static const TypeField V2_ONE_OFF_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("query_string", STRING),
};
static const Type V2_ONE_OFF = PRODUCT(V2_ONE_OFF_FIELDS);

static const TypeField V2_CALL_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("flags", U8),
    FIELD("function", STRING),
    FIELD("args", BYTE_STRING),
};
static const Type V2_CALL = PRODUCT(V2_CALL_FIELDS);

static const TypeField V2_BATCH_SET_FIELDS[] = {
    FIELD("query_set_id", U32),
    FIELD("query_strings", STRINGS),
};
static const Type V2_BATCH_SET = PRODUCT(V2_BATCH_SET_FIELDS);
static const Type V2_BATCH_SETS = ARRAY(V2_BATCH_SET);

static const TypeField V2_BATCH_FIELDS[] = {
    FIELD("request_id", U32),
    FIELD("sets", V2_BATCH_SETS),
};
static const Type V2_BATCH = PRODUCT(V2_BATCH_FIELDS);

static const TypeField V2_CLIENT_VARIANTS[] = {
    FIELD("Subscribe", V2_SUBSCRIBE), FIELD("Unsubscribe", V2_UNSUBSCRIBE),
    FIELD("OneOffQuery", V2_ONE_OFF), FIELD("CallReducer", V2_CALL),
    FIELD("CallProcedure", V2_CALL),  FIELD("SubscribeBatch", V2_BATCH),
};
const Type V2_CLIENT_MESSAGE = SUM(V2_CLIENT_VARIANTS);
