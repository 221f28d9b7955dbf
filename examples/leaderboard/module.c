// module.c - scores that everybody may see the best of, and nobody may see all of.
//
// `score` is public, but a filter lets each client see its own rows only (row-level security); what
// is for everybody is a view: the best ten of a season. A game server proves by its token that it
// may report scores.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

#define BEST 10

STDB_TABLE(Score, score, PUBLIC,
    (u64,       id, PRIMARY_KEY, AUTO_INC),
    (u32,       season),
    (u32,       points),
    (Identity,  player, INDEX),
    (String,    name),
    (Timestamp, at));
STDB_INDEX(Score, score, by_rank, BTREE, season, points);
STDB_VISIBILITY("SELECT * FROM score WHERE player = :sender");

STDB_TABLE(Season, season, PUBLIC,
    (u32,       number, PRIMARY_KEY),
    (Timestamp, started),
    (bool,      is_open, DEFAULT(true)));

STDB_STRUCT(Rank,
    (u32,    place),
    (String, name),
    (u32,    points));
STDB_ARRAY(Ranks, Rank);
STDB_OPTION(OptSeason, Season);

static bool newest_season(Season *ret_season) {
    u32 count = (u32)season_count();
    return count > 0 && season_find_by_number(count, ret_season);
}

STDB_INIT(ctx) {
    return season_insert(&(Season){1, ctx->timestamp, true});
}

// Tokens of game servers say so: {"sub": "...", "aud": ["scores"]}.
STDB_REDUCER(report, ctx, (Identity, player), (String, name), (u32, points)) {
    String claims;
    if (!stdb_jwt(ctx, &claims) || !stdb_claim_has(claims, "aud", STDB_STRING("scores")))
        return stdb_fail("Only game servers report scores");
    Season season;
    if (!newest_season(&season) || !season.is_open) return stdb_fail("No season is open");
    return score_insert(&(Score){.season = season.number,
                                 .points = points,
                                 .player = player,
                                 .name = name,
                                 .at = ctx->timestamp});
}

STDB_REDUCER(next_season, ctx) {
    String claims;
    if (!stdb_jwt(ctx, &claims) || !stdb_claim_has(claims, "aud", STDB_STRING("scores")))
        return stdb_fail("Only game servers end seasons");
    Season season;
    if (newest_season(&season)) {
        season.is_open = false;
        STDB_TRY(season_update_by_number(&season));
    }
    return season_insert(&(Season){(u32)season_count() + 1, ctx->timestamp, true});
}

// A player takes his scores with him.
STDB_REDUCER(forget_me, ctx) {
    stdb_log_info("%u scores forgotten", score_delete_by_player(ctx->sender));
    return STDB_OK;
}

// Keeps the best in order; what is worse than the last falls out.
static void keep_best(Ranks *best, String name, u32 points) {
    u32 at = best->count;
    while (at > 0 && best->items[at - 1].points < points) at--;
    if (at == BEST) return;
    if (best->count < BEST) best->count++;
    for (u32 i = best->count - 1; i > at; i--) best->items[i] = best->items[i - 1];
    best->items[at] = (Rank){0, name, points};
}

STDB_ANONYMOUS_VIEW(Ranks, best, PUBLIC, ctx) {
    Ranks best = {.items = STDB_NEW(Rank, BEST)};
    Season season;
    if (!newest_season(&season)) return best;
    ScoreIter scores = score_filter_by_rank_1(season.number);
    for (Score score; score_next(&scores, &score);) keep_best(&best, score.name, score.points);
    for (u32 i = 0; i < best.count; i++) best.items[i].place = i + 1;
    return best;
}

STDB_ANONYMOUS_VIEW(OptSeason, current_season, PUBLIC, ctx) {
    Season season;
    return newest_season(&season) ? OptSeason_some(season) : OptSeason_none();
}
