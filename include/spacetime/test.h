// spacetime/test.h - tests of a module, for `spacetime test`: each on a database of its own, in
// memory, under a clock that stands still until it is moved.
//
//     #include <spacetime/test.h>
//
//     STDB_TEST(a_person_joins) {
//         stdb_as("alice");
//         stdb_call("join", "[%s, 3]", stdb_json("Alice"));
//         stdb_refused("a name is needed", "join", "[\"\", 3]");
//         stdb_rows("[[\"Alice\", 3]]", "SELECT name, level FROM player");
//         stdb_advance("1h");
//         STDB_EXPECT(strcmp(stdb_call("add", "[1, 2]"), "3") == 0);
//     }
//
// The tests are a program of this machine, so that debuggers and sanitizers work; the module runs
// in Wasm beside it, in `spacetime`. What they say to each other is steps
// (docs/testing-modules.md).
// Threads    the main one.
// Lifetime   texts that are returned stay until the test ends.
// Errors     what is not as expected ends the test, with file and line.
// Language   C17 with gcc or clang; the library is sdk/c/test/test.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define STDB_PRINTF_OF_TEST(text, first) __attribute__((format(printf, text, first)))

// Where a call stands.
typedef struct StdbPlace {
    const char *file;
    int line;
} StdbPlace;
#define STDB_HERE ((StdbPlace){__FILE__, __LINE__})

// Names may be used once in a file.
#define STDB_TEST(name)                                                   \
    static void name(void);                                               \
    __attribute__((constructor)) static void stdb_register_##name(void) { \
        stdb_test_register(#name, name);                                  \
    }                                                                     \
    static void name(void)
void stdb_test_register(const char *name, void (*run)(void));

// ---- who acts; "owner" at first ----

#define stdb_as(person) stdb_test_as(STDB_HERE, person)
// client_connected and client_disconnected of who acts. Without them every call connects for
// itself.
#define stdb_connect() ((void)stdb_test_step(STDB_HERE, "connect"))
#define stdb_disconnect() ((void)stdb_test_step(STDB_HERE, "disconnect"))
// 64 hex digits.
#define stdb_identity(person) stdb_test_step(STDB_HERE, "identity %s", person)

// ---- calls: the arguments are a JSON array, with printf's formats ----

// Returns what a procedure returned, as JSON; "" of a reducer; "asleep" of a procedure that sleeps.
#define stdb_call(...) stdb_test_call(STDB_HERE, __VA_ARGS__)
// The call must fail, with this in its text.
#define stdb_refused(text, ...) stdb_test_refused(STDB_HERE, text, __VA_ARGS__)
// What a procedure returned that was asleep.
#define stdb_result() stdb_test_step(STDB_HERE, "result")
// "200 the body" of an HTTP handler: stdb_http("POST /orders %s", body)
#define stdb_http(...) stdb_test_http(STDB_HERE, __VA_ARGS__)
#define stdb_header(name, value) ((void)stdb_test_step(STDB_HERE, "header %s %s", name, value))

// ---- tables ----

// The rows of a statement, as JSON: an array of arrays.
#define stdb_sql(...) stdb_test_sql(STDB_HERE, __VA_ARGS__)
// The rows must be these; spaces do not count. `rows` first, then the statement with printf's
// formats.
#define stdb_rows(rows, ...) stdb_test_rows(STDB_HERE, rows, __VA_ARGS__)

// ---- time ----

// "10ms", "5s", "2m", "1h", "3d". Schedules run at their time, in their order.
#define stdb_advance(duration) ((void)stdb_test_step(STDB_HERE, "advance %s", duration))
// Microseconds since 1970.
#define stdb_now() stdb_test_now(STDB_HERE)

// ---- everything else ----

// A step of docs/testing-modules.md, and its reply. It must not fail.
#define stdb_step(...) stdb_test_step(STDB_HERE, __VA_ARGS__)
#define STDB_EXPECT(condition)                                                   \
    do {                                                                         \
        if (!(condition)) stdb_test_fail(STDB_HERE, "expected: %s", #condition); \
    } while (0)
// A text as JSON, in quotes.
const char *stdb_json(const char *text);
_Noreturn void stdb_test_fail(StdbPlace place, const char *format, ...) STDB_PRINTF_OF_TEST(2, 3);

void stdb_test_as(StdbPlace place, const char *person);
const char *stdb_test_call(StdbPlace place, const char *function, const char *format, ...)
    STDB_PRINTF_OF_TEST(3, 4);
void stdb_test_refused(StdbPlace place, const char *text, const char *function, const char *format,
                       ...) STDB_PRINTF_OF_TEST(4, 5);
const char *stdb_test_http(StdbPlace place, const char *format, ...) STDB_PRINTF_OF_TEST(2, 3);
const char *stdb_test_sql(StdbPlace place, const char *format, ...) STDB_PRINTF_OF_TEST(2, 3);
void stdb_test_rows(StdbPlace place, const char *rows, const char *format, ...)
    STDB_PRINTF_OF_TEST(3, 4);
int64_t stdb_test_now(StdbPlace place);
const char *stdb_test_step(StdbPlace place, const char *format, ...) STDB_PRINTF_OF_TEST(2, 3);
