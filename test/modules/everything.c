// everything.c - one of every kind of declaration, and reducers that let a test see what each does.
//
// The first part mirrors golden/modules/kinds, a Rust module: both must describe the same tables
// and write the same bytes. What reducers find they report in the log, one line a row.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

// ---- as in kinds ----

STDB_STRUCT(Point,
    (i32, x),
    (i32, y));
STDB_ARRAY(Points, Point);
STDB_SUM(Shape,
    (Unit,   Dot),
    (f64,    Circle),
    (Points, Poly));
STDB_ENUM(Color, Red, Green, Blue);
STDB_ARRAY(Ints, i32);
STDB_RESULT(NumberOrText, u32, String);

STDB_TABLE(Kinds, kinds, PUBLIC,
    (u64,          id, PRIMARY_KEY, AUTO_INC),
    (bool,         b),
    (i8,           i_8),
    (u8,           u_8),
    (i16,          i_16),
    (u16,          u_16),
    (i32,          i_32),
    (u32,          u_32),
    (i64,          i_64),
    (i128,         i_128),
    (u128,         u_128),
    (i256,         i_256),
    (u256,         u_256),
    (f32,          f_32),
    (f64,          f_64),
    (String,       s),
    (Bytes,        bytes),
    (Ints,         ints),
    (Strings,      names),
    (OptString,    opt),
    (NumberOrText, res),
    (Point,        point),
    (Shape,        shape),
    (Color,        color),
    (Identity,     who),
    (ConnectionId, conn),
    (Timestamp,    at),
    (Duration,     dur),
    (Uuid,         uuid),
    (ScheduleAt,   when));

STDB_TABLE(Fixed, fixed, PUBLIC,
    (u32, id, PRIMARY_KEY, DIRECT),
    (i32, x),
    (i32, y),
    (u16, tag, INDEX, HASH));
STDB_INDEX(Fixed, fixed, by_xy, BTREE, x, y);

STDB_TABLE(Person, person, PUBLIC,
    (Identity, identity, PRIMARY_KEY),
    (String,   name, UNIQUE),
    (u8,       age, INDEX),
    (bool,     vip, DEFAULT(false)));

STDB_TABLE(Secret, secret, PRIVATE,
    (u32,    id, PRIMARY_KEY),
    (String, text));

STDB_TABLE(Plain, plain, PUBLIC,
    (u32,    n),
    (String, s));

STDB_EVENT_TABLE(Ping, ping, PUBLIC,
    (u32,    n),
    (String, note));

STDB_TABLE(Timer, timer, PRIVATE,
    (u64,        id, PRIMARY_KEY, AUTO_INC),
    (ScheduleAt, at),
    (String,     label));

STDB_TABLE(Mail, mail, PUBLIC,
    (u64,      id, PRIMARY_KEY, AUTO_INC),
    (Identity, to, INDEX),
    (String,   body));

STDB_INIT(ctx) {
    stdb_log_info("init by %s", stdb_identity_text(ctx->sender));
    return secret_insert(&(Secret){1, STDB_STRING("init")});
}

STDB_CLIENT_CONNECTED(ctx) {
    stdb_log_debug("connected %s", stdb_connection_id_text(ctx->connection_id));
    return STDB_OK;
}

STDB_CLIENT_DISCONNECTED(ctx) {
    stdb_log_debug("disconnected %s", stdb_connection_id_text(ctx->connection_id));
    return STDB_OK;
}

STDB_REDUCER(tick, ctx, (Timer, timer)) {
    stdb_log_info("tick %llu %s%s", timer.id, timer.label.data,
                  stdb_is_internal(ctx) ? "" : " by hand");
    return STDB_OK;
}
STDB_SCHEDULE(Timer, timer, at, tick);

