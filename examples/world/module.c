// module.c - a small world of many players: they walk, see what is near them, and tag each other.
//
// The server owns the truth. Clients say where they want to go (move); a tick, twenty times a
// second, walks everybody a step further; each client subscribes to `nearby`, a view of its own
// surroundings, and to `effect`, whose rows are sent and forgotten.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

// Positions are in steps: whole numbers are the same on every machine.
#define WORLD_SIZE 1000
#define SIGHT 50
#define CHUNK SIGHT  // a player sees his chunk and the eight around it, at most
#define SPEED 2      // steps a tick
#define REACH 3
#define TICK_MILLIS 50

STDB_TABLE(Player, player, PRIVATE,
    (Identity, identity, PRIMARY_KEY),
    (String,   name),
    (bool,     online, INDEX),
    (i32,      chunk_x),
    (i32,      chunk_y),
    (i32,      x),
    (i32,      y),
    (i32,      goal_x),
    (i32,      goal_y),
    (u32,      tags));
STDB_INDEX(Player, player, by_chunk, BTREE, chunk_x, chunk_y);

STDB_ENUM(EffectKind, Arrived, Left, Tagged);
STDB_EVENT_TABLE(Effect, effect, PUBLIC,
    (EffectKind, kind),
    (Identity,   who),
    (i32,        x),
    (i32,        y));

STDB_TABLE(Tick, tick, PRIVATE,
    (u64,        id, PRIMARY_KEY, AUTO_INC),
    (ScheduleAt, at));

// What a client sees of others.
STDB_STRUCT(Neighbour,
    (Identity, identity),
    (String,   name),
    (i32,      x),
    (i32,      y),
    (u32,      tags));
STDB_ARRAY(Neighbours, Neighbour);

static i32 clamp(i32 value) {
    return value < 0 ? 0 : value >= WORLD_SIZE ? WORLD_SIZE - 1 : value;
}

static i32 toward(i32 from, i32 to) {
    i32 way = to - from;
    return from + (way > SPEED ? SPEED : way < -SPEED ? -SPEED : way);
}

static bool is_within(const Player *a, const Player *b, i32 distance) {
    i32 x = a->x - b->x;
    i32 y = a->y - b->y;
    return x <= distance && -x <= distance && y <= distance && -y <= distance;
}

static StdbStatus place(Player *player, i32 x, i32 y) {
    player->x = x;
    player->y = y;
    player->chunk_x = x / CHUNK;
    player->chunk_y = y / CHUNK;
    return player_update_by_identity(player);
}

static StdbStatus show(EffectKind kind, const Player *player) {
    return effect_insert(&(Effect){kind, player->identity, player->x, player->y});
}

// ---- coming and going ----

STDB_INIT(ctx) {
    return tick_insert(&(Tick){.at = stdb_every(stdb_millis(TICK_MILLIS))});
}

STDB_REDUCER(enter, ctx, (String, name)) {
    if (name.length == 0 || name.length > 24) return stdb_fail("A name has 1 to 24 bytes");
    Player player;
    if (player_find_by_identity(ctx->sender, &player)) {
        player.name = name;
        player.online = true;
        STDB_TRY(player_update_by_identity(&player));
        return show(EffectKind_Arrived, &player);
    }
    i32 x = (i32)stdb_random_below(ctx, WORLD_SIZE);
    i32 y = (i32)stdb_random_below(ctx, WORLD_SIZE);
    player = (Player){.identity = ctx->sender,
                      .name = name,
                      .online = true,
                      .chunk_x = x / CHUNK,
                      .chunk_y = y / CHUNK,
                      .x = x,
                      .y = y,
                      .goal_x = x,
                      .goal_y = y};
    STDB_TRY(player_insert(&player));
    return show(EffectKind_Arrived, &player);
}

STDB_CLIENT_DISCONNECTED(ctx) {
    Player player;
    if (!player_find_by_identity(ctx->sender, &player) || !player.online) return STDB_OK;
    player.online = false;
    STDB_TRY(player_update_by_identity(&player));
    return show(EffectKind_Left, &player);
}

// ---- what players do ----

STDB_REDUCER(move, ctx, (i32, x), (i32, y)) {
    Player player;
    if (!player_find_by_identity(ctx->sender, &player)) return stdb_fail("Enter the world first");
    player.goal_x = clamp(x);
    player.goal_y = clamp(y);
    return player_update_by_identity(&player);
}

STDB_REDUCER(tag, ctx, (Identity, who)) {
    Player player;
    Player other;
    if (!player_find_by_identity(ctx->sender, &player)) return stdb_fail("Enter the world first");
    if (stdb_identity_equal(ctx->sender, who)) return stdb_fail("Nobody tags himself");
    if (!player_find_by_identity(who, &other) || !other.online) return stdb_fail("Nobody is there");
    if (!is_within(&player, &other, REACH)) return stdb_fail("Too far away");
    other.tags++;
    STDB_TRY(player_update_by_identity(&other));
    return show(EffectKind_Tagged, &other);
}

// ---- the world goes on ----

STDB_REDUCER(step, ctx, (Tick, tick)) {
    PlayerIter walking = player_filter_by_online(true);
    for (Player player; player_next(&walking, &player);) {
        if (player.x == player.goal_x && player.y == player.goal_y) continue;
        i32 x = toward(player.x, player.goal_x);
        i32 y = toward(player.y, player.goal_y);
        STDB_TRY(place(&player, x, y));
    }
    return tick.id > 0 ? STDB_OK : stdb_fail("a tick without a row");
}
STDB_SCHEDULE(Tick, tick, at, step);

// ---- what players see ----

// By chunks: whoever walks elsewhere does not make this run again.
STDB_VIEW(Neighbours, nearby, PUBLIC, ctx) {
    Neighbours seen = {0};
    Player me;
    if (!player_find_by_identity(ctx->sender, &me) || !me.online) return seen;
    seen.items = STDB_NEW(Neighbour, player_count());
    for (i32 x = me.chunk_x - 1; x <= me.chunk_x + 1; x++) {
        for (i32 y = me.chunk_y - 1; y <= me.chunk_y + 1; y++) {
            PlayerIter chunk = player_filter_by_chunk(x, y);
            for (Player other; player_next(&chunk, &other);) {
                if (!other.online || !is_within(&me, &other, SIGHT)) continue;
                seen.items[seen.count++] = (Neighbour){other.identity, other.name, other.x, other.y,
                                                       other.tags};
            }
        }
    }
    return seen;
}
STDB_VIEW_PRIMARY_KEY(nearby, Neighbour, identity);

// Where you are, wherever that is.
STDB_OPTION(OptPlayer, Player);
STDB_VIEW(OptPlayer, me, PUBLIC, ctx) {
    Player player;
    return player_find_by_identity(ctx->sender, &player) ? OptPlayer_some(player)
                                                         : OptPlayer_none();
}
