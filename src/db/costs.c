// costs.c - what subscriptions cost: a clock and a log for sync/, an answer for owners.

#include "db/database.h"

static int64_t clock_nanos(void *user);
static void warn_of_query(void *user, Bytes text);

SyncNotices notices_for_sync(Database *database) {
    return (SyncNotices){.user = database, .nanos = clock_nanos, .warn = warn_of_query};
}

static int64_t clock_nanos(void *user) {
    Os *os = ((Database *)user)->options.os;
    return os->monotonic_nanos(os);
}

static void warn_of_query(void *user, Bytes text) {
    database_log(user, MODULE_LOG_WARN, BYTES_LITERAL("subscribe"), "%.*s", BYTES_FORMAT(text));
}

void database_write_costs(Database *database, uint32_t limit, Buffer *json) {
    ASSERT(!database->is_stopped);
    sync_write_costs(database->sync, limit, json);
}