STDB_REDUCER(schedule, ctx, (String, label), (u64, millis), (bool, repeat)) {
    Duration delay = stdb_millis((i64)millis);
    ScheduleAt at = repeat ? stdb_every(delay) : stdb_at(stdb_later(ctx->timestamp, delay));
    return timer_insert(&(Timer){.at = at, .label = label});
}

static Shape shape_of(u32 n) {
    switch (n % 3) {
    case 0: return (Shape){.tag = Shape_Dot};
    case 1: return (Shape){Shape_Circle, .Circle = n + 0.5};
    default: {
        Points points = {STDB_NEW(Point, 2), 2};
        points.items[0] = (Point){1, 2};
        points.items[1] = (Point){(i32)n, 4};
        return (Shape){Shape_Poly, .Poly = points};
    }
    }
}

// The part of the row that takes loops to build.
static void fill_lists(u32 n, Kinds *row) {
    u8 *bytes = STDB_NEW(u8, n);
    row->ints = (Ints){STDB_NEW(i32, n), n};
    row->names = (Strings){STDB_NEW(String, n), n};
    for (u32 i = 0; i < n; i++) {
        bytes[i] = (u8)i;
        row->ints.items[i] = (i32)(i * i) - 3;
        row->names.items[i] = stdb_format("n%u", i);
    }
    row->bytes = (Bytes){bytes, n};
}

static Kinds kind_of(u32 n) {
    i64 v = n;
    Kinds row = {
        .b = n % 2 == 1,
        .i_8 = (i8) - (i8)n,
        .u_8 = (u8)n,
        .i_16 = (i16)(-(i16)n * 3),
        .u_16 = (u16)(n * 3),
        .i_32 = -(i32)n * 70000,
        .u_32 = n * 70000,
        .i_64 = -v * 5000000000,
        .i_128 = -((i128)v << 70),
        .u_128 = (u128)v << 70,
        .i_256.words[3] = (u64) - (v << 8),
        .u_256.words[3] = (u64)v << 8,
        .f_32 = (f32)n / 4.0f,
        .f_64 = -(f64)n / 8.0,
        .s = stdb_format("row %u \u2713 \"quoted\"\n", n),
        .opt = n % 3 == 0 ? OptString_none() : OptString_some(stdb_format("some %u", n)),
        .res = n % 4 == 0 ? NumberOrText_err(stdb_format("err %u", n)) : NumberOrText_ok(n),
        .point = {(i32)n, -(i32)n},
        .shape = shape_of(n),
        .color = (Color)(n % 3),
        .who.bytes = {[0] = (u8)n, [31] = 0xc2},
        .conn.bytes = {[0] = (u8)n, [12] = 0x10},
        .at = {1700000000000000 + v},
        .dur = {v * 1500000 - 2000000},
        .uuid.bytes = {[0] = (u8)n, [7] = 0x80, [9] = 0x70, [14] = 0x92, [15] = 0x01},
        .when = n % 2 == 0 ? stdb_every(stdb_micros(v + 1)) : stdb_at((Timestamp){v}),
    };
    fill_lists(n, &row);
    return row;
}

STDB_REDUCER(add_kind, ctx, (u32, n)) {
    Kinds row = kind_of(n);
    STDB_TRY(kinds_insert(&row));
    stdb_log_info("kind %llu", row.id);
    return STDB_OK;
}

STDB_REDUCER(fill_fixed, ctx, (u32, from), (u32, count)) {
    for (u32 id = from; id < from + count; id++) {
        STDB_TRY(fixed_insert(&(Fixed){id, (i32)(id % 100), (i32)id, (u16)(id % 7)}));
    }
    return STDB_OK;
}

STDB_REDUCER(move_fixed, ctx, (u32, id), (i32, x), (i32, y)) {
    Fixed row;
    if (!fixed_find_by_id(id, &row)) return stdb_fail("no fixed row %u", id);
    row.x = x;
    row.y = y;
    return fixed_update_by_id(&row);
}

