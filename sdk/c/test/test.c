// test.c - the test program's side of `spacetime test`.
//
//     program --list        prints the names of the tests
//     program NAME          runs one: steps go to descriptor 3, replies come from descriptor 4
//
// A step is a line. A reply is "ok COUNT" or "error COUNT", a newline, and that many bytes. A test
// that ends has passed; one that fails says why on standard error and exits with 1. Memory is left
// to the end of the process: each runs one test.
#include <spacetime/test.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TESTS_MAX 4096
#define STEPS_DESCRIPTOR 3
#define REPLIES_DESCRIPTOR 4
#define REPLY_BYTES_MAX (512L << 20)

typedef struct Test {
    const char *name;
    void (*run)(void);
} Test;

typedef struct Reply {
    bool is_error;
    char *text;
} Reply;

static Test tests[TESTS_MAX];
static int test_count;
static FILE *steps;
static FILE *replies;

static char *format_text(const char *format, va_list arguments);
static Reply step(StdbPlace place, const char *head, const char *text);
static const char *step_ok(StdbPlace place, const char *head, const char *text);
static char *without_spaces(const char *json);

void stdb_test_register(const char *name, void (*run)(void)) {
    if (test_count == TESTS_MAX) abort();
    tests[test_count++] = (Test){name, run};
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    if (strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < test_count; i++) puts(tests[i].name);
        return 0;
    }
    for (int i = 0; i < test_count; i++) {
        if (strcmp(tests[i].name, argv[1]) != 0) continue;
        steps = fdopen(STEPS_DESCRIPTOR, "w");
        replies = fdopen(REPLIES_DESCRIPTOR, "r");
        if (steps == NULL || replies == NULL) {
            (void)fputs("`spacetime test` runs these tests\n", stderr);
            return 2;
        }
        tests[i].run();
        return 0;
    }
    return 2;
}

// ---- steps ----

void stdb_test_as(StdbPlace place, const char *person) {
    (void)step_ok(place, "as ", person);
}

#define FORMATTED(text)                          \
    va_list arguments;                           \
    va_start(arguments, format);                 \
    char *text = format_text(format, arguments); \
    va_end(arguments)

const char *stdb_test_step(StdbPlace place, const char *format, ...) {
    FORMATTED(text);
    return step_ok(place, "", text);
}

const char *stdb_test_http(StdbPlace place, const char *format, ...) {
    FORMATTED(text);
    return step_ok(place, "http ", text);
}

const char *stdb_test_sql(StdbPlace place, const char *format, ...) {
    FORMATTED(text);
    return step_ok(place, "sql ", text);
}

static char *call_text(const char *function, const char *json) {
    size_t bytes = strlen(function) + strlen(json) + 2;
    char *text = malloc(bytes);
    if (text == NULL) abort();
    (void)snprintf(text, bytes, "%s %s", function, json);
    return text;
}

const char *stdb_test_call(StdbPlace place, const char *function, const char *format, ...) {
    FORMATTED(json);
    return step_ok(place, "call ", call_text(function, json));
}

void stdb_test_refused(StdbPlace place, const char *text, const char *function, const char *format,
                       ...) {
    FORMATTED(json);
    Reply reply = step(place, "call ", call_text(function, json));
    if (!reply.is_error) stdb_test_fail(place, "%s did not fail: %s", function, reply.text);
    if (strstr(reply.text, text) == NULL)
        stdb_test_fail(place, "%s failed otherwise: %s", function, reply.text);
}

void stdb_test_rows(StdbPlace place, const char *rows, const char *format, ...) {
    FORMATTED(text);
    const char *reply = step_ok(place, "sql ", text);
    if (strcmp(without_spaces(rows), without_spaces(reply)) != 0)
        stdb_test_fail(place, "expected %s\n     got %s", rows, reply);
}

int64_t stdb_test_now(StdbPlace place) {
    return strtoll(step_ok(place, "now", ""), NULL, 10);
}

static const char *step_ok(StdbPlace place, const char *head, const char *text) {
    Reply reply = step(place, head, text);
    if (reply.is_error) stdb_test_fail(place, "%s%s: %s", head, text, reply.text);
    return reply.text;
}

// Line breaks would end the step, and mean no more than spaces in SQL and JSON.
static Reply step(StdbPlace place, const char *head, const char *text) {
    (void)fputs(head, steps);
    for (const char *at = text; *at != 0; at++) (void)fputc(*at == '\n' ? ' ' : *at, steps);
    (void)fputc('\n', steps);
    char kind[8];
    long count = 0;
    if (fflush(steps) != 0 || fscanf(replies, "%7s %ld", kind, &count) != 2 || count < 0 ||
        count > REPLY_BYTES_MAX || fgetc(replies) != '\n')
        stdb_test_fail(place, "`spacetime test` does not answer");
    char *reply = malloc((size_t)count + 1);
    if (reply == NULL || fread(reply, 1, (size_t)count, replies) != (size_t)count)
        stdb_test_fail(place, "`spacetime test` does not answer");
    reply[count] = 0;
    return (Reply){strcmp(kind, "error") == 0, reply};
}

void stdb_test_fail(StdbPlace place, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s:%d: ", place.file, place.line);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

// ---- text ----

static char *format_text(const char *format, va_list arguments) {
    va_list list;
    va_copy(list, arguments);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text == NULL) abort();
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

const char *stdb_json(const char *text) {
    char *json = malloc(6 * strlen(text) + 3);
    if (json == NULL) abort();
    char *at = json;
    *at++ = '"';
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') {
            *at++ = '\\';
            *at++ = *text;
        } else if ((unsigned char)*text < 0x20) {
            at += sprintf(at, "\\u%04x", (unsigned)(unsigned char)*text);
        } else {
            *at++ = *text;
        }
    }
    *at++ = '"';
    *at = 0;
    return json;
}

// Outside of strings.
static char *without_spaces(const char *json) {
    char *dense = malloc(strlen(json) + 1);
    if (dense == NULL) abort();
    char *to = dense;
    bool is_string = false;
    for (; *json != 0; json++) {
        if (!is_string && strchr(" \t\r\n", *json) != NULL) continue;
        if (*json == '"') is_string = !is_string;
        *to++ = *json;
        if (is_string && *json == '\\' && json[1] != 0) *to++ = *++json;
    }
    *to = 0;
    return dense;
}
