// cli.h - the `spacetime` command line: one program that is client, tools and, with `start`, server.
//
// Threads    the main thread only; `start` hands it to server/.
// Lifetime   one call per process.
// Limits     CLI_* in base/limits.h.        Format  docs/cli.md; spec: cli.md.
#pragma once

// Runs the command that the arguments name and returns the process's exit code: 0, 1 after an error
// (told on standard error), 2 for arguments that make no sense. argv[0] is the program.
int cli_run(int argc, char **argv);