STDB_REDUCER(delete_x, ctx, (i32, low), (i32, high)) {
    u64 count = 0;
    for (i32 x = low; x < high; x++) count += fixed_delete_by_xy_1(x);
    stdb_log_info("deleted %llu", count);
    return STDB_OK;
}

STDB_REDUCER_NAMED(enroll, register, ctx, (String, name), (u8, age)) {
    return person_insert(&(Person){.identity = ctx->sender, .name = name, .age = age});
}

STDB_REDUCER(unregister, ctx) {
    person_delete_by_identity(ctx->sender);
    return STDB_OK;
}

STDB_REDUCER(add_plain, ctx, (u32, n), (String, s)) {
    return plain_insert(&(Plain){n, s});
}

STDB_REDUCER(send_ping, ctx, (u32, n)) {
    for (u32 i = 0; i < n; i++) {
        static const char notes[] = "pingping";
        STDB_TRY(ping_insert(&(Ping){i, {notes, i % 3 * 4}}));
    }
    return STDB_OK;
}

STDB_REDUCER(send_mail, ctx, (Identity, to), (String, body)) {
    return mail_insert(&(Mail){.to = to, .body = body});
}

// 0 fails, 1 panics, 2 loops, 3 eats memory.
STDB_REDUCER(fail, ctx, (u8, how)) {
    switch (how) {
    case 0: return stdb_fail("asked to fail");
    case 1: stdb_panic("asked to panic");
    case 2:
        for (volatile u32 i = 0;; i++) continue;
    case 3:
        for (;;) stdb_alloc(1 << 24);
    default: return STDB_OK;
    }
}

STDB_REDUCER(insert_then_fail, ctx) {
    STDB_TRY(plain_insert(&(Plain){999, STDB_STRING("must not stay")}));
    return stdb_fail("rolled back");
}

STDB_REDUCER(owner_only, ctx) {
    if (stdb_is_internal(ctx)) return STDB_OK;
    return stdb_fail("not the module: %s", stdb_identity_text(ctx->sender));
}

// ---- what kinds has not ----

// A second table with rows of Fixed; only the key differs.
STDB_TABLE_OF(Fixed, archive, PRIVATE,
    (u32, id, PRIMARY_KEY));

STDB_ENUM(Rank, Low, High);
STDB_TABLE(Cell, cell, PUBLIC,
    (Rank,   rank, INDEX, DIRECT),
    (i16,    x),
    (String, layer),
    (i16,    y),
    (i8,     number, AUTO_INC),
    (Point,  origin, DEFAULT((Point){3, -4})),
    (String, note, DEFAULT(STDB_STRING("none"))));
STDB_UNIQUE(Cell, cell, by_place, BTREE, layer, x, y);
STDB_INDEX(Cell, cell, by_rank_layer, HASH, rank, layer);

static void log_fixed(FixedIter rows) {
    for (Fixed row; fixed_next(&rows, &row);) {
        stdb_log_info("fixed %u %d %d %u", row.id, row.x, row.y, row.tag);
    }
}

static void log_cells(CellIter rows) {
    for (Cell row; cell_next(&rows, &row);) {
        stdb_log_info("cell %s %s %d %d #%d %d,%d %s", Rank_name(row.rank), row.layer.data, row.x,
                      row.y, row.number, row.origin.x, row.origin.y, row.note.data);
    }
}

STDB_REDUCER(query_fixed, ctx) {
    stdb_log_info("x 1, y from 101");
    log_fixed(fixed_range_by_xy(1, STDB_FROM, 101, STDB_NO_MAX, 0));
    stdb_log_info("x above 97");
    log_fixed(fixed_range_by_xy_1(STDB_ABOVE, 97, STDB_NO_MAX, 0));
    stdb_log_info("x 2");
    log_fixed(fixed_filter_by_xy_1(2));
    stdb_log_info("x 3, y 203");
    log_fixed(fixed_filter_by_xy(3, 203));
    stdb_log_info("id to 1");
    log_fixed(fixed_range_by_id(STDB_NO_MIN, 0, STDB_TO, 1));
    stdb_log_info("id from 10 below 12");
    log_fixed(fixed_range_by_id(STDB_FROM, 10, STDB_BELOW, 12));
    FixedIter tagged = fixed_filter_by_tag(3);
    u32 count = 0;
    for (Fixed row; fixed_next(&tagged, &row);) count += row.tag == 3;
    stdb_log_info("tag 3: %u of %llu", count, fixed_count());
    return STDB_OK;
}

