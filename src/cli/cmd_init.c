// cmd_init.c - `init`: a new project out of an embedded template.
//
// It never asks: what upstream's dialogs find out is given on the command line.
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/embedded.h"
#include "cli/unpack.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>

static const OptionSpec OPTIONS[] = {
    {.name = "project-path",
     .kind = OPTION_VALUE,
     .value_name = "PATH",
     .help = "Where to write the project [default: its name]"},
    {.name = "server-only",
     .kind = OPTION_FLAG,
     .help = "Only the module, into a directory of use"},
    {.name = "lang",
     .kind = OPTION_VALUE,
     .value_name = "LANG",
     .help = "The module's language: c or rust"},
    {.name = "template",
     .letter = 't',
     .kind = OPTION_OPTIONAL,
     .value_name = "TEMPLATE",
     .missing = "",
     .help = "The template to use; without a name, list what there is"},
    {.name = "local", .kind = OPTION_FLAG, .help = "Do not ask about logging in; it never does"},
    {.name = "non-interactive", .kind = OPTION_FLAG, .help = "Never ask; it never does"},
    {.name = "native-aot", .kind = OPTION_FLAG, .is_hidden = true, .help = "For C# only"},
    {.name = "dotnet-version",
     .kind = OPTION_VALUE,
     .value_name = "VERSION",
     .is_hidden = true,
     .help = "For C# only"},
};

// A name in the templates that stands for the project's, as identifiers are written.
#define NAME_PLACE "PROJECT_NAME"
#define SUFFIX_LETTERS 5

typedef struct Language {
    const char *spelling;
    const char *folder;  // below templates/; NULL: not offered
    const char *shown;
} Language;

static const Language LANGUAGES[] = {
    {"c", "c", "C"},
    {"rust", "rust", "Rust"},
    {"csharp", NULL, "C#"},
    {"c#", NULL, "C#"},
    {"typescript", NULL, "TypeScript"},
    {"cpp", NULL, "C++"},
    {"c++", NULL, "C++"},
    {"cxx", NULL, "C++"},
};

static Status run(Cli *cli, const Args *args);
static Status check_args(Cli *cli, const Args *args);
static Status find_language(Cli *cli, const Args *args, const Language **ret_language);
static Status check_place(Cli *cli, const Args *args, const char *path);
static bool has_entries(const char *path);
static const char *kebab_case(Cli *cli, const char *name);
static Status write_project(Cli *cli, const Args *args, const Language *language, const char *path);
static Status fill_in_name(Cli *cli, const char *file, const char *name);
static Status write_settings(Cli *cli, const char *path, const char *name);
static Status write_json(Cli *cli, const char *path, json_t *json);
static const char *random_suffix(Cli *cli);
static void list_templates(void);
static void print_next_steps(const char *path);

const CommandSpec COMMAND_INIT = {
    .name = "init",
    .about = "Initializes a new SpacetimeDB project",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[PROJECT_NAME]",
    .positionals_max = 1,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *template = args_text(args, "template");
    if (template != NULL && template[0] == 0) {
        list_templates();
        return STATUS_OK;
    }
    const Language *language = NULL;
    Status status = check_args(cli, args);
    if (status == STATUS_OK) status = find_language(cli, args, &language);
    if (status != STATUS_OK) return status;
    const char *name = args_positional(args, 0);
    const char *path = args_text(args, "project-path");
    if (path == NULL) path = kebab_case(cli, name);
    if (path[0] == 0) {
        return cli_fail(cli, STATUS_INVALID, "The project's name needs a letter or digit: %s",
                        name);
    }
    status = check_place(cli, args, path);
    if (status != STATUS_OK) return status;
    printf("Initializing project from template...\nSetting up %s server...\n", language->shown);
    status = write_project(cli, args, language, path);
    if (status == STATUS_OK) {
        status = fill_in_name(cli, path_join(cli, path, "spacetimedb/Cargo.toml"), name);
    }
    if (status != STATUS_OK) return status;
    puts("Project initialized successfully!");
    status = write_settings(cli, path, name);
    if (status == STATUS_OK) print_next_steps(path);
    return status;
}

