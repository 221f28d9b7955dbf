// cli.h - the `spacetime` command.
//
// Threads    the main thread.
#pragma once

// Runs the command that the arguments name and returns the exit status. argv[0] is the program.
int cli_run(int argc, char **argv);