// Deletes what it reads: the scan shows the rows as they were when it began.
STDB_REDUCER(delete_while_reading, ctx) {
    FixedIter rows = fixed_scan();
    u32 seen = 0, deleted = 0;
    for (Fixed row; fixed_next(&rows, &row); seen++) deleted += fixed_delete(&row);
    stdb_log_info("seen %u, deleted %u, left %llu", seen, deleted, fixed_count());
    return STDB_OK;
}

// Leaves scans half read, which the library must close.
STDB_REDUCER(break_early, ctx) {
    for (u32 i = 0; i < 20; i++) {
        FixedIter rows = fixed_scan();
        Fixed row;
        if (!fixed_next(&rows, &row)) return stdb_fail("no rows");
        if (row.id != 0) return stdb_fail("row %u came first", row.id);
    }
    return STDB_OK;
}

STDB_REDUCER(delete_fixed, ctx) {
    stdb_log_info("by tag %u", fixed_delete_by_tag(5));
    stdb_log_info("by range %u", fixed_delete_range_by_id(STDB_FROM, 0, STDB_BELOW, 10));
    stdb_log_info("by x and y %u", fixed_delete_by_xy(11, 11));
    stdb_log_info("by x, y range %u", fixed_delete_range_by_xy(13, STDB_FROM, 0, STDB_BELOW, 200));
    stdb_log_info("by key %d %d", fixed_delete_by_id(14), fixed_delete_by_id(14));
    Fixed gone = {15, 15, 15, 1}, other = {16, 0, 0, 0};
    stdb_log_info("by row %d %d %d", fixed_delete(&gone), fixed_delete(&gone),
                  fixed_delete(&other));
    u64 left = fixed_count();
    stdb_log_info("cleared %s", fixed_clear() == left ? "the rest" : "something else");
    return STDB_OK;
}

STDB_REDUCER(use_cells, ctx) {
    Cell cell = {
        .rank = Rank_High, .x = 1, .y = 2, .layer = STDB_STRING("sea"), .note = STDB_STRING("a")};
    STDB_TRY(cell_insert(&cell));
    stdb_log_info("number %d", cell.number);
    cell.number = 0;
    if (cell_insert(&cell) == STDB_OK) return stdb_fail("inserted the same place twice");
    stdb_log_info("%s", stdb_fail_text().data);
    cell = (Cell){.rank = Rank_Low, .x = 1, .y = 3, .layer = STDB_STRING("sea"), .number = 40};
    STDB_TRY(cell_insert_or_update_by_place(&cell));
    cell.note = STDB_STRING("changed");
    STDB_TRY(cell_insert_or_update_by_place(&cell));
    cell = (Cell){.rank = Rank_Low, .x = -7, .y = 3, .layer = STDB_STRING("sky")};
    STDB_TRY(cell_insert(&cell));
    stdb_log_info("all");
    log_cells(cell_scan());
    stdb_log_info("low");
    log_cells(cell_filter_by_rank(Rank_Low));
    stdb_log_info("high sea");
    log_cells(cell_filter_by_rank_layer(Rank_High, STDB_STRING("sea")));
    stdb_log_info("sea");
    log_cells(cell_filter_by_place_1(STDB_STRING("sea")));
    stdb_log_info("sea, 1, above 2");
    log_cells(cell_range_by_place(STDB_STRING("sea"), 1, STDB_ABOVE, 2, STDB_NO_MAX, 0));
    stdb_log_info("from sb");
    log_cells(cell_range_by_place_1(STDB_FROM, STDB_STRING("sf"), STDB_NO_MAX, (String){0}));
    if (!cell_find_by_place(STDB_STRING("sea"), 1, 2, &cell)) return stdb_fail("lost a cell");
    cell.note = STDB_STRING("found");
    STDB_TRY(cell_update_by_place(&cell));
    stdb_log_info("deleted %d %u", cell_delete_by_place(STDB_STRING("sky"), -7, 3),
                  cell_delete_by_place_2(STDB_STRING("sea"), 1));
    cell.x = 99;
    return cell_update_by_place(&cell);
}

