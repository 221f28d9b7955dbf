// config_test.c - goal: config.toml's keys have their effect, mistakes are named, durations read as documented.

#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static Arena arena;
static char folder[] = "/tmp/stdb-config-test-XXXXXX";
static char path[64];

static int group_set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    (void)snprintf(path, sizeof path, "%s/config.toml", folder);
    arena_init(&arena, 64u << 20);
    return 0;
}

static int group_tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    (void)unlink(path);
    return rmdir(folder);
}

static Status read_text(const char *text, Config *ret_config, Error *error) {
    assert_int_equal(os_file_replace(os_real(), path, bytes_of_text(text), error), STATUS_OK);
    return config_read(os_real(), path, &arena, ret_config, error);
}

static void assert_bad(const char *text, const char *expected) {
    Config config;
    Error error;
    assert_int_equal(read_text(text, &config, &error), STATUS_INVALID);
    if (!strstr(error.text, expected)) fail_msg("%s", error.text);
}

static void assert_defaults(const Config *config) {
    assert_null(config->private_key_path);
    assert_int_equal(config->log_level, LOG_INFO);
    assert_int_equal(config->segment_bytes_max, 1u << 30);
    assert_int_equal(config->ping_interval_ms, 15000);
    assert_int_equal(config->idle_timeout_ms, 30000);
    assert_int_equal(config->close_timeout_ms, 250);
    assert_int_equal(config->inbox_messages_max, 16384);
}

// A missing file is written from the template, which sets nothing.
static void test_template(void **state) {
    (void)state;
    Config config;
    Error error;
    (void)unlink(path);
    assert_int_equal(config_read(os_real(), path, &arena, &config, &error), STATUS_OK);
    assert_defaults(&config);
    assert_true(os_path_exists(os_real(), path));
    assert_int_equal(config_read(os_real(), path, &arena, &config, &error), STATUS_OK);
    assert_defaults(&config);
}

static void test_settings(void **state) {
    (void)state;
    Config config;
    Error error;
    Status status = read_text("[certificate-authority]\n"
                              "jwt-priv-key-path = \"~/a\"\njwt-pub-key-path = '/b'\n"
                              "[logs]\nlevel = \"DEBUG\"\ndirectives = [\"x=y\"]\n"
                              "[commitlog]\nmax-segment-size = 1048576\n"
                              "[websocket]\nping-interval = \"1m 30s\"\nidle-timeout = \"2min\"\n"
                              "close-handshake-timeout = \"100ms\"\nincoming-queue-length = 7\n"
                              "[module-http]\nenabled = false\nallow-private-addresses = true\n"
                              "[wasm]\nprocedure-instance-pool-size = 3\ncall-seconds = 2\n"
                              "memory-size = 1048576\n[v8]\nunknown = 1\n",
                              &config, &error);
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(config.private_key_path, "~/a");
    assert_string_equal(config.public_key_path, "/b");
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_int_equal(config.segment_bytes_max, 1048576);
    assert_int_equal(config.ping_interval_ms, 90000);
    assert_int_equal(config.idle_timeout_ms, 120000);
    assert_int_equal(config.close_timeout_ms, 100);
    assert_int_equal(config.inbox_messages_max, 7);
    assert_false(config.http_is_enabled);
    assert_true(config.http_allows_private);
    assert_int_equal(config.procedure_instances, 3);
    assert_int_equal(config.call_seconds, 2);
    assert_int_equal(config.module_memory_bytes_max, 1048576);
}

static void test_mistakes(void **state) {
    (void)state;
    assert_bad("[logs\n", "invalid TOML syntax in ");
    assert_bad("[logs]\nlevel = 3\n", "line 2: `logs.level`: expected off, error");
    assert_bad("[commitlog]\nmax-segment-size = 0\n", "value must be greater than 0");
    assert_bad("[commitlog]\nmax-segment-size = \"1\"\n", "expected an integer");
    assert_bad("[websocket]\nping-interval = 15\n", "expected a duration");
    assert_bad("[websocket]\nincoming-queue-length = 4294967296\n", "too large");
    assert_bad("[certificate-authority]\njwt-pub-key-path = \"x\"\n", "needs jwt-priv-key-path");
}

static void test_durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t ms;
    } GOOD[] = {{"500ms", 500},    {"5s", 5000},
                {"1m 30s", 90000}, {"1m30s", 90000},
                {"2h", 7200000},   {"1day", 86400000},
                {"1 s", 1000},     {"1us", 1},
                {"0s", 0},         {"4294967295ms", UINT32_MAX}};
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        uint32_t ms = 1;
        assert_true(duration_parse(bytes_of_text(GOOD[i].text), &ms));
        assert_int_equal(ms, GOOD[i].ms);
    }
    static const char *const BAD[] = {"",
                                      " ",
                                      "5",
                                      "s",
                                      "5x",
                                      "5 5s",
                                      "-1s",
                                      "1S",
                                      "1.5s",
                                      "4294967296ms",
                                      "99999999999999999999s",
                                      "50day"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        uint32_t ms = 0;
        if (duration_parse(bytes_of_text(BAD[i]), &ms)) fail_msg("%s", BAD[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
