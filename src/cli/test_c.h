// test_c.h - tests of a module that are written in C: programs of this machine that say steps over
// pipes.
//
// Threads    the main thread.
// Lifetime   a test's process has ended when test_c_run returns.
// Limits     CLI_PROCESS_*, HARNESS_*.        Format  docs/testing-modules.md; sdk/c/test/test.c.
#pragma once

#include "cli/command.h"
#include "harness/harness.h"

typedef enum TestSanitizers { TEST_PLAIN, TEST_SANITIZED } TestSanitizers;

// Compiles one file of tests; the program is below the module's build directory.
Status test_c_build(Cli *cli, const char *module_dir, const char *source, TestSanitizers sanitizers,
                    const char **ret_program);
// The names of its tests, a line each.
Status test_c_list(Cli *cli, const char *program, Bytes *ret_names);
// Runs one on this trial. *ret_why is why it failed, empty if it passed.
Status test_c_run(Cli *cli, Trial *trial, const char *program, const char *name, Bytes *ret_why);
