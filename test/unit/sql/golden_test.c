// golden_test.c - what upstream answers to 1,800 texts, in all grammars, as owner and as somebody
// else.
//
// data/answers.txt was recorded from upstream's own crates (spacetimedb-expr, -query, -subscription
// 2.14.0) over the tables, views and rules of data/catalogue.bsatn. A line is three fields with
// tabs between them: who (O owner, U other) and the grammar (H statement, Q one-off query, S
// subscription); the text; the answer. Answers are "ok" with what else was recorded, or the error's
// text. \n, \r and \t stand for themselves in texts.
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

static void test_answers_of_upstream(void **state) {
    (void)state;
    Store *store = fixture_catalogue();
    uint8_t *memory;
    Bytes bytes = fixture_read(FIXTURE_DATA "answers.txt", &memory);
    memory[bytes.count] = 0;
    uint32_t checked = 0, wrong = 0;
    for (char *line = strtok((char *)memory, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *text = strchr(line, '\t');
        assert_non_null(text);
        *text++ = 0;
        char *expected = strchr(text, '\t');
        assert_non_null(expected);
        *expected++ = 0;
        char got[ERROR_TEXT_MAX + 64];
        answer(store, line, unescape(text), got, sizeof got);
        checked++;
        if (strcmp(got, unescape(expected)) == 0) continue;
        wrong++;
        print_error("%s %s\n  upstream: %s\n  we:       %s\n", line, text, expected, got);
    }
    free(memory);
    store_free(store);
    assert_true(checked > 1800);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_of_upstream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
