// similar.c - the distance by three rows of the usual table.
#include "cli/similar.h"

#include <stdlib.h>

#define WORDS_MAX 32u

typedef struct SplitName {
    Bytes words[WORDS_MAX];
    uint32_t count;
} SplitName;

static bool equal_without_case(Bytes a, Bytes b);
static bool same_words(Bytes a, Bytes b);
static bool split_words(Bytes name, SplitName *ret_words);
static int compare_words(const void *a, const void *b);
static uint32_t least(uint32_t a, uint32_t b);

uint32_t name_distance(Bytes a, Bytes b) {
    if (a.count > SIMILAR_BYTES_MAX || b.count > SIMILAR_BYTES_MAX) return UINT32_MAX;
    // Distances of a's first i, i-1 and i-2 letters to all beginnings of b.
    uint32_t rows[3][SIMILAR_BYTES_MAX + 1];
    for (uint32_t j = 0; j <= b.count; j++) rows[0][j] = j;
    for (uint32_t i = 1; i <= a.count; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i + 2) % 3];
        const uint32_t *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= b.count; j++) {
            bool is_same = a.data[i - 1] == b.data[j - 1];
            row[j] = least(above[j - 1] + !is_same, least(above[j], row[j - 1]) + 1);
            bool is_swapped = i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                              a.data[i - 2] == b.data[j - 1];
            if (is_swapped) row[j] = least(row[j], above_that[j - 2] + 1);
        }
    }
    return rows[a.count % 3][b.count];
}

bool name_find_similar(Bytes name, const Bytes *candidates, uint32_t count, Bytes *ret_similar) {
    for (uint32_t i = 0; i < count; i++) {
        if (!equal_without_case(name, candidates[i])) continue;
        *ret_similar = candidates[i];
        return true;
    }
    uint32_t limit = (name.count > 3 ? name.count : 3) / 3;
    bool is_found = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t distance = name_distance(name, candidates[i]);
        if (distance > limit || (is_found && distance == limit)) continue;
        limit = distance;
        is_found = true;
        *ret_similar = candidates[i];
    }
    for (uint32_t i = 0; i < count && !is_found; i++) {
        if (!same_words(name, candidates[i])) continue;
        is_found = true;
        *ret_similar = candidates[i];
    }
    return is_found;
}

static bool equal_without_case(Bytes a, Bytes b) {
    return a.count == b.count &&
           strncasecmp((const char *)a.data, (const char *)b.data, a.count) == 0;
}

static bool same_words(Bytes a, Bytes b) {
    SplitName left;
    SplitName right;
    if (!split_words(a, &left) || !split_words(b, &right) || left.count != right.count)
        return false;
    for (uint32_t i = 0; i < left.count; i++) {
        if (!bytes_equal(left.words[i], right.words[i])) return false;
    }
    return true;
}

// The words between '_', sorted; false if there are too many.
static bool split_words(Bytes name, SplitName *ret_words) {
    ret_words->count = 0;
    uint32_t start = 0;
    for (uint32_t i = 0; i <= name.count; i++) {
        if (i < name.count && name.data[i] != '_') continue;
        if (ret_words->count == WORDS_MAX) return false;
        ret_words->words[ret_words->count++] = bytes_slice(name, start, i - start);
        start = i + 1;
    }
    qsort(ret_words->words, ret_words->count, sizeof(Bytes), compare_words);
    return true;
}

static int compare_words(const void *a, const void *b) {
    return bytes_compare(*(const Bytes *)a, *(const Bytes *)b);
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}
