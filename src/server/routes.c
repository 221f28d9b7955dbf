// routes.c - every route of the server, in the order in which they are tried (http-api.md 6).

#include "server/handlers.h"

const Route ROUTES[] = {
    {"GET", "/v1/ping", AUTH_IF_PRESENT, BODY_SMALL, handle_ping, NULL},
    {"GET", "/v1/health", AUTH_NONE, BODY_SMALL, handle_health, NULL},
    {"GET", "/v1/metrics", AUTH_NONE, BODY_SMALL, handle_metrics, NULL},

    {"POST", "/v1/identity", AUTH_NONE, BODY_SMALL, handle_identity_create, NULL},
    {"GET", "/v1/identity/public-key", AUTH_NONE, BODY_SMALL, handle_public_key, NULL},
    {"POST", "/v1/identity/websocket-token", AUTH_REQUIRED, BODY_SMALL, handle_websocket_token,
     false},
    {"GET", "/v1/identity/:identity/verify", AUTH_REQUIRED, BODY_SMALL, handle_identity_verify,
     false},
    {"GET", "/v1/identity/:identity/databases", AUTH_NONE, BODY_SMALL, handle_identity_databases,
     false},

    {"GET", "/v1/energy/:identity", AUTH_NONE, BODY_SMALL, handle_energy_get, NULL},
    {"POST", "/v1/energy/:identity", AUTH_REQUIRED, BODY_SMALL, handle_energy_credit, NULL},
    {"PUT", "/v1/energy/:identity", AUTH_REQUIRED, BODY_SMALL, handle_energy_set, NULL},

    {"POST", "/v1/database", AUTH_ANONYMOUS, BODY_PROGRAM, handle_publish, NULL},
    {"PUT", "/v1/database/:db", AUTH_ANONYMOUS, BODY_PROGRAM, handle_publish, NULL},
    {"GET", "/v1/database/:db", AUTH_ANONYMOUS, BODY_SMALL, handle_database_info, NULL},
    {"DELETE", "/v1/database/:db", AUTH_ANONYMOUS, BODY_SMALL, handle_database_delete, NULL},

    {"GET", "/v1/database/:db/names", AUTH_ANONYMOUS, BODY_SMALL, handle_names_get, NULL},
    {"POST", "/v1/database/:db/names", AUTH_ANONYMOUS, BODY_SMALL, handle_names_add, NULL},
    {"PUT", "/v1/database/:db/names", AUTH_ANONYMOUS, BODY_SMALL, handle_names_set, NULL},
    {"GET", "/v1/database/:db/identity", AUTH_ANONYMOUS, BODY_SMALL, handle_database_identity,
     false},
    {"GET", "/v1/database/:db/subscribe", AUTH_ANONYMOUS, BODY_SMALL, handle_subscribe, NULL},
    {"GET", "/v1/database/:db/subscriptions", AUTH_ANONYMOUS, BODY_SMALL, handle_subscription_costs,
     NULL},
    {"POST", "/v1/database/:db/call/:function", AUTH_ANONYMOUS, BODY_SMALL, handle_call, NULL},
    {"GET", "/v1/database/:db/schema", AUTH_ANONYMOUS, BODY_SMALL, handle_schema, NULL},
    {"GET", "/v1/database/:db/logs", AUTH_ANONYMOUS, BODY_SMALL, handle_logs, arrive_logs},
    {"GET", "/v1/database/:db/backup", AUTH_ANONYMOUS, BODY_SMALL, handle_backup, NULL},
    {"POST", "/v1/database/:db/sql", AUTH_ANONYMOUS, BODY_SMALL, handle_sql, NULL},
    {"GET", "/v1/database/:db/unstable/timestamp", AUTH_ANONYMOUS, BODY_SMALL, handle_timestamp,
     false},
    {"POST", "/v1/database/:db/pre_publish", AUTH_ANONYMOUS, BODY_PROGRAM, handle_pre_publish,
     false},
    {"PUT", "/v1/database/:db/reset", AUTH_ANONYMOUS, BODY_PROGRAM, handle_reset, NULL},
    {"GET", "/v1/database/:db/environment", AUTH_ANONYMOUS, BODY_SMALL, handle_environment_get,
     NULL},
    {"PUT", "/v1/database/:db/environment", AUTH_ANONYMOUS, BODY_SMALL, handle_environment_put,
     NULL},
    {"PATCH", "/v1/database/:db/environment", AUTH_ANONYMOUS, BODY_SMALL, handle_environment_patch,
     NULL},
    {"POST", "/v1/database/:db/lock", AUTH_ANONYMOUS, BODY_SMALL, handle_database_lock, NULL},
    {"POST", "/v1/database/:db/unlock", AUTH_ANONYMOUS, BODY_SMALL, handle_database_unlock, NULL},

    {NULL, "/v1/database/:db/route", AUTH_NONE, BODY_PROGRAM, handle_module_route, NULL},
    {NULL, "/v1/database/:db/route/", AUTH_NONE, BODY_PROGRAM, handle_module_route, NULL},
    {NULL, "/v1/database/:db/route/*", AUTH_NONE, BODY_PROGRAM, handle_module_route, NULL},
};

const uint32_t ROUTE_COUNT = sizeof ROUTES / sizeof ROUTES[0];
