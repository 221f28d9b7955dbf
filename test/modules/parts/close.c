// close.c - the second source: closes tasks, in a helper of its own name.
#include "schema.h"

static u32 tasks_in(State state) {
    u32 count = 0;
    TaskIter tasks = task_filter_by_state(state);
    for (Task task; task_next(&tasks, &task);) count++;
    return count;
}

STDB_REDUCER(close_task, ctx, (u64, id)) {
    Task task;
    if (!task_find_by_id(id, &task)) return stdb_fail("no task %llu", id);
    task.state = State_Done;
    STDB_TRY(task_update_by_id(&task));
    stdb_log_info("%u open, %u done", tasks_in(State_Open), tasks_in(State_Done));
    return STDB_OK;
}

STDB_CASE_POLICY(SNAKE_CASE);
