// function.h - what a module has besides reducers: views, procedures, visibility, environment.
//
// Views: rows that are computed, kept up to date for subscribers, and read like a table's.
//
//     STDB_ARRAY(Players, Player);
//     STDB_VIEW(Players, nearby, PUBLIC, ctx) { ... ctx->sender ... return players; }
//     STDB_ANONYMOUS_VIEW(OptPlayer, champion, PUBLIC, ctx) { ... }     the same for everybody
//     STDB_QUERY(PlayerQuery, Player);
//     STDB_VIEW(PlayerQuery, mine, PUBLIC, ctx) {
//         return PlayerQuery_sql("SELECT * FROM player WHERE owner = 0x%s", ...);
//     }
//     STDB_VIEW_PRIMARY_KEY(nearby, Player, id);     what makes a change an update
//
// What a view returns is an STDB_ARRAY, STDB_OPTION or STDB_QUERY of a struct. It runs again when
// what it read has changed: by key as precisely as the key, by scan for any change of the table. It
// has no time, no random numbers and must not write. Views may have arguments, as reducers have.
//
// Procedures: run beside the database, may wait, return a value.
//
//     STDB_PROCEDURE(u64, import_all, ctx, (String, uri)) {
//         stdb_sleep(ctx, stdb_seconds(1));
//         StdbContext *tx = stdb_begin(ctx);          from here on as in a reducer
//         if (add_one(tx, uri) != STDB_OK) stdb_abort(ctx); else stdb_commit(ctx);
//         return 1;
//     }
//     STDB_SCHEDULE_PROCEDURE(Timer, timer, at, procedure);   see STDB_SCHEDULE in reducer.h
//
// Tables can be reached in a transaction only. No HTTP while one is open.
//
//     STDB_VISIBILITY("SELECT * FROM message WHERE recipient = :sender");
//
// Clients see of this table only what one of its filters lets through (row-level security). Once in
// a module, in one source.
//
//     STDB_ENVIRONMENT(API_KEY, REQUIRED);            any text; publishing without it is refused
//     STDB_ENVIRONMENT(MODE, OPTIONAL, "dev", "prod");         one of these
//     ... if (stdb_environment(MODE, &mode)) ...
// Limits     64 arguments or values.
#pragma once

#include "reducer.h"

// ---- queries as the result of a view ----

