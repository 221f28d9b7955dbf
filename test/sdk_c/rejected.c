// rejected.c - mistakes, one per CASE, each with what the first error must say.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

STDB_STRUCT(Point,
    (i32, x),
    (i32, y));

#ifndef CASE
#define CASE 0
#endif

#if CASE == 0  // nothing
STDB_TABLE(A, a, PUBLIC,
    (u32,    id, PRIMARY_KEY),
    (String, name, UNIQUE),
    (u16,    tag, INDEX, HASH));
STDB_REDUCER(fine, ctx, (u32, id)) {
    return a_insert(&(A){.id = id});
}
#elif CASE == 1   // unknown type name 'Strng'
STDB_TABLE(A, a, PUBLIC,
    (u32,   id),
    (Strng, name));
#elif CASE == 2   // undeclared identifier 'STDB_COLUMN_PRIMARY'
STDB_TABLE(A, a, PUBLIC,
    (u32, id, PRIMARY));
#elif CASE == 3   // table a: more than one PRIMARY_KEY
STDB_TABLE(A, a, PUBLIC,
    (u32, id, PRIMARY_KEY),
    (u32, other, PRIMARY_KEY));
#elif CASE == 4   // a.name: AUTO_INC needs an integer
STDB_TABLE(A, a, PUBLIC,
    (String, name, AUTO_INC));
#elif CASE == 5   // a.name: DIRECT needs u8, u16, u32, u64 or an enum
STDB_TABLE(A, a, PUBLIC,
    (i32, name, INDEX, DIRECT));
#elif CASE == 6   // a.id: give one of PRIMARY_KEY, UNIQUE and INDEX
STDB_TABLE(A, a, PUBLIC,
    (u32, id, UNIQUE, INDEX));
#elif CASE == 7   // a.id: BTREE, HASH and DIRECT go with PRIMARY_KEY, UNIQUE or INDEX
STDB_TABLE(A, a, PUBLIC,
    (u32, id, HASH));
#elif CASE == 8   // a.id: DEFAULT would give many rows one key
STDB_TABLE(A, a, PUBLIC,
    (u32, id, UNIQUE, DEFAULT(1)));
#elif CASE == 9   // undeclared identifier 'STDB_ACCESS_OPEN'
STDB_TABLE(A, a, OPEN,
    (u32, id));
#elif CASE == 10  // a.by_tag: a HASH index has no order, this needs BTREE
STDB_TABLE(A, a, PUBLIC,
    (u32, tag, INDEX, HASH));
STDB_REDUCER(range, ctx) {
    return a_delete_range_by_tag(STDB_FROM, 1, STDB_TO, 2) == 0 ? STDB_OK : STDB_FAILED;
}
#elif CASE == 11  // ignoring return value of function declared with 'warn_unused_result'
STDB_TABLE(A, a, PUBLIC,
    (u32, id));
STDB_REDUCER(drop, ctx) {
    a_insert(&(A){1});
    return STDB_OK;
}
#elif CASE == 12  // passing 'String' (aka 'struct StdbString') to parameter of incompatible type
STDB_TABLE(A, a, PUBLIC,
    (Identity, who, PRIMARY_KEY));
STDB_REDUCER(find, ctx, (String, who)) {
    A row;
    return a_find_by_who(who, &row) ? STDB_OK : STDB_FAILED;
}
#elif CASE == 13  // STDB_SCHEDULE: ring must take one argument, a Timer
STDB_TABLE(Timer, timer, PRIVATE,
    (u64,        id, PRIMARY_KEY),
    (ScheduleAt, at));
STDB_REDUCER(ring, ctx, (u64, id)) {
    return id > 0 ? STDB_OK : STDB_FAILED;
}
STDB_SCHEDULE(Timer, timer, at, ring);
#elif CASE == 14  // STDB_SCHEDULE: timer needs a u64 PRIMARY_KEY
STDB_TABLE(Timer, timer, PRIVATE,
    (u32,        id, PRIMARY_KEY),
    (ScheduleAt, at));
STDB_REDUCER(ring, ctx, (Timer, timer)) {
    return timer.id > 0 ? STDB_OK : STDB_FAILED;
}
STDB_SCHEDULE(Timer, timer, at, ring);
#elif CASE == 15  // STDB_SCHEDULE: timer.at is no ScheduleAt
STDB_TABLE(Timer, timer, PRIVATE,
    (u64,       id, PRIMARY_KEY),
    (Timestamp, at));
STDB_REDUCER(ring, ctx, (Timer, timer)) {
    return timer.id > 0 ? STDB_OK : STDB_FAILED;
}
STDB_SCHEDULE(Timer, timer, at, ring);
#elif CASE == 16  // undeclared identifier 'ring'
STDB_TABLE(Timer, timer, PRIVATE,
    (u64,        id, PRIMARY_KEY),
    (ScheduleAt, at));
