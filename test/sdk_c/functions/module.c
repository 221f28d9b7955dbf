// module.c - views, procedures, HTTP handlers, visibility and environment, each in every form.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

STDB_TABLE(Player, player, PUBLIC,
    (u64,      id, PRIMARY_KEY, AUTO_INC),
    (Identity, owner, UNIQUE),
    (String,   name),
    (u32,      level, INDEX),
    (u32,      score, DEFAULT(7)));

STDB_TABLE(Note, note, PUBLIC,
    (u64,      id, PRIMARY_KEY, AUTO_INC),
    (Identity, owner, INDEX),
    (String,   text));
STDB_VISIBILITY("SELECT * FROM note WHERE owner = :sender");

STDB_EVENT_TABLE(Noise, noise, PUBLIC, (String, text));

STDB_TABLE(Cell, cell, PUBLIC,
    (u64, id, PRIMARY_KEY, AUTO_INC),
    (i32, layer),
    (i32, x),
    (i32, y));
STDB_INDEX(Cell, cell, by_place, BTREE, layer, x, y);

STDB_TABLE(Alarm, alarm, PRIVATE,
    (u64,        id, PRIMARY_KEY, AUTO_INC),
    (ScheduleAt, at),
    (String,     text));
STDB_TABLE(Job, job, PRIVATE, (u64, id, PRIMARY_KEY, AUTO_INC), (ScheduleAt, at), (String, text));

STDB_ENVIRONMENT(API_KEY, OPTIONAL);
STDB_ENVIRONMENT(MODE, OPTIONAL, "dev", "prod");

STDB_ARRAY(Players, Player);
STDB_OPTION(OptPlayer, Player);
STDB_QUERY(PlayerQuery, Player);
STDB_RESULT(Fetched, String, String);
STDB_ARRAY(Numbers, u64);
STDB_STRUCT(Total, (u32, players), (u64, score));
STDB_ARRAY(Totals, Total);

static StdbStatus note_add(StdbContext *ctx, const char *text) {
    return note_insert(&(Note){.owner = ctx->sender, .text = stdb_string(text)});
}

// ---- reducers ----

STDB_REDUCER(join, ctx, (String, name), (u32, level)) {
    if (name.length == 0) return stdb_fail("a name is needed");
    return player_insert(&(Player){.owner = ctx->sender, .name = name, .level = level});
}

STDB_REDUCER(rise, ctx, (u32, level)) {
    Player player;
    if (!player_find_by_owner(ctx->sender, &player)) return stdb_fail("you are not there");
    player.level = level;
    return player_update_by_owner(&player);
}

STDB_REDUCER(remember, ctx, (String, text)) {
    return note_add(ctx, text.data);
}

STDB_REDUCER(shout, ctx, (String, text)) {
    STDB_TRY(noise_insert(&(Noise){text}));
    stdb_log_info("%llu to hear", (unsigned long long)noise_count());
    return STDB_OK;
}

STDB_REDUCER(fill, ctx, (i32, layer), (i32, side)) {
    for (i32 i = 0; i < side * side; i++)
        STDB_TRY(cell_insert(&(Cell){0, layer, i / side, i % side}));
    return STDB_OK;
}

static u32 cells(CellIter iter) {
    u32 count = 0;
    for (Cell cell; cell_next(&iter, &cell);) count++;
    return count;
}

STDB_REDUCER(measure, ctx) {
    (void)note_add(ctx, stdb_format("point %u, range %u, prefix %u, prefix range %u, layer %u",
                                    cells(cell_filter_by_place(1, 2, 3)),
                                    cells(cell_range_by_place(1, 2, STDB_FROM, 1, STDB_BELOW, 3)),
                                    cells(cell_filter_by_place_2(1, 2)),
                                    cells(cell_range_by_place_2(1, STDB_ABOVE, 0, STDB_NO_MAX, 0)),
                                    cells(cell_filter_by_place_1(1)))
                            .data);
    return STDB_OK;
}

