// long_names.c - everything spelled without STDB_SHORT_NAMES.
#include <spacetime/module.h>

STDB_OPTION(OptText, StdbString);
STDB_ARRAY(Flags, bool);
STDB_RESULT(Outcome, bool, StdbUnit);
STDB_ENUM(Mood, Fine);
STDB_STRUCT(Inner,
    (int8_t, a),
    (Mood,   mood));
STDB_SUM(Choice,
    (StdbUnit, Nothing),
    (Inner,    Something),
    (Flags,    Many));

STDB_TABLE(Row, row, PRIVATE,
    (uint64_t,         id, PRIMARY_KEY, AUTO_INC),
    (bool,             flag, UNIQUE, HASH),
    (StdbIdentity,     who, INDEX),
    (StdbConnectionId, connection),
    (OptText,          text),
    (Flags,            flags),
    (Outcome,          outcome),
    (Choice,           choice),
    (StdbScheduleAt,   at),
    (float,            f),
    (double,           d),
    (StdbI128,         wide),
    (StdbU256,         wider));

STDB_REDUCER(use_row, ctx, (Row, row), (bool, flag), (double, number)) {
    row.flag = flag;
    row.d = number;
    row.flags = (Flags){STDB_NEW(bool, 2), 2};
    STDB_TRY(row_insert(&row));
    RowIter rows = row_filter_by_who(ctx->sender);
    for (Row found; row_next(&rows, &found);) {
        if (found.choice.tag == Choice_Something)
            stdb_log_info("%s", Mood_name(found.choice.Something.mood));
    }
    return row_find_by_flag(true, &row) ? STDB_OK : stdb_fail("no row");
}
STDB_REDUCER(scheduled, ctx, (Row, row)) {
    return row.outcome.is_err ? STDB_FAILED : STDB_OK;
}
STDB_SCHEDULE(Row, row, at, scheduled);
