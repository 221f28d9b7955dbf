// args.c - reads a command line by its table.
//
// One walk over the words fills the values; what belongs to the whole line (conflicts, what is
// required, how many positionals) is checked behind it. The texts of errors are clap's where scripts
// look at them: "error: " is put before them by the caller, usage behind.
#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct ArgsReader {
    const CommandSpec *command;
    int argc;
    char **argv;
    int at;
    Arena *arena;
    Args *args;
    Error *error;
    bool help;
} ArgsReader;

static bool read_word(ArgsReader *reader, const char *word, bool *options_over);
static bool read_long(ArgsReader *reader, const char *word);
static bool read_letters(ArgsReader *reader, const char *word);
static bool read_value(ArgsReader *reader, uint32_t index, const char *attached);
static bool set_value(ArgsReader *reader, uint32_t index, const char *text);
static bool set_list(ArgsReader *reader, uint32_t index, const char *text);
static bool set_number(ArgsReader *reader, uint32_t index, const char *value);
static const char *choose(ArgsReader *reader, const OptionSpec *option, const char *text);
static bool check_whole(ArgsReader *reader);
static bool check_conflicts(ArgsReader *reader, uint32_t index);
static bool wrong(ArgsReader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const char *shown(const OptionSpec *option, Arena *arena);
static uint32_t option_index(const CommandSpec *command, Bytes name);
static void write_choices(Buffer *buffer, const OptionSpec *option);
static void write_option_help(Buffer *buffer, const OptionSpec *option);

#define OPTION_ABSENT UINT32_MAX

ArgsOutcome args_read(const CommandSpec *command, int argc, char **argv, Arena *arena,
                      Args *ret_args, Error *error) {
    ASSERT(command->option_count <= CLI_OPTIONS_MAX);
    *ret_args = (Args){.command = command, .usage_name = command->name};
    ret_args->positionals = ARENA_ARRAY(arena, const char *, argc + 1);
    ArgsReader reader = {command, argc, argv, 0, arena, ret_args, error, false};
    bool options_over = false;
    while (reader.at < argc) {
        const char *word = argv[reader.at++];
        if (!read_word(&reader, word, &options_over)) return ARGS_WRONG;
        if (reader.help) return ARGS_HELP;
    }
    return check_whole(&reader) ? ARGS_OK : ARGS_WRONG;
}

static bool read_word(ArgsReader *reader, const char *word, bool *options_over) {
    if (!*options_over && strcmp(word, "--") == 0) {
        *options_over = true;
        return true;
    }
    if (!*options_over && word[0] == '-' && word[1] == '-') return read_long(reader, word + 2);
    if (!*options_over && word[0] == '-' && word[1] != 0) return read_letters(reader, word + 1);
    Args *args = reader->args;
    if (args->positional_count == reader->command->positionals_max) {
        return wrong(reader, "unexpected argument '%s' found", word);
    }
    args->positionals[args->positional_count++] = word;
    return true;
}

// `word` is behind the dashes: "server=local" or "server".
static bool read_long(ArgsReader *reader, const char *word) {
    const char *equals = strchr(word, '=');
    Bytes name = bytes_of(word, equals == NULL ? strlen(word) : (size_t)(equals - word));
    if (bytes_equal_text(name, "help") && equals == NULL) {
        reader->help = true;
        return true;
    }
    uint32_t index = option_index(reader->command, name);
    if (index == OPTION_ABSENT) {
        return wrong(reader, "unexpected argument '--%.*s' found", BYTES_FORMAT(name));
    }
    return read_value(reader, index, equals == NULL ? NULL : equals + 1);
}

// `word` is behind the dash: "yf" (two flags), "n5", "n=5" or "n".
static bool read_letters(ArgsReader *reader, const char *word) {
    for (const char *letter = word; *letter != 0; letter++) {
        if (*letter == 'h') {
            reader->help = true;
            return true;
        }
        uint32_t index = 0;
        const CommandSpec *command = reader->command;
        while (index < command->option_count && command->options[index].letter != *letter) index++;
        if (index == command->option_count) {
            return wrong(reader, "unexpected argument '-%c' found", *letter);
        }
        OptionKind kind = command->options[index].kind;
        const char *rest = letter + 1;
        if (kind == OPTION_FLAG && *rest != '=') {
            if (!read_value(reader, index, NULL)) return false;
            continue;
        }
        if (*rest == '=') return read_value(reader, index, rest + 1);
        if (*rest == 0) return read_value(reader, index, NULL);
        if (kind == OPTION_VALUE || kind == OPTION_NUMBER) return read_value(reader, index, rest);
        if (!read_value(reader, index, NULL)) return false;  // "-cy": the value needs a '='
    }
    return true;
}

// attached  what stood behind '=' or a letter; NULL: nothing
static bool read_value(ArgsReader *reader, uint32_t index, const char *attached) {
    const OptionSpec *option = &reader->command->options[index];
    OptionValue *value = &reader->args->options[index];
    if (value->is_given && option->kind != OPTION_LIST &&
        reader->command->style != ARGS_LAST_WINS) {
        return wrong(reader, "the argument '%s' cannot be used multiple times",
                     shown(option, reader->arena));
    }
    value->is_given = true;
    if (option->kind == OPTION_FLAG) {
        if (attached == NULL) return true;
        return wrong(reader, "unexpected value '%s' for '%s' found; no more were expected",
                     attached, shown(option, reader->arena));
    }
    if (option->kind == OPTION_OPTIONAL || option->kind == OPTION_LIST) {
        const char *text = attached == NULL ? option->missing : attached;
        return option->kind == OPTION_LIST ? set_list(reader, index, text)
                                           : set_value(reader, index, text);
    }
    if (attached == NULL && reader->at < reader->argc) {
        const char *next = reader->argv[reader->at];
        if (next[0] != '-' || next[1] == 0) {
            attached = next;
            reader->at++;
        }
    }
    if (attached == NULL) {
        return wrong(reader, "a value is required for '%s' but none was supplied",
                     shown(option, reader->arena));
    }
    return option->kind == OPTION_NUMBER ? set_number(reader, index, attached)
                                         : set_value(reader, index, attached);
}

static bool set_value(ArgsReader *reader, uint32_t index, const char *text) {
    OptionValue *value = &reader->args->options[index];
    value->values[0] = choose(reader, &reader->command->options[index], text);
    value->count = 1;
    return value->values[0] != NULL;
}

static bool set_list(ArgsReader *reader, uint32_t index, const char *text) {
    const OptionSpec *option = &reader->command->options[index];
    OptionValue *list = &reader->args->options[index];
    for (const char *at = text; at != NULL;) {
        const char *comma = strchr(at, ',');
        Bytes item = bytes_of(at, comma == NULL ? strlen(at) : (size_t)(comma - at));
        at = comma == NULL ? NULL : comma + 1;
        if (list->count == CLI_LIST_MAX) {
            return wrong(reader, "'%s' has more than %u values", shown(option, reader->arena),
                         CLI_LIST_MAX);
        }
        const char *value = choose(reader, option, arena_copy_text(reader->arena, item));
        if (value == NULL) return false;
        list->values[list->count++] = value;
    }
    return true;
}

static bool set_number(ArgsReader *reader, uint32_t index, const char *value) {
    const OptionSpec *option = &reader->command->options[index];
    uint64_t number = 0;
    bool valid = value[0] != 0;
    for (const char *digit = value; *digit != 0 && valid; digit++) {
        valid = *digit >= '0' && *digit <= '9';
        number = number * 10 + (uint64_t)(*digit - '0');
        if (number > option->number_max) valid = false;
    }
    if (!valid) {
        return wrong(reader, "invalid value '%s' for '%s': a number from 0 to %u is expected",
                     value, shown(option, reader->arena), option->number_max);
    }
    reader->args->options[index].values[0] = value;
    reader->args->options[index].count = 1;
    reader->args->options[index].number = (uint32_t)number;
    return true;
}

// The value in its first spelling; NULL, with an error, if the option does not take it.
static const char *choose(ArgsReader *reader, const OptionSpec *option, const char *text) {
    if (option->choices == NULL) return text;
    Bytes value = bytes_of_text(text);
    const char *first = option->choices;
    for (const char *at = first;; at++) {
        size_t count = strcspn(at, ",|");
        if (bytes_equal(bytes_of(at, count), value)) {
            return arena_copy_text(reader->arena, bytes_of(first, strcspn(first, ",|")));
        }
        at += count;
        if (*at == 0) break;
        if (*at == '|') first = at + 1;
    }
    Buffer choices;
    buffer_init(&choices, ERROR_TEXT_MAX);
    write_choices(&choices, option);
    (void)wrong(reader, "invalid value '%s' for '%s'\n  [possible values: %.*s]", text,
                shown(option, reader->arena), BYTES_FORMAT(buffer_bytes(&choices)));
    buffer_done(&choices);
    return NULL;
}

static bool check_whole(ArgsReader *reader) {
    const CommandSpec *command = reader->command;
    for (uint32_t i = 0; i < command->option_count; i++) {
        const OptionSpec *option = &command->options[i];
        bool is_given = reader->args->options[i].is_given;
        if (is_given && !check_conflicts(reader, i)) return false;
        const char *needed = is_given ? option->
                                            requires
                                      : NULL;
        if (!is_given && option->is_required) needed = option->name;
        if (needed == NULL || args_has(reader->args, needed)) continue;
        uint32_t index = option_index(command, bytes_of_text(needed));
        return wrong(reader, "the following required arguments were not provided:\n  %s",
                     shown(&command->options[index], reader->arena));
    }
    if (reader->args->positional_count < command->positionals_min) {
        return wrong(reader, "the following required arguments were not provided:\n  %s",
                     command->positionals);
    }
    return true;
}

static bool check_conflicts(ArgsReader *reader, uint32_t index) {
    const CommandSpec *command = reader->command;
    const char *at = command->options[index].conflicts;
    while (at != NULL && *at != 0) {
        size_t count = strcspn(at, " ");
        uint32_t other = option_index(command, bytes_of(at, count));
        ASSERT(other != OPTION_ABSENT);
        if (reader->args->options[other].is_given) {
            return wrong(reader, "the argument '%s' cannot be used with '%s'",
                         shown(&command->options[index], reader->arena),
                         shown(&command->options[other], reader->arena));
        }
        at += count + (at[count] == ' ');
    }
    return true;
}

// Sets the error; returns false.
static bool wrong(ArgsReader *reader, const char *format, ...) {
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)error_set(reader->error, STATUS_INVALID, "%s", text);
    return false;
}