#define STDB_QUERY(Name, Row)                                                                     \
    _Static_assert((stdb_class__##Row & STDB_CLASS_STRUCT) != 0,                                  \
                   "STDB_QUERY " #Name ": " #Row " is no row type, declare it with STDB_STRUCT"); \
    typedef struct Name {                                                                         \
        StdbString sql;                                                                           \
    } Name;                                                                                       \
    enum { stdb_max__##Name = STDB_UNBOUNDED, stdb_class__##Name = STDB_CLASS_ROWS };             \
    static const StdbField stdb_fields__##Name[] = {{"__query__", &stdb_type__##Row}, {0}};       \
    static const StdbType stdb_type__##Name                                                       \
        __attribute__((unused)) = {.kind = STDB_TYPE_SPECIAL, .fields = stdb_fields__##Name};     \
    STDB_INLINE uint32_t stdb_bytes__##Name(const Name *value) {                                  \
        return stdb_bytes__StdbString(&value->sql);                                               \
    }                                                                                             \
    STDB_INLINE uint8_t *stdb_write__##Name(uint8_t *at, const Name *value) {                     \
        return stdb_write__StdbString(at, &value->sql);                                           \
    }                                                                                             \
    STDB_PRINTF(1, 2) STDB_INLINE Name Name##_sql(const char *format, ...) {                      \
        va_list stdb_list;                                                                        \
        va_start(stdb_list, format);                                                              \
        Name query = {stdb_format_list(format, stdb_list)};                                       \
        va_end(stdb_list);                                                                        \
        return query;                                                                             \
    }                                                                                             \
    STDB_END

// ---- views ----

typedef struct StdbAnonymousViewContext {
    uint8_t nothing;
} StdbAnonymousViewContext;

typedef struct StdbViewContext {
    StdbIdentity sender;  // whose rows these are
    StdbAnonymousViewContext anonymous;
} StdbViewContext;

typedef struct StdbView {
    const char *name;
    const StdbField *arguments;
    const StdbType *returns;
    StdbBytes (*run)(StdbViewContext *context, StdbReader arguments);  // an encoded `returns`
    StdbAccess access;
    bool is_anonymous;
} StdbView;

typedef struct StdbViewKey {
    const StdbView *view;
    const char *column;
} StdbViewKey;

#define STDB_VIEW(Return, name, access, context, ...) \
    STDB_VIEW_(Return, name, access, StdbViewContext, false, context __VA_OPT__(, ) __VA_ARGS__)
#define STDB_ANONYMOUS_VIEW(Return, name, access, context, ...)      \
    STDB_VIEW_(Return, name, access, StdbAnonymousViewContext, true, \
               context __VA_OPT__(, ) __VA_ARGS__)

#define STDB_VIEW_(Return, view, view_access, Context, anonymous, context, ...)                   \
    _Static_assert((stdb_class__##Return & STDB_CLASS_ROWS) != 0,                                 \
                   "view " #view                                                                  \
                   ": returns an STDB_ARRAY, STDB_OPTION or STDB_QUERY of a struct");             \
    static Return view(Context *context STDB_EACH(STDB_ARGUMENT_PARAMETER, ~, __VA_ARGS__));      \
    static StdbBytes stdb_run__##view(StdbViewContext *stdb_context, StdbReader stdb_arguments) { \
        STDB_EACH(STDB_ARGUMENT_READ, ~, __VA_ARGS__)                                             \
        if (stdb_arguments.failed) stdb_panic("malformed arguments for " #view);                  \
        Return stdb_value = view(STDB_CONTEXT_##Context(stdb_context)                             \
                                     STDB_EACH(STDB_ARGUMENT_PASS, ~, __VA_ARGS__));              \
        STDB_RETURN_ENCODED(Return, stdb_value)                                                   \
    }                                                                                             \
    static const StdbField stdb_arguments__##view[] = {                                           \
        STDB_EACH(STDB_ARGUMENT_ENTRY, ~, __VA_ARGS__){0}};                                       \
    static const StdbView stdb_view__##view = {                                                   \
        .name = #view,                                                                            \
        .arguments = stdb_arguments__##view,                                                      \
        .returns = &stdb_type__##Return,                                                          \
        .run = stdb_run__##view,                                                                  \
        .access = STDB_ACCESS_##view_access,                                                      \
        .is_anonymous = anonymous,                                                                \
    };                                                                                            \
    typedef Return stdb_returns__##view;                                                          \
    STDB_REGISTER(views, StdbView, stdb_view__##view)                                             \
    static Return view(__attribute__((unused))                                                    \
                       Context *context STDB_EACH(STDB_ARGUMENT_PARAMETER, ~, __VA_ARGS__))

#define STDB_CONTEXT_StdbViewContext(context) (context)
#define STDB_CONTEXT_StdbAnonymousViewContext(context) (&(context)->anonymous)
#define STDB_RETURN_ENCODED(Return, value)                                                       \
    uint8_t *stdb_encoded = stdb_alloc(stdb_bytes__##Return(&value));                            \
    uint32_t stdb_count = (uint32_t)(stdb_write__##Return(stdb_encoded, &value) - stdb_encoded); \
    return (StdbBytes){stdb_encoded, stdb_count};

// Row is what the view returns rows of.
#define STDB_VIEW_PRIMARY_KEY(view_, Row, column_)                                        \
    enum { stdb_view_key__##view_ = stdb_column__##Row##__##column_ };                    \
    static const StdbViewKey stdb_view_key_of__##view_ = {&stdb_view__##view_, #column_}; \
    STDB_REGISTER(view_keys, StdbViewKey, stdb_view_key_of__##view_)                      \
    STDB_END

// ---- procedures ----

// What a procedure knows about its call. Made anew for each call.
typedef struct StdbProcedureContext {
    union {
        StdbContext random;  // what stdb_random_u64, stdb_uuid_v7 and stdb_jwt take
        struct {
            StdbIdentity sender;
            StdbConnectionId connection_id;
            StdbTimestamp timestamp;  // of the call, or when the last sleep ended
        };
    };
    StdbContext transaction;
    bool is_in_transaction;
} StdbProcedureContext;
_Static_assert(offsetof(StdbProcedureContext, timestamp) == offsetof(StdbContext, timestamp),
               "both ways to the caller are one");

typedef struct StdbProcedure {
    const char *name;
    const StdbField *arguments;
    const StdbType *returns;
    StdbBytes (*run)(StdbProcedureContext *context, StdbReader arguments);
} StdbProcedure;

// `return (Unit){0};` where there is nothing to return. What goes wrong is part of what it returns
// (STDB_RESULT): there is no stdb_fail for procedures.
#define STDB_PROCEDURE(Return, procedure, context, ...)                                            \
    static Return procedure(                                                                       \
        StdbProcedureContext *context STDB_EACH(STDB_ARGUMENT_PARAMETER, ~, __VA_ARGS__));         \
    static StdbBytes stdb_run__##procedure(StdbProcedureContext *stdb_context,                     \
                                           StdbReader stdb_arguments) {                            \
        STDB_EACH(STDB_ARGUMENT_READ, ~, __VA_ARGS__)                                              \
        if (stdb_arguments.failed) stdb_panic("malformed arguments for " #procedure);              \
        Return stdb_value = procedure(stdb_context STDB_EACH(STDB_ARGUMENT_PASS, ~, __VA_ARGS__)); \
        STDB_RETURN_ENCODED(Return, stdb_value)                                                    \
    }                                                                                              \
    static const StdbField stdb_arguments__##procedure[] = {                                       \
        STDB_EACH(STDB_ARGUMENT_ENTRY, ~, __VA_ARGS__){0}};                                        \
    static const StdbProcedure stdb_procedure__##procedure = {                                     \
        .name = #procedure,                                                                        \
        .arguments = stdb_arguments__##procedure,                                                  \
        .returns = &stdb_type__##Return,                                                           \
        .run = stdb_run__##procedure,                                                              \
    };                                                                                             \
    typedef Return stdb_returns__##procedure;                                                      \
    STDB_REGISTER(procedures, StdbProcedure, stdb_procedure__##procedure)                          \
    static Return procedure(__attribute__((unused)) StdbProcedureContext *context STDB_EACH(       \
        STDB_ARGUMENT_PARAMETER, ~, __VA_ARGS__))

// Waits for its turn. The context is that of a reducer, with the transaction's own time; it is good
// until the transaction ends. A transaction left open when the procedure ends is undone.
StdbContext *stdb_begin(StdbProcedureContext *ctx);
// Keeps the changes. What views are watched is brought up to date within.
void stdb_commit(StdbProcedureContext *ctx);
void stdb_abort(StdbProcedureContext *ctx);
// Begins, runs `body` with `data`, and commits if that returns STDB_OK, otherwise undoes it and
// returns STDB_FAILED. `body` may run twice, if the first commit did not go through.
StdbStatus stdb_transact(StdbProcedureContext *ctx, StdbStatus (*body)(StdbContext *tx, void *data),
                         void *data);

// Others run meanwhile. Not within a transaction. ctx->timestamp is the time afterwards.
void stdb_sleep_until(StdbProcedureContext *ctx, StdbTimestamp time);
void stdb_sleep(StdbProcedureContext *ctx, StdbDuration duration);

// When column `at` of a row of the table is due, the procedure is called with the row, which is
// gone by then if it was to run once.
#define STDB_SCHEDULE_PROCEDURE(Row, table_, column_, procedure_)                              \
    _Static_assert(stdb_class__##Row##__##column_ == STDB_CLASS_SCHEDULE_AT,                   \
                   "STDB_SCHEDULE_PROCEDURE: " #table_ "." #column_ " is no ScheduleAt");      \
    _Static_assert(stdb_primary_u64__##table_ == 1,                                            \
                   "STDB_SCHEDULE_PROCEDURE: " #table_ " needs a u64 PRIMARY_KEY");            \
    _Static_assert(                                                                            \
        __builtin_types_compatible_p(__typeof__(procedure_),                                   \
                                     stdb_returns__##procedure_(StdbProcedureContext *, Row)), \
        "STDB_SCHEDULE_PROCEDURE: " #procedure_ " must take one argument, a " #Row);           \
    static const StdbSchedule stdb_schedule__##table_ = {                                      \
        .table = &stdb_table__##table_,                                                        \
        .column = stdb_column__##Row##__##column_,                                             \
        .procedure = &stdb_procedure__##procedure_,                                            \
    };                                                                                         \
    STDB_REGISTER(schedules, StdbSchedule, stdb_schedule__##table_)                            \
    STDB_END

// ---- row-level security ----

typedef struct StdbVisibility {
    const char *sql;
} StdbVisibility;

#define STDB_VISIBILITY(sql) STDB_VISIBILITY_(sql, STDB_PASTE(stdb_visibility__, __COUNTER__))
#define STDB_VISIBILITY_(text, object)                  \
    static const StdbVisibility object = {"" text ""};  \
    STDB_REGISTER(visibilities, StdbVisibility, object) \
    STDB_END

// ---- environment ----

typedef struct StdbEnvironment {
    const char *name;
    const char *const *values;  // NULL after the last; none: any text
    bool is_optional;
} StdbEnvironment;

enum { STDB_ENVIRONMENT_REQUIRED = 0, STDB_ENVIRONMENT_OPTIONAL = 1 };
#define STDB_ENVIRONMENT(key, need, ...)                                                 \
    static const char *const stdb_values__##key[] = {__VA_ARGS__ __VA_OPT__(, ) 0};      \
    static const StdbEnvironment stdb_environment__##key = {                             \
        #key, stdb_values__##key, STDB_ENVIRONMENT_##need == STDB_ENVIRONMENT_OPTIONAL}; \
    STDB_REGISTER(environment, StdbEnvironment, stdb_environment__##key)                 \
    STDB_END

// The value that the database was published with. False: there is none, which only OPTIONAL ones
// may be.
#define stdb_environment(key, ret_value) stdb_environment_get(&stdb_environment__##key, ret_value)
bool stdb_environment_get(const StdbEnvironment *variable, StdbString *ret_value);
