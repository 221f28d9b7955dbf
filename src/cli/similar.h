// similar.h - which name somebody may have meant.
//
// Threads    any.
// Limits     SIMILAR_BYTES_MAX: longer names have no distance.
// Format     restricted Damerau-Levenshtein distance (spec: cli.md 8.7).
#pragma once

#include "base/bytes.h"

#define SIMILAR_BYTES_MAX 256u

// How many letters must be inserted, removed, replaced or swapped with a neighbour, each letter at
// most once; UINT32_MAX if a name is too long. Counts bytes.
uint32_t name_distance(Bytes a, Bytes b);
// The candidate that is equal but for case, else the nearest one within a third of the name, else one
// of the same words in another order. False: none.
bool name_find_similar(Bytes name, const Bytes *candidates, uint32_t count, Bytes *ret_similar);
