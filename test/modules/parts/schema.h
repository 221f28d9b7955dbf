// schema.h - tables that several sources of one module share.
#pragma once

#define STDB_SHORT_NAMES
#include <spacetime/module.h>

STDB_ENUM(State, Open, Done);
STDB_STRUCT(Place,
    (f64, x),
    (f64, y));

STDB_TABLE(Task, task, PUBLIC,
    (u64,       id, PRIMARY_KEY, AUTO_INC),
    (State,     state, INDEX),
    (Place,     place),
    (OptString, note, DEFAULT(OptString_some(STDB_STRING("old")))));
STDB_INDEX(Task, task, by_state_id, BTREE, state, id);

STDB_TABLE(Wake, wake, PRIVATE,
    (u64,        id, PRIMARY_KEY, AUTO_INC),
    (ScheduleAt, at));