static Status check_args(Cli *cli, const Args *args) {
    bool has_template = args_has(args, "template");
    bool has_language = args_has(args, "lang");
    if (has_template && has_language) {
        return cli_fail(cli, STATUS_INVALID,
                        "Cannot specify both --template and --lang. Language is determined by the "
                        "template.");
    }
    if (args_positional(args, 0) == NULL) {
        return cli_fail(cli, STATUS_INVALID,
                        "PROJECT_NAME is required in non-interactive mode: spacetime init --lang c "
                        "<PROJECT_NAME>");
    }
    if (!has_template && !has_language) {
        return cli_fail(cli, STATUS_INVALID,
                        "Either --template or --lang must be provided in non-interactive mode");
    }
    if (args_has(args, "native-aot")) {
        return cli_fail(cli, STATUS_INVALID,
                        "--native-aot is only supported for C# projects (--lang csharp)");
    }
    if (args_has(args, "dotnet-version")) {
        return cli_fail(cli, STATUS_INVALID,
                        "--dotnet-version is only supported for C# projects (--lang csharp)");
    }
    return STATUS_OK;
}

static Status find_language(Cli *cli, const Args *args, const Language **ret_language) {
    const char *template = args_text(args, "template");
    const char *wanted = template != NULL ? template : args_text(args, "lang");
    for (size_t i = 0; i < sizeof LANGUAGES / sizeof LANGUAGES[0]; i++) {
        const Language *language = &LANGUAGES[i];
        bool is_named = strcasecmp(language->spelling, wanted) == 0;
        if (template != NULL) is_named = language->folder && strcmp(language->folder, wanted) == 0;
        if (!is_named) continue;
        if (language->folder == NULL) {
            return cli_fail(cli, STATUS_UNSUPPORTED,
                            "There is no template for %s here, only for c and rust. Modules in %s "
                            "can be published all the same: use upstream's `spacetime init`.",
                            language->shown, language->shown);
        }
        *ret_language = language;
        return STATUS_OK;
    }
    if (template == NULL) {
        return cli_fail(cli, STATUS_INVALID, "Unknown server language: %s", wanted);
    }
    return cli_fail(cli, STATUS_NOT_FOUND,
                    "There is no template %s. `spacetime init --template` lists them; git "
                    "repositories are not fetched: clone it yourself.",
                    wanted);
}

static Status check_place(Cli *cli, const Args *args, const char *path) {
    if (path_is_file(path)) {
        return cli_fail(cli, STATUS_CONFLICT,
                        "Path %s exists but is not a directory. Choose another with "
                        "--project-path.",
                        path);
    }
    if (args_has(args, "server-only")) {
        if (!has_entries(path_join(cli, path, "spacetimedb"))) return STATUS_OK;
        return cli_fail(cli, STATUS_CONFLICT,
                        "A SpacetimeDB module already exists in the target directory: %s", path);
    }
    if (!has_entries(path)) return STATUS_OK;
    return cli_fail(cli, STATUS_CONFLICT,
                    "Cannot create new SpacetimeDB project in non-empty directory: %s", path);
}

static bool has_entries(const char *path) {
    DIR *open = opendir(path);
    if (open == NULL) return false;
    bool is_found = false;
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) is_found = true;
    }
    closedir(open);
    return is_found;
}

// "My App" and "MyApp" -> "my-app".
static const char *kebab_case(Cli *cli, const char *name) {
    char *kebab = arena_alloc(&cli->arena, 2 * strlen(name) + 1);
    size_t count = 0;
    bool was_lower = false;
    for (const char *at = name; *at != 0; at++) {
        bool is_upper = *at >= 'A' && *at <= 'Z';
        bool is_kept = is_upper || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        bool needs_hyphen = !is_kept || (is_upper && was_lower);
        if (needs_hyphen && count > 0 && kebab[count - 1] != '-') kebab[count++] = '-';
        if (is_kept) kebab[count++] = is_upper ? (char)(*at + 'a' - 'A') : *at;
        was_lower = is_kept && !is_upper;
    }
    while (count > 0 && kebab[count - 1] == '-') count--;
    kebab[count] = 0;
    return kebab;
}

// ---- writing ----

