// change.h - INSERT, UPDATE, DELETE and SET: from checked syntax to a plan.
//
// Threads    the database's executor.
// Lifetime   the plan lives in the arena given.
// Format     sql.md 5.3, 19, 20; since-2.8.md 4.2.
#pragma once

#include "sql/typing.h"

Status change_insert(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                     const Dml **ret_dml);
Status change_update(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                     const Dml **ret_dml);
Status change_delete(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                     const Dml **ret_dml);
// SET of a system variable: the row for st_var, and its value.
Status change_set(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                  const Dml **ret_dml, Bytes *ret_value);
// May the caller change this table at all? STATUS_DENIED with upstream's text.
Status change_check_rights(Typing *typing, const Dml *dml);
// Is it a variable that SET and SHOW know?
Status change_check_variable(Typing *typing, Bytes name);
