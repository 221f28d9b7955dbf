// model.h - for equivalence_test.c: the tables as the test knows them, queries that are random texts, and a naive
// evaluator of them. It knows nothing of plans: it has the rows as structs and loops over them.
#pragma once

#include "fixture.h"

#include "base/map.h"

#define ROWS_MAX 24u
#define IDENTITIES 3u

// ---- the tables, as the test knows them ----

typedef struct RowR {
    uint32_t id;
    int32_t a;
    const char *s;
    double f;
    uint8_t who;
    uint64_t tag;
} RowR;

typedef struct RowS {
    uint32_t id;
    uint32_t r_id;
    bool on;
} RowS;

typedef struct RowE {
    uint32_t id;
    uint32_t k;
} RowE;

typedef struct RowM {
    uint32_t id;
    uint8_t owner;
    int16_t level;
} RowM;

typedef struct Model {
    RowR r[ROWS_MAX];
    uint32_t r_count;
    RowS s[ROWS_MAX];
    uint32_t s_count;
    RowM m[ROWS_MAX];
    uint32_t m_count;
    RowE e[ROWS_MAX];  // of the last commit
    uint32_t e_count;
    RowS s_before[ROWS_MAX];  // the commit
    uint32_t s_before_count;
} Model;

static const char *const TEXTS[] = {"x0", "x1", "x2", "", "it''s"};
static const char *const VALUES[] = {"x0", "x1", "x2", "", "it's"};
static const double FLOATS[] = {-1.5, 0.0, 0.5, 1.5};
static const uint64_t TAGS[] = {0, 7, 1ull << 63, UINT64_MAX};

typedef enum Kind {
    R_ALL,
    R_A_IS,
    R_A_MORE,
    R_S_IS,
    R_S_NOT_A_LESS,
    R_F_LESS,
    R_SENDER,
    R_A_OR_S,
    R_TAG,
    R_JOIN_S,
    R_JOIN_S_ON,
    S_ALL,
    S_OF_R_A,
    S_OF_R_S_OFF,
    R_SELF,
    R_NO_INDEX,
    R_THREE,
    M_ALL,
    M_LEVEL,
    KIND_STORED_COUNT,
    E_ALL = KIND_STORED_COUNT,
    E_K_IS,
    E_JOIN_S,
    KIND_COUNT,
} Kind;

typedef struct TestQuery {
    Kind kind;
    uint8_t parameter;  // 0 .. 3
} TestQuery;

static uint32_t random_seed;
static uint32_t random_step;
static uint64_t random_state;

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fail_msg("SYNC_SEED=%u step %u: %s", random_seed, random_step, #condition); \
        }                                                                               \
    } while (0)

