// type_json.h - types from their JSON form, as servers describe them.
//
// Threads    any.
// Lifetime   types live in the arena given.
// Limits     SATS_DEPTH_MAX.        Format  spec: sats.md 1.4.
#pragma once

#include "cli/json_text.h"
#include "sats/sats.h"

// {"U32":[]} and so on; NULL if it is no type.
const Type *type_of_json(Bytes json, Arena *arena);
// The product in {"elements":[...]}: columns, parameters. NULL if it is none.
const Type *type_of_elements(Bytes json, Arena *arena);
// {"types":[...]}; false if one is no type.
bool typespace_of_json(Bytes json, Arena *arena, Typespace *ret_typespace);
// {"some":"x"}, {"none":[]} or a plain string; data == NULL: no name.
Bytes name_of_json(Bytes json, Arena *arena);
