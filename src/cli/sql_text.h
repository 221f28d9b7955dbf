// sql_text.h - the answer to SQL as text.
//
// Threads    any.
// Lifetime   scratch in cli->arena.
// Limits     the buffer's.        Format  spec: cli.md 6.6, 7 ("SQL statement result").
#pragma once

#include "cli/command.h"

// One table for each statement, an empty line between them; no line end at the end.
Status sql_write_results(Cli *cli, Bytes answer, Buffer *text);
