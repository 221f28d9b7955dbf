// schedule.c - when a row of a scheduled table is due (module-abi.md 5.2).
#include "host/host.h"

// As the BSATN tags of ScheduleAt.
enum { SCHEDULE_INTERVAL = 0, SCHEDULE_TIME = 1 };

bool schedule_due(const TableSchema *table, Bytes row, int64_t now_micros,
                  int64_t *ret_due_micros) {
    ASSERT(table->has_schedule);
    ASSERT(table->schedule.at_column < table->column_count);
    const uint8_t *at = row.data;
    for (uint16_t i = 0; i < table->schedule.at_column; i++)
        at += bsatn_size(table->columns[i].type, at);
    ASSERT(at + 9 <= row.data + row.count);  // the row was checked: a tag and an i64
    ASSERT(at[0] == SCHEDULE_INTERVAL || at[0] == SCHEDULE_TIME);
    __int128 micros = (int64_t)load_u64le(at + 1);
    __int128 delay = at[0] == SCHEDULE_TIME ? micros - now_micros : micros < 0 ? -micros : micros;
    if (delay < 0) delay = 0;
    if (delay >= (__int128)SCHEDULE_DELAY_MS_MAX * 1000) return false;
    __int128 due = at[0] == SCHEDULE_TIME ? micros : now_micros + delay;
    *ret_due_micros = due > INT64_MAX ? INT64_MAX : (int64_t)due;
    return true;
}
