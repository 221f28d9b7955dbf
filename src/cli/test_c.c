// test_c.c - compiles tests in C, and runs them one by one: their steps come in over one pipe, what
// came of them goes back over another; what they write to standard error, which is a file in
// memory, is why they failed.
#include "cli/test_c.h"

#include "cli/process.h"
#include "cli/unpack.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_DESCRIPTOR 3
#define REPLIES_DESCRIPTOR 4
// Pipes are moved above the numbers that the test's side has, so that none covers another.
#define DESCRIPTOR_MIN 10
#define WHY_BYTES_MAX (1u << 20)
#define STEP_BYTES_MAX (2u << 20)  // above what a step may have, so that it can say so
#define READ_BYTES 4096u

// Our ends and the test's, and the file of its standard error; -1 once closed.
typedef struct Pipes {
    int steps[2], replies[2], why;
} Pipes;

static const char *find_compiler(Cli *cli);
static bool pipes_open(Pipes *pipes);
static void pipes_close(Pipes *pipes);
static bool start(const Pipes *pipes, const char *program, const char *name, pid_t *ret_child);
static void serve(Trial *trial, const Pipes *pipes);
static bool read_step(int descriptor, Buffer *line);
static bool write_all(int descriptor, Bytes bytes);
static Bytes read_why(Cli *cli, int descriptor);

Status test_c_build(Cli *cli, const char *module_dir, const char *source, TestSanitizers sanitizers,
                    const char **ret_program) {
    const char *compiler = find_compiler(cli);
    if (compiler == NULL)
        return cli_fail(cli, STATUS_NOT_FOUND,
                        "Tests in C need a compiler for this machine: cc, gcc or clang, or what CC "
                        "names. (Tests as *.test need none.)");
    const char *sdk = NULL;
    Status status = unpack_sdk(cli, &sdk);
    if (status != STATUS_OK) return status;
    const char *directory = path_join(cli, module_dir, "build/tests");
    Error error;
    status = cli->os->directory_create(cli->os, path_join(cli, module_dir, "build"), &error);
    if (status == STATUS_OK) status = cli->os->directory_create(cli->os, directory, &error);
    if (status != STATUS_OK) return cli_fail_error(cli, &error);
    const char *slash = strrchr(source, '/');
    const char *base = slash == NULL ? source : slash + 1;
    const char *program = cli_text(cli, "%s/%.*s", directory, (int)(strlen(base) - 2), base);
    Words *words = words_create(cli);
    words_add(words, compiler);
    words_add(words, "-std=gnu17");
    words_add(words, "-g");
    words_add(words, "-Wall");
    words_add(words, "-Wextra");
    if (sanitizers == TEST_SANITIZED) {
        words_add(words, "-fsanitize=address,undefined");
        words_add(words, "-fno-sanitize-recover=all");
    }
    words_add(words, cli_text(cli, "-I%s/include", sdk));
    words_add(words, source);
    words_add(words, cli_text(cli, "%s/sdk/c/test/test.c", sdk));
    words_add(words, "-o");
    words_add(words, program);
    const Process process = {.words = words};
    ProcessResult result = {.exit_code = 1};
    status = process_run(cli, &process, &result);
    if (status == STATUS_OK && result.exit_code != 0)
        status = cli_fail(cli, STATUS_INVALID, "%s did not compile.", source);
    if (status == STATUS_OK) *ret_program = program;
    return status;
}

static const char *find_compiler(Cli *cli) {
    static const char *const NAMES[] = {"cc", "gcc", "clang", "clang-19"};
    const char *given = getenv("CC");
    if (given != NULL && given[0] != 0) return given;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (program_find(cli, NAMES[i], 0) != NULL) return NAMES[i];
    }
    return NULL;
}

Status test_c_list(Cli *cli, const char *program, Bytes *ret_names) {
    Words *words = words_create(cli);
    words_add(words, program);
    words_add(words, "--list");
    const Process process = {.words = words};
    ProcessResult result = {.exit_code = 1};
    Status status = process_read(cli, &process, &result);
    if (status == STATUS_OK && result.exit_code != 0)
        status = cli_fail(cli, STATUS_INVALID, "%s does not list its tests", program);
    if (status == STATUS_OK) *ret_names = result.output;
    return status;
}

