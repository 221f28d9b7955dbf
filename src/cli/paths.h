// paths.h - where configuration, data and caches are.
//
// Threads    any.
// Lifetime   texts in cli->arena.
// Limits     none.
// Format     spec: cli.md 3 (XDG base directories).
#pragma once

#include "cli/command.h"

// Fills in cli->paths. root_dir and config_path are those of the command line, or NULL.
Status paths_find(Cli *cli, const char *root_dir, const char *config_path);
