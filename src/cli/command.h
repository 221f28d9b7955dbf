// command.h - what a command is; one file each.
//
// Threads    the main thread.
#pragma once

typedef struct Command {
    const char *name;
    const char *about;  // one line for the list
    // argv[0] is the command's name. Returns the exit status.
    int (*run)(int argc, char **argv);
} Command;

int command_start(int argc, char **argv);
