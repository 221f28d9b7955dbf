// cli_test.h - what the tests of cli/ share: a Cli without configuration.
//
// Threads    any.
// Lifetime   from set_up to tear_down of each test.
// Limits     none.
#pragma once

#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static Cli cli;

static int set_up(void **state) {
    (void)state;
    cli = (Cli){.os = os_real(), .exit_code = 1};
    arena_init(&cli.arena, CLI_ARENA_BYTES_MAX);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&cli.arena);
    return 0;
}

// The text that a fault begins with: what was being done, outermost.
static inline const char *fault_text(void) {
    assert_true(cli.fault.count > 0);
    return cli_text(&cli, "%.*s", BYTES_FORMAT(cli.fault.texts[cli.fault.count - 1]));
}

static inline void assert_bytes(Bytes bytes, const char *expected) {
    assert_string_equal(cli_text(&cli, "%.*s", BYTES_FORMAT(bytes)), expected);
}