STDB_SCHEDULE(Timer, timer, at, ring);
#elif CASE == 17  // format specifies type 'char *' but the argument has type 'String'
#pragma clang diagnostic error "-Wformat"
STDB_REDUCER(say, ctx, (String, text)) {
    return stdb_fail("%s", text);
}
#elif CASE == 18  // call to undeclared function 'a_find_by_name'
STDB_TABLE(A, a, PUBLIC,
    (u32,    id, PRIMARY_KEY),
    (String, name));
STDB_REDUCER(find, ctx, (String, name)) {
    A row;
    return a_find_by_name(name, &row) ? STDB_OK : STDB_FAILED;
}
#elif CASE == 19  // undeclared identifier 'stdb_column__Point__z'
STDB_TABLE_OF(Point, points, PUBLIC,
    (i32, x, PRIMARY_KEY));
STDB_INDEX(Point, points, by_z, BTREE, x, z);
#elif CASE == 20  // points.x: not the type it has in Point
STDB_TABLE_OF(Point, points, PUBLIC,
    (u32, x, PRIMARY_KEY));
#elif CASE == 21  // redefinition of 'stdb_run__twice'
STDB_REDUCER(twice, ctx) {
    return STDB_OK;
}
STDB_REDUCER(twice, ctx) {
    return STDB_OK;
}
#elif CASE == 22  // array Units: its items take no bytes
STDB_ARRAY(Units, Unit);
#elif CASE == 23  // unknown type name 'STDB_NEEDS_PARENTHESES'
STDB_REDUCER(bare, ctx, String text) {
    return text.length > 0 ? STDB_OK : STDB_FAILED;
}
#elif CASE == 24  // expected ';' after '_Static_assert'
STDB_TABLE(A, a, PUBLIC,
    (u32, id))

STDB_REDUCER(after, ctx) {
    return STDB_OK;
}
#elif CASE == 25  // view bare: returns an STDB_ARRAY, STDB_OPTION or STDB_QUERY of a struct
STDB_VIEW(OptU32, bare, PUBLIC, ctx) {
    return OptU32_none();
}
#elif CASE == 26  // view row: returns an STDB_ARRAY, STDB_OPTION or STDB_QUERY of a struct
STDB_ANONYMOUS_VIEW(Point, row, PUBLIC, ctx) {
    return (Point){0};
}
#elif CASE == 27  // STDB_QUERY Texts: String is no row type, declare it with STDB_STRUCT
STDB_QUERY(Texts, String);
#elif CASE == 28  // no member named 'sender' in 'struct StdbAnonymousViewContext'
STDB_ARRAY(Points, Point);
STDB_ANONYMOUS_VIEW(Points, mine, PUBLIC, ctx) {
    return ctx->sender.bytes[0] == 0 ? (Points){0} : (Points){0};
}
#elif CASE == 29  // STDB_SCHEDULE_PROCEDURE: work must take one argument, a Timer
STDB_TABLE(Timer, timer, PRIVATE,
    (u64,        id, PRIMARY_KEY),
    (ScheduleAt, at));
STDB_PROCEDURE(Unit, work, ctx, (u64, id)) {
    stdb_log_info("%llu", (unsigned long long)id);
    return (Unit){0};
}
STDB_SCHEDULE_PROCEDURE(Timer, timer, at, work);
#elif CASE == 30  // returning 'StdbStatus' (aka 'enum StdbStatus') from a function
STDB_PROCEDURE(Unit, failing, ctx) {
    return stdb_fail("procedures return what they say");
}
#elif CASE == 31  // undeclared identifier 'stdb_environment__API_KEY'
STDB_REDUCER(read, ctx) {
    String value;
    return stdb_environment(API_KEY, &value) ? STDB_OK : STDB_FAILED;
}
#elif CASE == 32  // undeclared identifier 'stdb_handler__receive'
STDB_HTTP_ROUTE(POST, "/orders", receive);
#elif CASE == 33  // undeclared identifier 'STDB_HTTP_FETCH'
STDB_HTTP_HANDLER(receive, ctx, request) {
    return stdb_http_text(200, "ok");
}
STDB_HTTP_ROUTE(FETCH, "/orders", receive);
#elif CASE == 34  // undeclared identifier 'stdb_column__Point__z'
STDB_ARRAY(Points, Point);
STDB_ANONYMOUS_VIEW(Points, all, PUBLIC, ctx) {
    return (Points){0};
}
STDB_VIEW_PRIMARY_KEY(all, Point, z);
#elif CASE == 35  // incompatible pointer types passing 'StdbProcedureContext *'
STDB_REDUCER(add, ctx) {
    return STDB_OK;
}
STDB_PROCEDURE(Unit, outside, ctx) {
    if (add(ctx) != STDB_OK) stdb_log_info("no");
    return (Unit){0};
}
#endif