Status test_c_run(Cli *cli, Trial *trial, const char *program, const char *name, Bytes *ret_why) {
    Pipes pipes;
    pid_t child = -1;
    fflush(stdout);
    if (!pipes_open(&pipes)) return cli_fail(cli, STATUS_IO, "%s: no pipes", program);
    if (!start(&pipes, program, name, &child)) {
        pipes_close(&pipes);
        return cli_fail(cli, STATUS_IO, "%s could not be started", program);
    }
    close(pipes.steps[1]);
    close(pipes.replies[0]);
    pipes.steps[1] = pipes.replies[0] = -1;
    // A test that ends while we answer is no reason for us to end.
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    serve(trial, &pipes);
    (void)signal(SIGPIPE, before);
    int status = 0;
    bool has_ended = waitpid(child, &status, 0) == child;
    Bytes why = read_why(cli, pipes.why);
    pipes_close(&pipes);
    if (has_ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        *ret_why = BYTES_NONE;
        return STATUS_OK;
    }
    if (has_ended && WIFSIGNALED(status))
        why = bytes_of_text(
            cli_text(cli, "%.*sended by signal %d", BYTES_FORMAT(why), WTERMSIG(status)));
    *ret_why = why.count > 0 ? why : BYTES_LITERAL("failed without saying why");
    return STATUS_OK;
}

// ---- pipes ----

static bool pipe_open(int ends[2]) {
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0) return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
        close(low[i]);
    }
    return ends[0] >= 0 && ends[1] >= 0;
}

static bool pipes_open(Pipes *pipes) {
    *pipes = (Pipes){{-1, -1}, {-1, -1}, -1};
    int file = memfd_create("why", MFD_CLOEXEC);
    pipes->why = fcntl(file, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
    if (file >= 0) close(file);
    if (pipes->why >= 0 && pipe_open(pipes->steps) && pipe_open(pipes->replies)) return true;
    pipes_close(pipes);
    return false;
}

static void pipes_close(Pipes *pipes) {
    const int ends[] = {pipes->steps[0], pipes->steps[1], pipes->replies[0], pipes->replies[1],
                        pipes->why};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends[i] >= 0) close(ends[i]);
    }
    *pipes = (Pipes){{-1, -1}, {-1, -1}, -1};
}

static bool start(const Pipes *pipes, const char *program, const char *name, pid_t *ret_child) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes->steps[1], STEPS_DESCRIPTOR);
    posix_spawn_file_actions_adddup2(&actions, pipes->replies[0], REPLIES_DESCRIPTOR);
    posix_spawn_file_actions_adddup2(&actions, pipes->why, STDERR_FILENO);
    const char *const words[] = {program, name, NULL};
    int problem = posix_spawn(ret_child, program, &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return problem == 0;
}

// Until the test closes its end.
static void serve(Trial *trial, const Pipes *pipes) {
    Buffer line;
    Buffer head;
    buffer_init(&line, STEP_BYTES_MAX);
    buffer_init(&head, READ_BYTES);
    while (read_step(pipes->steps[0], &line)) {
        StepReply reply = trial_step(trial, buffer_bytes(&line));
        buffer_clear(&head);
        buffer_append_format(&head, "%s %u\n", reply.is_error ? "error" : "ok", reply.text.count);
        if (!write_all(pipes->replies[1], buffer_bytes(&head))) break;
        if (!write_all(pipes->replies[1], reply.text)) break;
    }
    buffer_done(&head);
    buffer_done(&line);
}

// A test says one step and waits, so what comes until a line break is one. Longer than any step: it
// is over.
static bool read_step(int descriptor, Buffer *line) {
    buffer_clear(line);
    uint8_t part[READ_BYTES];
    do {
        ssize_t count = read(descriptor, part, sizeof part);
        if (count <= 0) return false;
        buffer_append(line, part, (size_t)count);
        if (line->failed) return false;
    } while (line->data[line->count - 1] != '\n');
    return true;
}

static bool write_all(int descriptor, Bytes bytes) {
    while (bytes.count > 0) {
        ssize_t count = write(descriptor, bytes.data, bytes.count);
        if (count <= 0) return false;
        bytes = bytes_slice(bytes, (uint32_t)count, bytes.count - (uint32_t)count);
    }
    return true;
}

static Bytes read_why(Cli *cli, int descriptor) {
    Buffer buffer;
    buffer_init(&buffer, WHY_BYTES_MAX);
    uint8_t part[READ_BYTES];
    ssize_t count = 0;
    for (off_t at = 0; buffer.count + sizeof part <= WHY_BYTES_MAX &&
                       (count = pread(descriptor, part, sizeof part, at)) > 0;
         at += count) {
        buffer_append(&buffer, part, (size_t)count);
    }
    Bytes why = arena_copy(&cli->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return why;
}
