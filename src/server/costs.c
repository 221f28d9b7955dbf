// costs.c - what a database's subscriptions cost, for its owner (docs/sql.md).

#include "server/handlers.h"

// Queries and clients that are told of, unless the request says otherwise.
#define COSTS_LIMIT_DEFAULT 100u

static void exec_costs(Database *database, DbMessage *message);

void handle_subscription_costs(WebRequest *request) {
    uint32_t *limit = ARENA_NEW(request->arena, uint32_t);
    *limit = COSTS_LIMIT_DEFAULT;
    request->own = limit;
    if (!web_running_database(request) || !web_owner(request, "view subscription costs")) return;
    if (!web_query_u32(request, "limit", limit)) return;
    web_post(request, exec_costs);
}

static void exec_costs(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    const uint32_t *limit = request->own;
    if (database_is_stopped(database)) {
        web_answer_text(request, 503, "the database is stopping");
        return;
    }
    Buffer json;
    buffer_init(&json, SERVER_TEXT_BYTES_MAX);
    database_write_costs(database, *limit, &json);
    if (json.failed) {
        web_answer_text(request, 400, "the answer is larger than %u bytes; ask with a lower limit",
                        (uint32_t)SERVER_TEXT_BYTES_MAX);
    } else {
        web_answer_json(request, 200, buffer_bytes(&json));
    }
    buffer_done(&json);
}