static uint32_t below(uint32_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

static const char *query_text(TestQuery query) {
    static char text[256];
    uint8_t p = query.parameter;
    int a = (int)p - 2;
    switch (query.kind) {
    case R_ALL: return "SELECT * FROM r";
    case R_A_IS: snprintf(text, sizeof text, "SELECT * FROM r WHERE a = %d", a); break;
    case R_A_MORE: snprintf(text, sizeof text, "SELECT * FROM r WHERE a > %d", a); break;
    case R_S_IS: snprintf(text, sizeof text, "SELECT * FROM r WHERE s = '%s'", TEXTS[p + 1]); break;
    case R_S_NOT_A_LESS:
        snprintf(text, sizeof text, "SELECT * FROM r WHERE s != '%s' AND a <= %d", TEXTS[p], a);
        break;
    case R_F_LESS: snprintf(text, sizeof text, "SELECT * FROM r WHERE f < %.1f", FLOATS[p]); break;
    case R_SENDER: return "SELECT * FROM r WHERE who = :sender";
    case R_A_OR_S:
        snprintf(text, sizeof text, "SELECT * FROM r WHERE (a = %d OR s = '%s')", a, TEXTS[p]);
        break;
    case R_TAG:
        snprintf(text, sizeof text, "SELECT * FROM r WHERE tag = %llu",
                 (unsigned long long)TAGS[p]);
        break;
    case R_JOIN_S: return "SELECT r.* FROM r JOIN s ON r.id = s.r_id";
    case R_JOIN_S_ON: return "SELECT r.* FROM r JOIN s ON r.id = s.r_id WHERE s.on = true";
    case S_ALL: return "SELECT * FROM s";
    case S_OF_R_A:
        snprintf(text, sizeof text, "SELECT s.* FROM r JOIN s ON r.id = s.r_id WHERE r.a = %d", a);
        break;
    case S_OF_R_S_OFF:
        snprintf(text, sizeof text,
                 "SELECT s.* FROM s JOIN r ON s.r_id = r.id WHERE r.s = '%s' AND s.on = false",
                 TEXTS[p]);
        break;
    case R_SELF:
        snprintf(text, sizeof text, "SELECT x.* FROM r x JOIN r y ON x.a = y.a WHERE y.s = '%s'",
                 TEXTS[p]);
        break;
    case R_NO_INDEX:
        snprintf(text, sizeof text, "SELECT x.* FROM r x JOIN r y ON x.who = y.who WHERE y.a = %d",
                 a);
        break;
    case R_THREE:
        snprintf(
            text, sizeof text,
            "SELECT r.* FROM r JOIN s ON r.id = s.r_id JOIN m ON m.id = s.r_id WHERE m.level > %u",
            p);
        break;
    case M_ALL: return "SELECT * FROM m";
    case M_LEVEL: snprintf(text, sizeof text, "SELECT * FROM m WHERE level = %u", p + 4u); break;
    case E_ALL: return "SELECT * FROM e";
    case E_K_IS: snprintf(text, sizeof text, "SELECT * FROM e WHERE k = %u", p); break;
    case E_JOIN_S: return "SELECT e.* FROM e JOIN s ON e.k = s.r_id";
    case KIND_COUNT: fail();
    }
    return text;
}

// ---- bags: of rows, by table ----

typedef BytesMap Bag;

static Bytes bag_key(const char *table, Bytes row) {
    static uint8_t key[512];
    size_t name = strlen(table) + 1;
    CHECK(name + row.count <= sizeof key);
    memcpy(key, table, name);
    if (row.count > 0) memcpy(key + name, row.data, row.count);
    return bytes_of(key, name + row.count);
}

static void bag_add(Bag *bag, const char *table, Bytes row, int change) {
    Bytes key = bag_key(table, row);
    intptr_t count = (intptr_t)bytes_map_find(bag, key) + change;
    CHECK(count >= 0);  // a surplus delete
    if (count == 0) {
        (void)bytes_map_remove(bag, key);
    } else {
        (void)bytes_map_set(bag, key, (void *)count);
    }
}

static void bag_check_equal(const Bag *a, const Bag *b) {
    CHECK(a->count == b->count);
    uint32_t at = 0;
    Bytes key;
    void *count;
    while (bytes_map_next(a, &at, &key, &count)) CHECK(bytes_map_find(b, key) == count);
}

// ---- rows as bytes ----

static Bytes row_bytes(Buffer *buffer) {
    return buffer_bytes(buffer);
}

static Bytes r_bytes(const RowR *row) {
    static Buffer buffer;
    if (buffer.max == 0) buffer_init(&buffer, 1024);
    buffer_clear(&buffer);
    buffer_u32(&buffer, row->id);
    buffer_u32(&buffer, (uint32_t)row->a);
    buffer_string(&buffer, bytes_of_text(row->s));
    buffer_append(&buffer, &row->f, 8);
    buffer_append(&buffer, world_identity(row->who).bytes, 32);
    buffer_u64(&buffer, row->tag);
    return row_bytes(&buffer);
}

static Bytes s_bytes(const RowS *row) {
    static uint8_t bytes[9];
    store_u32le(bytes, row->id);
    store_u32le(bytes + 4, row->r_id);
    bytes[8] = row->on;
    return bytes_of(bytes, 9);
}

static Bytes m_bytes(const RowM *row) {
    static uint8_t bytes[38];
    store_u32le(bytes, row->id);
    memcpy(bytes + 4, world_identity(row->owner).bytes, 32);
    store_u16le(bytes + 36, (uint16_t)row->level);
    return bytes_of(bytes, 38);
}

static Bytes e_bytes(const RowE *row) {
    static uint8_t bytes[8];
    store_u32le(bytes, row->id);
    store_u32le(bytes + 4, row->k);
    return bytes_of(bytes, 8);
}

// ---- the naive evaluator ----

typedef struct Asker {
    uint8_t identity;
    bool is_owner;
} Asker;

// Three rules: mine; above five; joined to an s that is on.
static uint32_t visible_m(const Model *model, Asker asker, const RowM *row) {
    if (asker.is_owner) return 1;
    uint32_t count = (row->owner == asker.identity) + (row->level > 5);
    for (uint32_t i = 0; i < model->s_count; i++) {
        count += model->s[i].on && model->s[i].r_id == row->id;
    }
    return count;
}

static uint32_t count_m(const Model *model, TestQuery query, Asker asker, const RowM *row) {
    if (query.kind != M_ALL && query.kind != M_LEVEL) return 0;
    if (query.kind == M_LEVEL && row->level != query.parameter + 4) return 0;
    return visible_m(model, asker, row);
}

static uint32_t count_three(const Model *model, TestQuery query, Asker asker, const RowR *row) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->s_count; i++) {
        if (model->s[i].r_id != row->id) continue;
        for (uint32_t k = 0; k < model->m_count; k++) {
            const RowM *m = &model->m[k];
            if (m->id != row->id || m->level <= query.parameter) continue;
            count += visible_m(model, asker, m);
        }
    }
    return count;
}

