// publish_plan.h - what is to be published where: command line and spacetime.json together.
//
// Threads    the main thread.
// Lifetime   texts in cli->arena.
// Limits     CLI_TARGETS_MAX.        Format  spec: cli.md 5.2 to 5.4.
#pragma once

#include "cli/project.h"

typedef struct PublishPlan {
    const char *database;  // NULL in this and the other texts: not given
    const char *server;
    const char *module_path;
    const char *build_options;
    const char *wasm_file;
    const char *js_file;
    const char *replicas;
    const char *parent;
    const char *organization;
    const char *dotnet_version;
    bool break_clients;
    bool anonymous;
    bool native_aot;
    bool is_configured;  // by spacetime.json
} PublishPlan;

// The targets of spacetime.json that are meant, or one of the command line alone. Says on standard
// output which files it read.
Status publish_plans(Cli *cli, const Args *args, PublishPlan **ret_plans, uint32_t *ret_count);