STDB_REDUCER(roll, ctx) {
    u64 first = stdb_random_below(ctx, 6);
    StdbContext again = {.timestamp = ctx->timestamp};
    return note_add(ctx,
                    first == stdb_random_below(&again, 6) && first < 6 ? "the same" : "another");
}

STDB_REDUCER(whoami, ctx) {
    String claims;
    String subject;
    if (!stdb_jwt(ctx, &claims)) return note_add(ctx, "no token");
    if (!stdb_claim_text(claims, "sub", &subject))
        return stdb_fail("no subject in %s", claims.data);
    return note_add(
        ctx,
        stdb_format("%s %s", subject.data,
                    stdb_claim_has(claims, "aud", STDB_STRING("players")) ? "plays" : "watches")
            .data);
}

STDB_REDUCER(settings, ctx) {
    String key;
    String mode;
    bool has_key = stdb_environment(API_KEY, &key);
    bool has_mode = stdb_environment(MODE, &mode);
    return note_add(
        ctx, stdb_format("%s %s", has_key ? key.data : "-", has_mode ? mode.data : "-").data);
}

STDB_REDUCER(ring, ctx, (Alarm, alarm)) {
    if (!stdb_is_internal(ctx)) return stdb_fail("not the clock");
    return note_add(
        ctx, stdb_format("%s at %lld", alarm.text.data, (long long)ctx->timestamp.micros).data);
}
STDB_SCHEDULE(Alarm, alarm, at, ring);

STDB_PROCEDURE(Unit, work, ctx, (Job, job)) {
    StdbContext *tx = stdb_begin(ctx);
    if (note_add(tx, job.text.data) == STDB_OK)
        stdb_commit(ctx);
    else
        stdb_abort(ctx);
    return (Unit){0};
}
STDB_SCHEDULE_PROCEDURE(Job, job, at, work);

STDB_REDUCER(plan, ctx, (u32, seconds), (bool, again), (String, text)) {
    Duration delay = stdb_seconds(seconds);
    ScheduleAt at = again ? stdb_every(delay) : stdb_at(stdb_later(ctx->timestamp, delay));
    STDB_TRY(alarm_insert(&(Alarm){.at = at, .text = text}));
    return job_insert(&(Job){.at = at, .text = stdb_format("job %s", text.data)});
}

// ---- views ----

STDB_VIEW(OptPlayer, me, PUBLIC, ctx) {
    Player player;
    return player_find_by_owner(ctx->sender, &player) ? OptPlayer_some(player) : OptPlayer_none();
}

STDB_ANONYMOUS_VIEW(Players, champions, PUBLIC, ctx) {
    Players players = {.items = STDB_NEW(Player, player_count())};
    PlayerIter iter = player_range_by_level(STDB_FROM, 10, STDB_NO_MAX, 0);
    while (player_next(&iter, &players.items[players.count])) players.count++;
    return players;
}
STDB_VIEW_PRIMARY_KEY(champions, Player, id);

STDB_VIEW(PlayerQuery, others, PUBLIC, ctx) {
    return PlayerQuery_sql("SELECT * FROM player WHERE owner != 0x%s",
                           stdb_identity_text(ctx->sender));
}

STDB_ANONYMOUS_VIEW(Totals, totals, PUBLIC, ctx) {
    Totals totals = {.items = STDB_NEW(Total, 1), .count = 1};
    PlayerIter iter = player_scan();
    for (Player player; player_next(&iter, &player);) {
        totals.items[0].players++;
        totals.items[0].score += player.score;
    }
    return totals;
}

STDB_ANONYMOUS_VIEW(Players, of_level, PUBLIC, ctx, (u32, level)) {
    Players players = {.items = STDB_NEW(Player, player_count())};
    PlayerIter iter = player_filter_by_level(level);
    while (player_next(&iter, &players.items[players.count])) players.count++;
    return players;
}

// ---- procedures ----

STDB_PROCEDURE(u64, add, ctx, (u64, left), (u64, right)) {
    return left + right;
}

