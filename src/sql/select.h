// select.h - SELECT: from syntax to a plan.
//
// Threads    the database's executor.
// Lifetime   the plan lives in the arena given; all else in the typing's.
// Format     sql.md 3.2, 8, 11.
#pragma once

#include "sql/rules.h"

// Types a query of the subscription grammar: whole rows of one relation, without rules of others.
// The text is parsed here.
Status select_type_rows(Typing *typing, Bytes text, Branch *ret_branch);
// Types a checked SELECT, applies the rules, and builds the plan.
Status select_compile(Typing *typing, const SyntaxQuery *query, SyntaxGrammar grammar, Arena *arena,
                      const Query **ret_query);
