// project.h - spacetime.json: the databases of the project that we stand in.
//
// Threads    the main thread.
// Lifetime   a Project until project_close; texts in cli->arena.
// Limits     CLI_CONFIG_BYTES_MAX, CLI_TARGETS_MAX, CLI_TARGET_DEPTH_MAX.
// Format     spec: cli.md 5 (JSON5, layered, children inherit).
#pragma once

#include "cli/command.h"

#include <jansson.h>

#define PROJECT_FILES_MAX 4u

typedef struct Project {
    const char *directory;
    const char *files[PROJECT_FILES_MAX];  // that were read, in order
    uint32_t file_count;
    json_t *root;
    json_t **targets;  // objects: the root and its children, each with what it inherited
    uint32_t target_count;
} Project;

// Looks for the file in `directory` and above. env names further layers; NULL: none.
// *ret_project is NULL if there is no file.
Status project_open(Cli *cli, const char *directory, const char *env, Project **ret_project);
void project_close(Project *project);  // accepts NULL

// ---- which database a command means (spec: cli.md 5.5) ----

typedef struct Target {
    const char *database;
    const char *server;  // of the configuration; NULL: none
    const char **rest;   // the positionals behind the database
    uint32_t rest_count;
} Target;

// One positional that is nothing but the database: `logs`, `delete`, `lock`, `unlock`.
Status target_of_database(Cli *cli, const Args *args, const char *usage, Target *ret_target);
// A database that may be left out, and at least one more: `call`, `sql`, `subscribe`.
// needed  what the first one behind it is called in an error text
Status target_of_parts(Cli *cli, const Args *args, const char *needed, const char *usage,
                       Target *ret_target);
// A database that may be left out, and what may follow: `describe`.
Status target_of_optional_parts(Cli *cli, const Args *args, const char *usage, Target *ret_target);