// "--server <SERVER>", "--yes".
static const char *shown(const OptionSpec *option, Arena *arena) {
    Bytes text = BYTES_NONE;
    switch (option->kind) {
    case OPTION_FLAG: text = arena_format(arena, "--%s", option->name); break;
    case OPTION_VALUE:
    case OPTION_NUMBER:
        text = arena_format(arena, "--%s <%s>", option->name, option->value_name);
        break;
    case OPTION_OPTIONAL:
    case OPTION_LIST:
        text = arena_format(arena, "--%s[=<%s>]", option->name, option->value_name);
        break;
    }
    return (const char *)text.data;
}

static uint32_t option_index(const CommandSpec *command, Bytes name) {
    for (uint32_t i = 0; i < command->option_count; i++) {
        const OptionSpec *option = &command->options[i];
        if (bytes_equal_text(name, option->name)) return i;
        if (option->alias != NULL && bytes_equal_text(name, option->alias)) return i;
    }
    return OPTION_ABSENT;
}

// ---- what was given ----

static const OptionValue *option_get(const Args *args, const char *name) {
    uint32_t index = option_index(args->command, bytes_of_text(name));
    ASSERT(index != OPTION_ABSENT);
    return &args->options[index];
}

bool args_has(const Args *args, const char *name) {
    return option_get(args, name)->is_given;
}

