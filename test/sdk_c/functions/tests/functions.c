// functions.c - the library for tests in C, by testing module.c with it: what it says of calls,
// rows and time.
#include <spacetime/test.h>

#include <stdio.h>

STDB_TEST(calls_and_rows) {
    stdb_as("alice");
    stdb_call("join", "[%s, %d]", stdb_json("A \"quoted\"\nname"), 3);
    stdb_rows("[[\"A \\\"quoted\\\"\\nname\", 3]]", "SELECT name, level\nFROM player");
    stdb_refused("a name is needed", "join", "[\"\", 1]");
    STDB_EXPECT(strcmp(stdb_call("add", "[%d, %d]", 1, 2), "3") == 0);
}

STDB_TEST(each_test_has_a_fresh_database) {
    stdb_rows("[]", "SELECT * FROM player");
}

STDB_TEST(the_clock_moves_when_it_is_told_to) {
    int64_t before = stdb_now();
    stdb_call("plan", "[3600, false, \"later\"]");
    stdb_advance("59m");
    stdb_rows("[[0]]", "SELECT COUNT(*) AS n FROM note");
    stdb_advance("1m");
    stdb_rows("[[2]]", "SELECT COUNT(*) AS n FROM note");
    STDB_EXPECT(stdb_now() - before == INT64_C(3600000000));
}

STDB_TEST(people_and_connections) {
    stdb_as("bob");
    stdb_connect();
    stdb_call("remember", "[\"%s\"]", "one");
    stdb_disconnect();
    stdb_rows("[[\"one\"]]", "SELECT text FROM note WHERE owner = 0x%s", stdb_identity("bob"));
    STDB_EXPECT(strlen(stdb_identity("carol")) == 64);
}

STDB_TEST(handlers) {
    stdb_header("X-Kind", "letter");
    STDB_EXPECT(strcmp(stdb_http("POST /notes %s", "dear"), "201 {}") == 0);
    STDB_EXPECT(strcmp(stdb_call("nap", "[2]"), "asleep") == 0);
    stdb_advance("2s");
    STDB_EXPECT(strcmp(stdb_result(), "2000000") == 0);
    STDB_EXPECT(strstr(stdb_step("logs"), "panic") == NULL);
}
