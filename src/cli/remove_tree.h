// remove_tree.h - deletes a directory with all that is in it.
//
// Threads    any.
// Limits     none.
#pragma once

#include "cli/command.h"

// Links are removed, not followed.
Status remove_tree(Cli *cli, const char *directory);