const char *args_text(const Args *args, const char *name) {
    const OptionValue *value = option_get(args, name);
    return value->count == 0 ? NULL : value->values[0];
}

uint32_t args_number(const Args *args, const char *name, uint32_t otherwise) {
    const OptionValue *value = option_get(args, name);
    return value->is_given ? value->number : otherwise;
}

bool args_lists(const Args *args, const char *name, const char *value) {
    const OptionValue *list = option_get(args, name);
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->values[i], value) == 0) return true;
    }
    return false;
}

const char *args_positional(const Args *args, uint32_t index) {
    return index < args->positional_count ? args->positionals[index] : NULL;
}

// ---- help ----

void args_write_usage(Buffer *buffer, const CommandSpec *command, const char *usage_name) {
    buffer_append_format(buffer, "Usage: spacetime%s%s", usage_name[0] == 0 ? "" : " ", usage_name);
    if (command->option_count > 0) buffer_append_text(buffer, " [OPTIONS]");
    if (command->positionals != NULL) buffer_append_format(buffer, " %s", command->positionals);
    if (command->command_count > 0) {
        buffer_append_text(buffer, command->run == NULL ? " <COMMAND>" : " [COMMAND]");
    }
    buffer_u8(buffer, '\n');
}

void args_write_help(Buffer *buffer, const CommandSpec *command, const char *usage_name) {
    buffer_append_format(buffer, "%s\n\n", command->about);
    args_write_usage(buffer, command, usage_name);
    if (command->command_count > 0) buffer_append_text(buffer, "\nCommands:\n");
    for (uint32_t i = 0; i < command->command_count; i++) {
        const CommandSpec *below = &command->commands[i];
        buffer_append_format(buffer, "  %-12s  %s\n", below->name, below->about);
    }
    buffer_append_text(buffer, "\nOptions:\n");
    for (uint32_t i = 0; i < command->option_count; i++) {
        if (!command->options[i].is_hidden) write_option_help(buffer, &command->options[i]);
    }
    buffer_append_text(buffer, "  -h, --help\n          Print help\n");
}

static void write_option_help(Buffer *buffer, const OptionSpec *option) {
    buffer_append_text(buffer, "  ");
    if (option->letter != 0) {
        buffer_append_format(buffer, "-%c, ", option->letter);
    } else {
        buffer_append_text(buffer, "    ");
    }
    buffer_append_format(buffer, "--%s", option->name);
    switch (option->kind) {
    case OPTION_FLAG: break;
    case OPTION_VALUE:
    case OPTION_NUMBER: buffer_append_format(buffer, " <%s>", option->value_name); break;
    case OPTION_OPTIONAL:
    case OPTION_LIST: buffer_append_format(buffer, "[=<%s>]", option->value_name); break;
    }
    buffer_append_format(buffer, "\n          %s", option->help);
    if (option->choices != NULL) {
        buffer_append_text(buffer, " [possible values: ");
        write_choices(buffer, option);
        buffer_u8(buffer, ']');
    }
    buffer_u8(buffer, '\n');
}

// The first spelling of each.
static void write_choices(Buffer *buffer, const OptionSpec *option) {
    for (const char *at = option->choices;;) {
        buffer_append(buffer, at, strcspn(at, ",|"));
        at += strcspn(at, "|");
        if (*at == 0) return;
        buffer_append_text(buffer, ", ");
        at++;
    }
}
