// process.h - runs other programs: compilers, cargo, a browser.
//
// Threads    the main thread.
// Lifetime   a program has ended when a function returns.
// Limits     CLI_PROCESS_WORDS_MAX, CLI_PROCESS_OUTPUT_BYTES_MAX.
#pragma once

#include "cli/command.h"

// The words of a command line, built up one by one.
typedef struct Words {
    const char *items[CLI_PROCESS_WORDS_MAX + 1];  // the last one is NULL
    uint32_t count;
} Words;

Words *words_create(Cli *cli);
// STATUS_LIMIT comes from process_run: too many words are noticed there.
void words_add(Words *words, const char *word);

typedef struct Process {
    const Words *words;              // the first one names the program; looked for in PATH
    const char *directory;           // NULL: ours
    const char *const *environment;  // "NAME=value", NULL at the end; added to ours. NULL: none
} Process;

typedef struct ProcessResult {
    int exit_code;  // 128 + the signal if one ended it
    Bytes output;   // of process_read
} ProcessResult;

// Runs it with our standard streams. STATUS_NOT_FOUND if there is no such program.
Status process_run(Cli *cli, const Process *process, ProcessResult *ret_result);
// The same, but its standard output comes back.
Status process_read(Cli *cli, const Process *process, ProcessResult *ret_result);
// The same, and its standard error is dropped.
Status process_read_quietly(Cli *cli, const Process *process, ProcessResult *ret_result);

// Where a program is in PATH, the `index`-th place that has it; NULL: none (any more).
const char *program_find(Cli *cli, const char *name, uint32_t index);
