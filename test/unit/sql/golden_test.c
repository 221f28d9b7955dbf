// golden_test.c - what upstream answers to 1,800 texts, in all grammars, as owner and as somebody
// else.
//
// data/answers.txt was recorded from upstream's own crates (spacetimedb-expr, -query, -subscription
// 2.14.0) over the tables, views and rules of data/catalogue.bsatn. A line is three fields with
// tabs between them: who (O owner, U other) and the grammar (H statement, Q one-off query, S
// subscription); the text; the answer. Answers are "ok" with what else was recorded, or the error's
// text. \n, \r and \t stand for themselves in texts.
//
// Where we answer differently on purpose (docs/sql.md), data/ours.txt has our answer in the same
// form: texts that upstream rejects, without exception. Joins in subscriptions are held against
// upstream with the variables set that forbid what upstream cannot do.
#include "fixture.h"

static char *unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from != 0; from++) {
        bool is_escape = from[0] == '\\' && (from[1] == 'n' || from[1] == 'r' || from[1] == 't');
        if (is_escape) from++;
        *to++ = !is_escape ? *from : *from == 'n' ? '\n' : *from == 'r' ? '\r' : '\t';
    }
    *to = 0;
    return text;
}

static void answer(Store *store, const char *mode, const char *text, char *ret_answer,
                   size_t count) {
    SqlContext context = mode[0] == 'O' ? fixture_owner(store) : fixture_caller(store);
    Error error = {0};
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    Status status;
    if (mode[1] == 'H') {
        SqlStatement statement = {0};
        status = sql_compile(&context, bytes_of_text(text), &arena, &statement, &error);
        bool is_dml = statement.dml != NULL ||
                      status == STATUS_DENIED;  // upstream's core does not check rights
        if (status == STATUS_DENIED) status = STATUS_OK;
        snprintf(ret_answer, count, "ok %s", is_dml ? "dml" : "select");
    } else {
        const Query *query = NULL;
        SqlUse use = mode[1] == 'Q' ? SQL_ONE_OFF : SQL_SUBSCRIBE;
        status = sql_compile_query(&context, bytes_of_text(text), use, &arena, &query, &error);
        if (status == STATUS_OK) {
            const char *depends = query_depends_on_sender(query) ? "true" : "false";
            Bytes name = table_schema(store_find_table(store, query_table(query)))->name;
            uint32_t fragments = query_fragment_count(query);
            if (use == SQL_ONE_OFF) {
                snprintf(ret_answer, count, "ok %u %.*s %s", fragments, BYTES_FORMAT(name),
                         depends);
            } else {
                snprintf(ret_answer, count, "ok %u %s", fragments, depends);
            }
        }
    }
    if (status != STATUS_OK) snprintf(ret_answer, count, "%s", error.text);
    arena_done(&arena);
}

// A file of answers. Lines stay in its memory.
typedef struct Line {
    const char *mode;
    char *text;
    char *expected;
    bool is_used;
} Line;

typedef struct Answers {
    uint8_t *memory;
    Line *lines;
    uint32_t count;
} Answers;

static Answers answers_read(const char *path) {
    Answers answers = {0};
    Bytes bytes = fixture_read(path, &answers.memory);
    answers.memory[bytes.count] = 0;
    answers.lines = calloc(bytes.count, sizeof *answers.lines);
    char *line = strtok((char *)answers.memory, "\n");
    for (; line != NULL; line = strtok(NULL, "\n")) {
        Line *made = &answers.lines[answers.count++];
        made->mode = line;
        made->text = strchr(line, '\t');
        assert_non_null(made->text);
        *made->text++ = 0;
        made->expected = strchr(made->text, '\t');
        assert_non_null(made->expected);
        *made->expected++ = 0;
        unescape(made->text);
        unescape(made->expected);
    }
    return answers;
}

static void answers_free(Answers *answers) {
    free(answers->lines);
    free(answers->memory);
}

static Line *answers_find(const Answers *answers, const Line *like) {
    for (uint32_t i = 0; i < answers->count; i++) {
        Line *line = &answers->lines[i];
        if (strcmp(line->mode, like->mode) == 0 && strcmp(line->text, like->text) == 0) return line;
    }
    return NULL;
}

static void test_answers_of_upstream(void **state) {
    (void)state;
    Store *store = fixture_catalogue();
    fixture_must(store, "SET join_without_index = false");
    fixture_must(store, "SET join_tables_max = 2");
    Answers upstream = answers_read(FIXTURE_DATA "answers.txt");
    Answers ours = answers_read(FIXTURE_DATA "ours.txt");
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < upstream.count; i++) {
        const Line *line = &upstream.lines[i];
        Line *own = answers_find(&ours, line);
        const char *expected = line->expected;
        if (own != NULL) {
            assert_true(strncmp(line->expected, "ok ", 3) != 0);
            assert_string_not_equal(line->expected, own->expected);
            expected = own->expected;
            own->is_used = true;
        }
        char got[ERROR_TEXT_MAX + 64];
        answer(store, line->mode, line->text, got, sizeof got);
        if (strcmp(got, expected) == 0) continue;
        wrong++;
        print_error("%s\t%s\t%s\n  upstream: %s\n", line->mode, line->text, got, line->expected);
    }
    for (uint32_t i = 0; i < ours.count; i++) assert_true(ours.lines[i].is_used);
    assert_true(upstream.count > 1800);
    assert_int_equal(wrong, 0);
    answers_free(&upstream);
    answers_free(&ours);
    store_free(store);
}

// Of all subscriptions, only those to joins that upstream rejects are answered differently when no
// variable is set.
static void test_joins_by_default(void **state) {
    (void)state;
    Store *store = fixture_catalogue();
    Answers upstream = answers_read(FIXTURE_DATA "answers.txt");
    uint32_t joins = 0;
    for (uint32_t i = 0; i < upstream.count; i++) {
        const Line *line = &upstream.lines[i];
        if (line->mode[1] != 'S') continue;
        char got[ERROR_TEXT_MAX + 64];
        answer(store, line->mode, line->text, got, sizeof got);
        bool is_limited = strcmp(line->expected, "Subscriptions require indexes on join columns") ==
                              0 ||
                          strncmp(line->expected, "Invalid number of tables", 24) == 0;
        if (is_limited) {
            joins++;
            if (strncmp(got, "ok ", 3) != 0) fail_msg("%s: %s", line->text, got);
        } else {
            assert_string_equal(got, line->expected);
        }
    }
    assert_int_equal(joins, 36);
    answers_free(&upstream);
    store_free(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_of_upstream),
        cmocka_unit_test(test_joins_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
