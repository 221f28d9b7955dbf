// publish.h - what publish.c needs of a database that is not open yet.
#pragma once

#include "db/database.h"

// Memory, store and (with a directory) an opened, replayed log; no module. NULL on failure. Any thread.
Database *database_create_empty(const DatabaseOptions *options, Error *error);
// Closes one that was never posted to.
void database_discard(Database *database);