STDB_REDUCER(use_archive, ctx, (u32, id)) {
    Fixed row = {id, 1, 2, 3};
    STDB_TRY(archive_insert(&row));
    row.x = 10;
    STDB_TRY(archive_update_by_id(&row));
    STDB_TRY(fixed_insert(&row));
    return archive_find_by_id(id, &row) && row.x == 10 ? STDB_OK : stdb_fail("archive lost %u", id);
}

// Every type as an argument, sent back as a row.
STDB_REDUCER(echo, ctx, (Kinds, kind), (Strings, names), (OptString, note), (Color, color)) {
    if (names.count != kind.names.count) return stdb_fail("%u names", names.count);
    for (u32 i = 0; i < names.count; i++) {
        if (!stdb_string_equal(names.items[i], kind.names.items[i])) return stdb_fail("name %u", i);
        if (strlen(names.items[i].data) != names.items[i].length) return stdb_fail("no zero byte");
    }
    kind.color = color;
    kind.opt = note;
    return kinds_insert(&kind);
}

// Finds a row by its key, and writes it back under another.
STDB_REDUCER(copy_kind, ctx, (u64, from)) {
    Kinds row;
    if (!kinds_find_by_id(from, &row)) return stdb_fail("no kind %llu", from);
    row.id = 0;
    return kinds_insert(&row);
}

STDB_REDUCER(rename, ctx, (String, name)) {
    Person person;
    if (!person_find_by_identity(ctx->sender, &person)) return stdb_fail("unknown");
    person.name = name;
    return person_update_by_identity(&person);
}

STDB_REDUCER(who_is, ctx, (String, name)) {
    Person person;
    if (!person_find_by_name(name, &person)) return stdb_fail("nobody is called %s", name.data);
    stdb_log_info("%s is %u", stdb_identity_text(person.identity), person.age);
    return STDB_OK;
}

STDB_REDUCER(ages, ctx, (u8, from), (u8, below)) {
    PersonIter people = person_range_by_age(STDB_FROM, from, STDB_BELOW, below);
    for (Person person; person_next(&people, &person);) stdb_log_info("%s", person.name.data);
    return STDB_OK;
}

// Adds `count` rows of `length` bytes, reads them all, twice, without keeping them.
STDB_REDUCER(big_rows, ctx, (u32, count), (u32, length)) {
    char *text = stdb_alloc(length);
    memset(text, 'x', length);
    for (u32 n = 0; n < count; n++) STDB_TRY(plain_insert(&(Plain){n, {text, length}}));
    u64 bytes = 0;
    for (u32 round = 0; round < 2; round++) {
        StdbMark mark = stdb_mark();
        PlainIter rows = plain_scan();
        for (Plain row; plain_next(&rows, &row);) bytes += strlen(row.s.data);
        stdb_release(mark);
    }
    stdb_log_info("%llu bytes", bytes);
    return STDB_OK;
}