STDB_PROCEDURE(Numbers, doubled, ctx, (Numbers, numbers)) {
    for (u32 i = 0; i < numbers.count; i++) numbers.items[i] *= 2;
    return numbers;
}

static StdbStatus twice(StdbContext *tx, void *data) {
    STDB_TRY(note_add(tx, ((String *)data)->data));
    return note_add(tx, ((String *)data)->data);
}
static StdbStatus refuse(StdbContext *tx, void *data) {
    STDB_TRY(twice(tx, data));
    return stdb_fail("no %s", ((String *)data)->data);
}

STDB_PROCEDURE(Fetched, transact, ctx, (String, text), (bool, refused)) {
    if (stdb_transact(ctx, refused ? refuse : twice, &text) != STDB_OK)
        return Fetched_err(stdb_fail_text());
    return Fetched_ok(
        stdb_format("%llu notes", (unsigned long long)(stdb_begin(ctx), note_count())));
}

// A view is brought up to date in the middle: what this call has must outlive that.
STDB_PROCEDURE(String, promote, ctx, (u32, level)) {
    String before = stdb_format("level %u", level);
    StdbContext *tx = stdb_begin(ctx);
    StdbStatus status = rise(tx, level);
    if (status != STDB_OK) {
        stdb_abort(ctx);
        return stdb_fail_text();
    }
    stdb_commit(ctx);
    String after = stdb_format("done");
    return stdb_format("%s, %s", before.data, after.data);
}

STDB_PROCEDURE(i64, nap, ctx, (u32, seconds)) {
    Timestamp before = ctx->timestamp;
    stdb_sleep(ctx, stdb_seconds(seconds));
    return stdb_elapsed(before, ctx->timestamp).micros;
}

STDB_PROCEDURE(Fetched, fetch, ctx, (String, uri), (String, body)) {
    StdbHttpHeader header = {STDB_STRING("X-Test"), STDB_STRING("yes")};
    StdbHttpRequest request = {
        .method = body.length > 0 ? STDB_HTTP_POST : STDB_HTTP_GET,
        .uri = uri,
        .headers = {&header, 1},
        .timeout = stdb_seconds(10),
        .body = {(const uint8_t *)body.data, body.length},
    };
    StdbHttpResponse response;
    if (stdb_http_send(ctx, &request, &response) != STDB_OK) return Fetched_err(stdb_fail_text());
    String type = STDB_STRING("none");
    (void)stdb_http_header(response.headers, "Content-Type", &type);
    return Fetched_ok(stdb_format("%u %s %.*s", response.status, type.data,
                                  (int)response.body.count, (const char *)response.body.data));
}

STDB_PROCEDURE(Unit, dangle, ctx) {
    (void)note_add(stdb_begin(ctx), "lost");
    return (Unit){0};
}

STDB_PROCEDURE(Unit, begin_twice, ctx) {
    stdb_begin(ctx);
    stdb_begin(ctx);
    return (Unit){0};
}

// ---- HTTP ----

STDB_HTTP_HANDLER(hello, ctx, request) {
    return stdb_http_text(200, "hello from %.*s", (int)request->uri.length, request->uri.data);
}
STDB_HTTP_ROUTE(GET, "/hello", hello);

STDB_HTTP_HANDLER(store, ctx, request) {
    String kind;
    if (!stdb_http_header(request->headers, "X-Kind", &kind)) return stdb_http_text(400, "no kind");
    String text = stdb_format("%s: %.*s", kind.data, (int)request->body.count,
                              (const char *)request->body.data);
    if (stdb_transact(ctx, twice, &text) != STDB_OK)
        return stdb_http_text(500, "%s", stdb_fail_text().data);
    return stdb_http_reply(201, "application/json", (Bytes){(const uint8_t *)"{}", 2});
}
STDB_HTTP_ROUTE(POST, "/notes", store);
STDB_HTTP_ROUTE(ANY, "", hello);
