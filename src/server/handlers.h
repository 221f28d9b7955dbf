// handlers.h - what the routes do; the table in routes.c says when. Each answers its request, now or later.
//
// Threads    called on a net thread or, after a token of another issuer, on a fetch thread.
#pragma once

#include "server/web.h"

// service.c
void handle_ping(WebRequest *request);
void handle_health(WebRequest *request);
void handle_identity_create(WebRequest *request);
void handle_public_key(WebRequest *request);
void handle_websocket_token(WebRequest *request);
void handle_identity_verify(WebRequest *request);
void handle_identity_databases(WebRequest *request);

// energy.c
void handle_energy_get(WebRequest *request);
void handle_energy_credit(WebRequest *request);
void handle_energy_set(WebRequest *request);

// environment.c
void handle_environment_get(WebRequest *request);
void handle_environment_put(WebRequest *request);
void handle_environment_patch(WebRequest *request);

// databases.c
void handle_database_info(WebRequest *request);
void handle_database_identity(WebRequest *request);
void handle_database_delete(WebRequest *request);
void handle_database_lock(WebRequest *request);
void handle_database_unlock(WebRequest *request);
void handle_timestamp(WebRequest *request);

// names.c
void handle_names_get(WebRequest *request);
void handle_names_add(WebRequest *request);
void handle_names_set(WebRequest *request);

// publish.c
void handle_publish(WebRequest *request);
void handle_reset(WebRequest *request);
void handle_pre_publish(WebRequest *request);

// calls.c
void handle_call(WebRequest *request);
void handle_sql(WebRequest *request);
void handle_schema(WebRequest *request);
void handle_module_route(WebRequest *request);

// costs.c
void handle_subscription_costs(WebRequest *request);

// logs.c
void arrive_logs(WebRequest *request);
void handle_logs(WebRequest *request);

// backup.c
void handle_backup(WebRequest *request);

// subscribe.c
void handle_subscribe(WebRequest *request);

// metrics.c
void handle_metrics(WebRequest *request);
