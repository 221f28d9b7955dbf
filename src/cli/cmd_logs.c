// cmd_logs.c - `logs`: a module's log, as it is or as text, to its end or for as long as it grows.
#include "cli/commands.h"
#include "cli/http.h"
#include "cli/log_text.h"
#include "cli/remote.h"

#include <stdio.h>

// What `--follow` begins with if nobody says how many lines.
#define FOLLOW_LINES 10u

static const OptionSpec OPTIONS[] = {
    OPTION_SERVER,
    {.name = "num-lines",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .value_name = "LINES",
     .number_max = UINT32_MAX,
     .help = "Print the last LINES of the log [default: all]"},
    {.name = "follow", .letter = 'f', .kind = OPTION_FLAG, .help = "Wait for further lines"},
    {.name = "format",
     .kind = OPTION_VALUE,
     .value_name = "FORMAT",
     .choices = "text,default,txt|json",
     .help = "How to print them"},
    {.name = "level",
     .letter = 'l',
     .kind = OPTION_VALUE,
     .value_name = "LEVEL",
     .choices = "trace|debug|info|warn|error|panic",
     .help = "Print only lines of this level or above"},
    {.name = "level-exact",
     .kind = OPTION_FLAG,
     .requires = "level",
     .help = "Print only lines of exactly that level"},
    OPTION_YES,
    OPTION_NO_CONFIG,
};

typedef enum LogFilter { FILTER_NONE, FILTER_FROM, FILTER_EXACT } LogFilter;

typedef struct LogStream {
    LogFilter filter;
    LogRecordLevel level;
    bool is_json;
    LogTextColour colour;
    Buffer line;  // the beginning of a line whose end has not come yet
    Buffer text;
    Error error;
    bool failed;
} LogStream;

static Status run(Cli *cli, const Args *args);
static Status stream_log(Cli *cli, const Remote *remote, const Args *args, LogStream *stream);
static bool take_bytes(void *user, Bytes bytes);
static bool take_line(LogStream *stream, Bytes line);
static bool is_wanted(LogStream *stream, Bytes line, bool *ret_wanted);

const CommandSpec COMMAND_LOGS = {
    .name = "logs",
    .about = "Prints logs from a SpacetimeDB database",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE]",
    .positionals_max = 1,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    Target target;
    Remote remote;
    Status status = target_of_database(cli, args, "spacetime logs [database] [--no-config]",
                                       &target);
    if (status == STATUS_OK) status = remote_open(cli, &target, args, &remote);
    if (status != STATUS_OK) return status;
    const char *format = args_text(args, "format");
    const char *level = args_text(args, "level");
    LogStream stream = {
        .is_json = format != NULL && strcmp(format, "json") == 0,
        .colour = cli_has_colour(1) ? LOG_TEXT_COLOURED : LOG_TEXT_PLAIN,
    };
    if (level != NULL && log_record_level(level, &stream.level)) {
        stream.filter = args_has(args, "level-exact") ? FILTER_EXACT : FILTER_FROM;
    }
    buffer_init(&stream.line, CLI_LINE_BYTES_MAX);
    buffer_init(&stream.text, 2ull * CLI_LINE_BYTES_MAX);
    status = stream_log(cli, &remote, args, &stream);
    buffer_done(&stream.text);
    buffer_done(&stream.line);
    return status;
}

static Status stream_log(Cli *cli, const Remote *remote, const Args *args, LogStream *stream) {
    const char *url = cli_text(cli, "%s/v1/database/%s/logs", remote->url, remote->identity);
    bool follows = args_has(args, "follow");
    if (args_has(args, "num-lines") || follows) {
        uint32_t lines = args_number(args, "num-lines", FOLLOW_LINES);
        url = url_with(cli, url, "num_lines", cli_text(cli, "%u", lines));
    }
    const HttpCall call = {
        .method = "GET",
        .url = url_with(cli, url, "follow", follows ? "true" : "false"),
        .token = remote->token,
        .take = take_bytes,
        .user = stream,
    };
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status != STATUS_OK) return status;
    if (reply.status >= 400) {
        return cli_fail(cli, STATUS_INVALID, "%.*s", BYTES_FORMAT(reply.body));
    }
    if (!stream->failed && stream->line.count > 0) {
        (void)take_line(stream, buffer_bytes(&stream->line));
    }
    return stream->failed ? cli_fail_error(cli, &stream->error) : STATUS_OK;
}

static bool take_bytes(void *user, Bytes bytes) {
    LogStream *stream = user;
    bool goes_on = true;
    if (stream->is_json && stream->filter == FILTER_NONE) {
        goes_on = cli_print(bytes);
    } else {
        for (uint32_t start = 0; start < bytes.count && goes_on;) {
            uint32_t end = start;
            while (end < bytes.count && bytes.data[end] != '\n') end++;
            bool is_whole = end < bytes.count;
            if (is_whole) end++;
            buffer_append_bytes(&stream->line, bytes_slice(bytes, start, end - start));
            start = end;
            if (stream->line.failed) {
                (void)error_set(&stream->error, STATUS_LIMIT, "a line of the log is too long");
                stream->failed = true;
                goes_on = false;
            } else if (is_whole) {
                goes_on = take_line(stream, buffer_bytes(&stream->line));
                buffer_clear(&stream->line);
            }
        }
    }
    return fflush(stdout) == 0 && goes_on;
}

// A line with its end. False: no further ones are wanted.
static bool take_line(LogStream *stream, Bytes line) {
    bool wanted = false;
    if (!is_wanted(stream, line, &wanted)) return false;
    if (!wanted) return true;
    if (stream->is_json) return cli_print(line);
    buffer_clear(&stream->text);
    Status status = log_record_write_text(line, stream->colour, &stream->text, &stream->error);
    stream->failed = status != STATUS_OK;
    if (stream->failed) return false;
    return cli_print(buffer_bytes(&stream->text));
}

// False, with an error, if the line is none of a log.
static bool is_wanted(LogStream *stream, Bytes line, bool *ret_wanted) {
    *ret_wanted = true;
    if (stream->filter == FILTER_NONE) return true;
    LogRecordLevel level = LOG_RECORD_TRACE;
    stream->failed = log_record_read_level(line, &level, &stream->error) != STATUS_OK;
    if (stream->failed) return false;
    *ret_wanted = stream->filter == FILTER_EXACT ? level == stream->level : level >= stream->level;
    return true;
}
