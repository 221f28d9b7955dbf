// reducer.h - the functions that clients, connections and the clock call.
//
//     STDB_REDUCER(add, ctx, (String, name), (u32, age)) {     name, name of the context, arguments
//         ...
//         return STDB_OK;
//     }
//
// makes the function `StdbStatus add(StdbContext *ctx, String name, u32 age)`, which other code may
// call as well, and the reducer `add` that clients call. Returning STDB_FAILED undoes every change
// of the call; return stdb_fail(...) tells the caller why. Reducers of one module have different
// names; they are numbered in the order of the sources.
//
//     STDB_INIT(ctx) { ... }                  when the database is created; the sender is its owner
//     STDB_CLIENT_CONNECTED(ctx) { ... }      failing refuses the connection
//     STDB_CLIENT_DISCONNECTED(ctx) { ... }
//
//     STDB_REDUCER(ring, ctx, (Timer, timer)) { ... }
//     STDB_SCHEDULE(Timer, timer, at, ring);  when column `at` of a row of table timer (row type
//                                             Timer) is due, calls ring with the row
//
// A scheduled table has a u64 PRIMARY_KEY and a ScheduleAt column. Rows with a time run once and
// are then deleted; rows with an interval stay and run again. Scheduled and lifecycle reducers
// cannot be called by clients.
// Limits     64 arguments.
#pragma once

#include "declare.h"
#include "rows.h"

typedef enum StdbLifecycle {
    STDB_LIFECYCLE_INIT = 0,
    STDB_LIFECYCLE_CONNECTED = 1,
    STDB_LIFECYCLE_DISCONNECTED = 2,
    STDB_LIFECYCLE_NONE = 3,
} StdbLifecycle;

typedef struct StdbReducer {
    const char *name;
    const StdbField *arguments;
    StdbStatus (*run)(StdbContext *context, StdbReader arguments);
    StdbLifecycle lifecycle;
} StdbReducer;

typedef struct StdbSchedule {
    const StdbTable *table;
    uint32_t column;
    const StdbReducer *reducer;  // one of the two
    const struct StdbProcedure *procedure;
} StdbSchedule;

// How names reach the database. NONE, the default: as written. SNAKE_CASE: as upstream's other
// languages do it, player1 becomes player_1. Once in a module: STDB_CASE_POLICY(SNAKE_CASE);
typedef enum StdbCasePolicy {
    STDB_CASE_NONE = 0,
    STDB_CASE_SNAKE_CASE = 1,
} StdbCasePolicy;
#define STDB_CASE_POLICY(policy)                                       \
    static const StdbCasePolicy stdb_case_policy = STDB_CASE_##policy; \
    STDB_REGISTER(case_policy, StdbCasePolicy, stdb_case_policy)       \
    STDB_END

#define STDB_REDUCER(name, context, ...) \
    STDB_REDUCER_(name, name, STDB_LIFECYCLE_NONE, context __VA_OPT__(, ) __VA_ARGS__)

// A reducer whose name is none that C allows: STDB_REDUCER_NAMED(enroll, register, ctx, ...)
#define STDB_REDUCER_NAMED(function, name, context, ...) \
    STDB_REDUCER_(name, function, STDB_LIFECYCLE_NONE, context __VA_OPT__(, ) __VA_ARGS__)

#define STDB_INIT(context) STDB_REDUCER_(init, stdb_init, STDB_LIFECYCLE_INIT, context)
#define STDB_CLIENT_CONNECTED(context) \
    STDB_REDUCER_(client_connected, stdb_client_connected, STDB_LIFECYCLE_CONNECTED, context)
#define STDB_CLIENT_DISCONNECTED(context)                                                     \
    STDB_REDUCER_(client_disconnected, stdb_client_disconnected, STDB_LIFECYCLE_DISCONNECTED, \
                  context)

#define STDB_REDUCER_(reducer_name, function, reducer_lifecycle, context, ...)                     \
    static StdbStatus function(                                                                    \
        StdbContext *context STDB_EACH(STDB_ARGUMENT_PARAMETER, ~, __VA_ARGS__));                  \
    static StdbStatus stdb_run__##function(StdbContext *stdb_context, StdbReader stdb_arguments) { \
        STDB_EACH(STDB_ARGUMENT_READ, ~, __VA_ARGS__)                                              \
        if (stdb_arguments.failed) return stdb_fail("malformed arguments for " #reducer_name);     \
        return function(stdb_context STDB_EACH(STDB_ARGUMENT_PASS, ~, __VA_ARGS__));               \
    }                                                                                              \
    static const StdbField stdb_arguments__##function[] = {                                        \
        STDB_EACH(STDB_ARGUMENT_ENTRY, ~, __VA_ARGS__){0}};                                        \
    static const StdbReducer stdb_reducer__##function = {                                          \
        .name = #reducer_name,                                                                     \
        .arguments = stdb_arguments__##function,                                                   \
        .run = stdb_run__##function,                                                               \
        .lifecycle = reducer_lifecycle,                                                            \
    };                                                                                             \
    STDB_REGISTER(reducers, StdbReducer, stdb_reducer__##function)                                 \
    static StdbStatus function(__attribute__((unused)) StdbContext *context STDB_EACH(             \
        STDB_ARGUMENT_PARAMETER, ~, __VA_ARGS__))

#define STDB_ARGUMENT_PARAMETER(data, field) \
    STDB_CALL(STDB_ARGUMENT_PARAMETER_, STDB_NEEDS_PARENTHESES field, )
#define STDB_ARGUMENT_PARAMETER_(Type, name, ...) , Type name
#define STDB_ARGUMENT_READ(data, field) \
    STDB_CALL(STDB_ARGUMENT_READ_, STDB_NEEDS_PARENTHESES field, )
#define STDB_ARGUMENT_READ_(Type, name, ...) \
    Type name;                               \
    stdb_read__##Type(&stdb_arguments, &name);
#define STDB_ARGUMENT_PASS(data, field) \
    STDB_CALL(STDB_ARGUMENT_PASS_, STDB_NEEDS_PARENTHESES field, )
#define STDB_ARGUMENT_PASS_(Type, name, ...) , name
#define STDB_ARGUMENT_ENTRY(data, field) \
    STDB_CALL(STDB_ARGUMENT_ENTRY_, STDB_NEEDS_PARENTHESES field, )
#define STDB_ARGUMENT_ENTRY_(Type, name, ...) {#name, &stdb_type__##Type},

#define STDB_SCHEDULE(Row, table_, column_, reducer_)                                       \
    _Static_assert(stdb_class__##Row##__##column_ == STDB_CLASS_SCHEDULE_AT,                \
                   "STDB_SCHEDULE: " #table_ "." #column_ " is no ScheduleAt");             \
    _Static_assert(stdb_primary_u64__##table_ == 1,                                         \
                   "STDB_SCHEDULE: " #table_ " needs a u64 PRIMARY_KEY");                   \
    _Static_assert(                                                                         \
        __builtin_types_compatible_p(__typeof__(reducer_), StdbStatus(StdbContext *, Row)), \
        "STDB_SCHEDULE: " #reducer_ " must take one argument, a " #Row);                    \
    static const StdbSchedule stdb_schedule__##table_ = {                                   \
        .table = &stdb_table__##table_,                                                     \
        .column = stdb_column__##Row##__##column_,                                          \
        .reducer = &stdb_reducer__##reducer_,                                               \
    };                                                                                      \
    STDB_REGISTER(schedules, StdbSchedule, stdb_schedule__##table_)                         \
    STDB_END
