// open.c - the first of two sources: opens tasks.
#include "schema.h"

STDB_REDUCER(open_task, ctx, (f64, x), (f64, y)) {
    return task_insert(&(Task){.state = State_Open, .place = {x, y}});
}

STDB_REDUCER(woken, ctx, (Wake, wake)) {
    stdb_log_info("wake %llu", wake.id);
    return STDB_OK;
}
STDB_SCHEDULE(Wake, wake, at, woken);
