// migrate.h - carrying out a migration plan within a transaction (http-api.md 8.4).
#pragma once

#include "db/database.h"

// Applies every step; on failure the caller rolls back. The log gets a line per step.
Status database_migrate(Database *database, Tx *tx, const ModuleDef *to, const MigrationPlan *plan,
                        Error *error);
// Compiles the rule (which finds its table) and stores it.
Status database_add_row_level_security(Database *database, Tx *tx, Bytes sql, Error *error);
