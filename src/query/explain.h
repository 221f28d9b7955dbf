// explain.h - EXPLAIN: a query runs, and answers with what it did instead of its rows.
//
// Threads    the executor.
// Format     docs/sql.md, "EXPLAIN".
#pragma once

#include "query/plan.h"

// Runs the query and passes on the lines of its plan, each a row of one string.
QueryOutcome explain_run(const Query *query, Store *store, QueryRow row, void *user);