static Status write_project(Cli *cli, const Args *args, const Language *language,
                            const char *path) {
    const char *folder = cli_text(cli, "templates/%s", language->folder);
    if (!args_has(args, "server-only")) return unpack_folder(cli, folder, path);
    return unpack_folder(cli, cli_text(cli, "%s/spacetimedb", folder),
                         path_join(cli, path, "spacetimedb"));
}

// Where the file has the place for it. Languages without names have no such file.
static Status fill_in_name(Cli *cli, const char *file, const char *name) {
    if (!path_is_file(file)) return STATUS_OK;
    Bytes text = BYTES_NONE;
    Status status = file_read(cli, file, CLI_CONFIG_BYTES_MAX, &text);
    if (status != STATUS_OK) return status;
    const uint8_t *place = memmem(text.data, text.count, NAME_PLACE, strlen(NAME_PLACE));
    ASSERT(place != NULL);
    char *identifier = arena_copy_text(&cli->arena, bytes_of_text(name));
    for (char *at = identifier; *at != 0; at++) {
        bool is_kept = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                       (*at >= '0' && *at <= '9');
        if (!is_kept) *at = '_';
    }
    uint32_t before = (uint32_t)(place - text.data);
    uint32_t behind = before + (uint32_t)strlen(NAME_PLACE);
    const char *filled = cli_text(cli, "%.*s%s%.*s", BYTES_FORMAT(bytes_slice(text, 0, before)),
                                  identifier,
                                  BYTES_FORMAT(bytes_slice(text, behind, text.count - behind)));
    return unpack_write(cli, file, bytes_of_text(filled));
}

// spacetime.json goes into version control, spacetime.local.json does not.
static Status write_settings(Cli *cli, const char *path, const char *name) {
    const char *server = cli->config->default_server;
    const char *settings = path_join(cli, path, "spacetime.json");
    const char *local = path_join(cli, path, "spacetime.local.json");
    Status status = STATUS_OK;
    if (!path_is_file(settings)) {
        json_t *json = json_pack("{s:s, s:s}", "server", server == NULL ? "maincloud" : server,
                                 "module-path", "./spacetimedb");
        status = write_json(cli, settings, json);
    }
    if (status == STATUS_OK && !path_is_file(local)) {
        const char *database = cli_text(cli, "%s-%s", name, random_suffix(cli));
        status = write_json(cli, local, json_pack("{s:s}", "database", database));
    }
    return status;
}

// Takes the reference.
static Status write_json(Cli *cli, const char *path, json_t *json) {
    char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    if (text == NULL) return cli_fail(cli, STATUS_INVALID, "%s: the name is not UTF-8", path);
    Status status = unpack_write(cli, path, bytes_of_text(text));
    mem_free(text);
    if (status == STATUS_OK) printf("✓ Created %s\n", path);
    return status;
}

static const char *random_suffix(Cli *cli) {
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t random[SUFFIX_LETTERS];
    char suffix[SUFFIX_LETTERS + 1] = "";
    cli->os->random(cli->os, random, sizeof random);
    for (size_t i = 0; i < SUFFIX_LETTERS; i++) suffix[i] = LETTERS[random[i] % 36];
    return cli_text(cli, "%s", suffix);
}

// ---- telling ----

static void list_templates(void) {
    puts("Available templates:\n");
    for (uint32_t i = 0; i < EMBEDDED_FILE_COUNT; i++) {
        const EmbeddedFile *file = &EMBEDDED_FILES[i];
        const char *end = strstr(file->path, "/.template.json");
        if (strncmp(file->path, "templates/", 10) != 0 || end == NULL) continue;
        json_t *json = json_loadb((const char *)file->data, file->count, 0, NULL);
        const char *about = json_string_value(json_object_get(json, "description"));
        const char *id = file->path + 10;
        printf("  %.*s - %s\n", (int)(end - id), id, about == NULL ? "" : about);
        json_decref(json);
    }
    puts("\nUse one with: spacetime init --template=<TEMPLATE> <PROJECT_NAME>");
}

static void print_next_steps(const char *path) {
    printf(
        "\nNext steps:\n"
        "  cd %s\n"
        "  spacetime start                       # a server on this machine, in its own terminal\n"
        "  spacetime publish --server local      # compiles spacetimedb/ and installs it\n",
        path);
}
