// leaderboard.c - the best ten of many: a test in C, for what steps cannot count to.
#include <spacetime/test.h>

#include <stdio.h>

STDB_TEST(the_best_ten_of_many) {
    stdb_as("server");
    stdb_step("claims {\"sub\": \"server\", \"aud\": \"scores\"}");
    for (int i = 0; i < 50; i++)
        stdb_call("report", "[[\"0x%s\"], \"player %d\", %d]", stdb_identity("alice"), i,
                  i * 7 % 50);
    char expected[1024] = "[";
    for (int place = 1; place <= 10; place++)
        sprintf(expected + strlen(expected), "%s[%d, %d]", place > 1 ? "," : "", place, 50 - place);
    stdb_rows(strcat(expected, "]"), "SELECT place, points FROM best ORDER BY place");
}
