// script.c - tests written as steps: "test NAME" begins one, "expect ..." says what came of the
// step before.
//
// A step that fails ends its test, unless an "expect error" follows. Everything before the first
// test is run at the beginning of each.
#include "harness/trial.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct Line {
    Bytes text;  // trimmed; empty lines and comments are left out
    uint32_t number;
} Line;

typedef struct Script {
    Line *lines;
    uint32_t count;
    uint32_t first_test;  // lines before it are run at the beginning of each
} Script;

// A test that runs.
typedef struct Run {
    Trial *trial;
    Bytes reply;
    bool is_error;  // of the last step, not yet expected
    uint32_t line;  // of the last step
    char text[HARNESS_ERROR_TEXT_MAX];
} Run;

static Status script_read(Bytes text, Arena *arena, Script *ret_script, Error *error);
static bool is_test(Bytes line);
static bool run_lines(Run *run, const Line *lines, uint32_t count);
static bool run_line(Run *run, const Line *line);
static bool expect(Run *run, Bytes wanted);
static bool fail(Run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

Status script_run(Harness *harness, Bytes script, const ScriptReport *report, Error *error) {
    Arena arena;
    arena_init(&arena, HARNESS_ARENA_BYTES_MAX);
    Script lines = {0};
    Status status = script_read(script, &arena, &lines, error);
    for (uint32_t at = lines.first_test; status == STATUS_OK && at < lines.count;) {
        Bytes name = lines.lines[at].text;
        (void)text_word(&name);
        uint32_t end = at + 1;
        while (end < lines.count && !is_test(lines.lines[end].text)) end++;
        if (report->is_wanted(report->user, name)) {
            Run run = {.trial = trial_begin(harness)};
            bool is_passed = run_lines(&run, lines.lines, lines.first_test) &&
                             run_lines(&run, &lines.lines[at + 1], end - at - 1);
            trial_end(run.trial);
            report->ended(report->user, name, is_passed ? NULL : run.text, run.line);
        }
        at = end;
    }
    arena_done(&arena);
    return status;
}

static Status script_read(Bytes text, Arena *arena, Script *ret_script, Error *error) {
    Script script = {.lines = ARENA_ARRAY(arena, Line, HARNESS_LINES_MAX)};
    uint32_t number = 0;
    bool has_test = false;
    while (text.count > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.count);
        uint32_t count = end == NULL ? text.count : (uint32_t)(end - text.data);
        Bytes line = text_trim(bytes_slice(text, 0, count));
        text = bytes_slice(text, end == NULL ? count : count + 1,
                           text.count - (end == NULL ? count : count + 1));
        number++;
        if (line.count == 0 || line.data[0] == '#') continue;
        if (script.count == HARNESS_LINES_MAX)
            return error_set(error, STATUS_LIMIT, "more than %u lines", HARNESS_LINES_MAX);
        if (is_test(line) && !has_test) {
            has_test = true;
            script.first_test = script.count;
        }
        script.lines[script.count++] = (Line){line, number};
    }
    if (!has_test)
        return error_set(error, STATUS_INVALID, "no test: a line `test NAME` begins one");
    *ret_script = script;
    return STATUS_OK;
}

static bool is_test(Bytes line) {
    return bytes_equal_text(text_word(&line), "test");
}

static bool run_lines(Run *run, const Line *lines, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (!run_line(run, &lines[i])) return false;
    }
    return !run->is_error || fail(run, "%.*s", BYTES_FORMAT(run->reply));
}

static bool run_line(Run *run, const Line *line) {
    Bytes rest = line->text;
    Bytes name = text_word(&rest);
    if (bytes_equal_text(name, "expect")) {
        uint32_t step_line = run->line;
        run->line = line->number;
        if (!expect(run, rest)) return false;
        run->line = step_line;
        return true;
    }
    if (run->is_error) return fail(run, "%.*s", BYTES_FORMAT(run->reply));
    run->line = line->number;
    StepReply reply = trial_step(run->trial, line->text);
    run->reply = reply.text;
    run->is_error = reply.is_error;
    return true;
}

// "error TEXT": part of the text of a failure. "log TEXT": part of what was logged since the last
// look. "part TEXT": part of the reply. Otherwise the reply: the same JSON, or the same text.
static bool expect(Run *run, Bytes wanted) {
    Bytes rest = wanted;
    Bytes word = text_word(&rest);
    if (bytes_equal_text(word, "error")) {
        if (!run->is_error) return fail(run, "it did not fail: %.*s", BYTES_FORMAT(run->reply));
        if (!text_contains(run->reply, rest))
            return fail(run, "it failed otherwise: %.*s", BYTES_FORMAT(run->reply));
        run->is_error = false;
        return true;
    }
    if (run->is_error) return fail(run, "%.*s", BYTES_FORMAT(run->reply));
    if (bytes_equal_text(word, "log")) {
        Bytes logs = trial_logs(run->trial);
        return text_contains(logs, rest) || fail(run, "not in the log:\n%.*s", BYTES_FORMAT(logs));
    }
    if (bytes_equal_text(word, "part")) {
        return text_contains(run->reply, trial_expected(run->trial, rest)) ||
               fail(run, "not in it: %.*s", BYTES_FORMAT(run->reply));
    }
    // As a step does, so that @{alice} is filled in.
    Bytes expected = trial_expected(run->trial, wanted);
    if (json_is_same(run->reply, expected, &run->trial->arena)) return true;
    return fail(run, "expected %.*s\n     got %.*s", BYTES_FORMAT(expected),
                BYTES_FORMAT(run->reply));
}

static bool fail(Run *run, const char *format, ...) {
    ASSERT(run->trial != NULL);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(run->text, sizeof run->text, format, arguments);
    va_end(arguments);
    return false;
}
