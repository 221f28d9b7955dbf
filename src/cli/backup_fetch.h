// backup_fetch.h - the files of a database from a server that runs.
//
// Threads    the main thread.
// Limits     CLI_RESPONSE_BYTES_MAX for the list.        Format  docs/http.md, "Backup".
#pragma once

#include "cli/remote.h"

// Fetches them into a directory; what an earlier call fetched is gone on with. Not verified: log_copy does that.
Status backup_fetch(Cli *cli, const Remote *remote, const char *directory);