static uint32_t count_r(const Model *model, TestQuery query, Asker asker, const RowR *row) {
    uint8_t p = query.parameter;
    int a = (int)p - 2;
    uint32_t count = 0;
    switch (query.kind) {
    case R_ALL: return 1;
    case R_A_IS: return row->a == a;
    case R_A_MORE: return row->a > a;
    case R_S_IS: return strcmp(row->s, VALUES[p + 1]) == 0;
    case R_S_NOT_A_LESS: return strcmp(row->s, VALUES[p]) != 0 && row->a <= a;
    case R_F_LESS: return row->f < FLOATS[p];
    case R_SENDER: return row->who == asker.identity;
    case R_A_OR_S: return row->a == a || strcmp(row->s, VALUES[p]) == 0;
    case R_TAG: return row->tag == TAGS[p];
    case R_JOIN_S:
    case R_JOIN_S_ON:
        for (uint32_t i = 0; i < model->s_count; i++) {
            bool wanted = query.kind == R_JOIN_S || model->s[i].on;
            count += wanted && model->s[i].r_id == row->id;
        }
        return count;
    case R_SELF:
        for (uint32_t i = 0; i < model->r_count; i++) {
            count += model->r[i].a == row->a && strcmp(model->r[i].s, VALUES[p]) == 0;
        }
        return count;
    case R_NO_INDEX:
        for (uint32_t i = 0; i < model->r_count; i++) {
            count += model->r[i].who == row->who && model->r[i].a == a;
        }
        return count;
    case R_THREE: return count_three(model, query, asker, row);
    default: return 0;
    }
}

static uint32_t count_s(const Model *model, TestQuery query, const RowS *row) {
    uint32_t count = 0;
    if (query.kind == S_ALL) return 1;
    for (uint32_t i = 0; i < model->r_count; i++) {
        const RowR *r = &model->r[i];
        if (r->id != row->r_id) continue;
        if (query.kind == S_OF_R_A) count += r->a == (int)query.parameter - 2;
        if (query.kind == S_OF_R_S_OFF)
            count += strcmp(r->s, VALUES[query.parameter]) == 0 && !row->on;
    }
    return count;
}

// Events meet what was there before the transaction.
static uint32_t count_e(const Model *model, TestQuery query, const RowE *row) {
    uint32_t count = 0;
    if (query.kind == E_ALL) return 1;
    if (query.kind == E_K_IS) return row->k == query.parameter;
    if (query.kind != E_JOIN_S) return 0;
    for (uint32_t i = 0; i < model->s_before_count; i++) count += model->s_before[i].r_id == row->k;
    return count;
}

static void evaluate(const Model *model, TestQuery query, Asker asker, Bag *bag) {
    for (uint32_t i = 0; i < model->r_count; i++) {
        uint32_t count = count_r(model, query, asker, &model->r[i]);
        if (count > 0) bag_add(bag, "r", r_bytes(&model->r[i]), (int)count);
    }
    for (uint32_t i = 0; i < model->s_count; i++) {
        uint32_t count = count_s(model, query, &model->s[i]);
        if (count > 0) bag_add(bag, "s", s_bytes(&model->s[i]), (int)count);
    }
    for (uint32_t i = 0; i < model->m_count; i++) {
        uint32_t count = count_m(model, query, asker, &model->m[i]);
        if (count > 0) bag_add(bag, "m", m_bytes(&model->m[i]), (int)count);
    }
}

static void evaluate_events(const Model *model, TestQuery query, Bag *bag) {
    for (uint32_t i = 0; i < model->e_count; i++) {
        uint32_t count = count_e(model, query, &model->e[i]);
        if (count > 0) bag_add(bag, "e", e_bytes(&model->e[i]), (int)count);
    }
}