STDB_REDUCER(random, ctx) {
    for (u32 i = 0; i < 3; i++) stdb_log_info("%llu", stdb_random_u64(ctx));
    stdb_log_info("%llu %f", stdb_random_below(ctx, 10), stdb_random_double(ctx));
    stdb_log_info("%s", stdb_uuid_text(stdb_uuid_v4(ctx)));
    for (u32 i = 0; i < 2; i++) stdb_log_info("%s", stdb_uuid_text(stdb_uuid_v7(ctx)));
    return STDB_OK;
}

STDB_REDUCER(logs, ctx) {
    stdb_log_error("error %d", 1);
    stdb_log_warn("warn");
    stdb_log_info("info");
    stdb_log_debug("debug");
    stdb_log_trace("trace");
    char *text = stdb_alloc(5001);
    memset(text, 'y', 5000);
    stdb_log_info("%s", text);
    u32 timer = stdb_timer_start("span");
    stdb_timer_end(timer);
    return STDB_OK;
}

STDB_REDUCER(context, ctx) {
    String claims = STDB_STRING("none");
    stdb_jwt(ctx, &claims);
    stdb_log_info("%s %s %s", stdb_identity_text(ctx->sender),
                  stdb_connection_id_text(ctx->connection_id), stdb_timestamp_text(ctx->timestamp));
    stdb_log_info("%s %d %s", stdb_identity_text(stdb_database_identity()), stdb_is_internal(ctx),
                  claims.data);
    return STDB_OK;
}

STDB_REDUCER(parse, ctx, (String, text)) {
    Identity identity;
    if (!stdb_identity_parse(text, &identity)) return stdb_fail("no identity");
    stdb_log_info("%s", stdb_identity_text(identity));
    return STDB_OK;
}

STDB_REDUCER(format, ctx, (f64, value), (i64, number)) {
    stdb_log_info("%f|%.0f|%.17g|%g|%e|%10.2f|%-10.1f|%+.3E|%#.0f", value, value, value, value,
                  value, value, value, value, value);
    stdb_log_info("%lld|%20lld|%-20lld|%020lld|%+lld|%llx|%#llX|%llo|%.5lld", number, number,
                  number, number, number, (u64)number, (u64)number, (u64)number, number);
    stdb_log_info("%d|%u|%hhd|%hu|%zu|%c|%5s|%-5s|%.2s|%%|%*d", (i32)number, (u32)number,
                  (i8)number, (u16)number, (size_t)(u32)number, 'c', "abc", "abc", "abc", 6, 42);
    return STDB_OK;
}

STDB_REDUCER(wide, ctx, (u128, a), (u128, b), (i128, c), (i128, d), (u8, bits)) {
    if (b == 0 || d == 0) return stdb_fail("division by zero");
    u128 unsigned_results[] = {a * b, a / b, a % b, a << bits, a >> bits, a + b, a - b};
    i128 signed_results[] = {c * d, c / d, c % d, c >> bits};
    for (u32 i = 0; i < 7; i++) {
        stdb_log_info("%016llx%016llx", (u64)(unsigned_results[i] >> 64), (u64)unsigned_results[i]);
    }
    for (u32 i = 0; i < 4; i++) {
        stdb_log_info("%016llx%016llx", (u64)((u128)signed_results[i] >> 64),
                      (u64)signed_results[i]);
    }
    return STDB_OK;
}

STDB_REDUCER(far, ctx) {
    return timer_insert(&(Timer){.at = stdb_every(stdb_hours(24 * 365 * 3))});
}

STDB_REDUCER(bad_tag, ctx) {
    Kinds row = kind_of(1);
    row.color = (Color)9;
    return kinds_insert(&row);
}

STDB_REDUCER(silent_failure, ctx) {
    return STDB_FAILED;
}

// The text outlives the memory that it was made in.
STDB_REDUCER(fail_in_mark, ctx) {
    StdbMark mark = stdb_mark();
    stdb_alloc(100);
    StdbStatus status = stdb_fail("kept %s", "text");
    stdb_release(mark);
    memset(stdb_alloc(4000), 'z', 4000);
    return status;
}
