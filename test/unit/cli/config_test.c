// config_test.c - goal: cli.toml is read as upstream reads it, and what is not ours survives a rewrite.
// Method: files in a directory of their own, loaded, changed, saved and compared whole.
#include "cli_test.h"

#include "cli/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64];

static int set_up_directory(void **state) {
    (void)set_up(state);
    (void)snprintf(directory, sizeof directory, "/tmp/cli-config-XXXXXX");
    assert_non_null(mkdtemp(directory));
    cli.paths.config_file = path_join(&cli, directory, "cli.toml");
    return 0;
}

static int tear_down_directory(void **state) {
    (void)unlink(cli.paths.config_file);
    (void)rmdir(directory);
    return tear_down(state);
}

static void write_file(const char *text) {
    Error error;
    assert_int_equal(os_file_replace(cli.os, cli.paths.config_file, bytes_of_text(text), &error),
                     STATUS_OK);
}

static void assert_file(const char *expected) {
    Bytes text = BYTES_NONE;
    assert_int_equal(file_read(&cli, cli.paths.config_file, CLI_CONFIG_BYTES_MAX, &text),
                     STATUS_OK);
    assert_bytes(text, expected);
}

static void load(const char *text) {
    write_file(text);
    if (config_load(&cli) != STATUS_OK) fail_msg("%s", fault_text());
}

#define TWO_SERVERS                                                                      \
    "default_server = \"maincloud\"\n\n[[server_configs]]\nnickname = \"maincloud\"\n"   \
    "host = \"maincloud.spacetimedb.com\"\nprotocol = \"https\"\n\n[[server_configs]]\n" \
    "nickname = \"local\"\nhost = \"127.0.0.1:3000\"\nprotocol = \"http\"\n"

static void test_first_file(void **state) {
    (void)state;
    assert_int_equal(config_load(&cli), STATUS_OK);
    assert_file(TWO_SERVERS);
    assert_string_equal(cli.config->default_server, "maincloud");
    assert_int_equal(cli.config->server_count, 2);
    assert_null(cli.config->token);
    assert_string_equal(config_find_server(cli.config, "local")->host, "127.0.0.1:3000");
    assert_string_equal(config_find_server(cli.config, "127.0.0.1:3000")->nickname, "local");
    assert_null(config_find_server(cli.config, "elsewhere"));
}

static void test_unchanged(void **state) {
    (void)state;
    static const char FILE[] = "# mine\n  default_server = 'local' # yes\nother = { a = 1 }\n"
                               "date = 1979-05-27T07:32:00Z\nlist = [ 1, # one\n 2 ]\n\n"
                               "[ tool . mine ]\nx = \"\"\"\na\n\"\"\"\n\n[[server_configs]]\n"
                               "host = \"h\"\nprotocol = \"http\"\nmore = 7\n"
                               "ecdsa_public_key = \"\"\"\n-----\nkey\n-----\n\"\"\"\n# end";
    load(FILE);
    assert_string_equal(cli.config->default_server, "local");
    assert_string_equal(cli.config->servers[0].fingerprint, "-----\nkey\n-----\n");
    config_save(&cli);
    assert_file(FILE);
}

static void test_changed_keys(void **state) {
    (void)state;
    load("# mine\ndefault_server = \"a\" # which\nunknown = 3\n\n[[server_configs]]\nhost = \"a\"\n"
         "protocol = \"http\"\nextra = true\n");
    cli.config->default_server = "b\"\\";
    cli.config->token = "t.t.t";
    cli.config->servers[0].nickname = "x";
    config_save(&cli);
    assert_file("# mine\ndefault_server = \"b\\\"\\\\\" # which\nunknown = 3\n"
                "spacetimedb_token = \"t.t.t\"\n\n[[server_configs]]\nhost = \"a\"\n"
                "protocol = \"http\"\nextra = true\nnickname = \"x\"\n");
    assert_int_equal(config_load(&cli), STATUS_OK);
    assert_string_equal(cli.config->default_server, "b\"\\");
    cli.config->token = NULL;
    config_save(&cli);
    assert_int_equal(config_load(&cli), STATUS_OK);
    assert_null(cli.config->token);
}

static void test_servers_come_and_go(void **state) {
    (void)state;
    load(TWO_SERVERS);
    config_remove_server(cli.config, config_find_server(cli.config, "maincloud"));
    cli.config->default_server = NULL;
    const ServerConfig added = {.nickname = "new", .host = "n:1", .protocol = "http"};
    assert_int_equal(config_add_server(&cli, &added), STATUS_OK);
    assert_int_equal(config_add_server(&cli, &added), STATUS_CONFLICT);
    assert_string_equal(fault_text(), "Server nickname new already in use: http://n:1");
    const ServerConfig same_host = {.nickname = "newer", .host = "n:1", .protocol = "http"};
    assert_int_equal(config_add_server(&cli, &same_host), STATUS_CONFLICT);
    assert_string_equal(fault_text(), "Server already configured for host: n:1");
    config_save(&cli);
    assert_file("\n[[server_configs]]\nnickname = \"local\"\nhost = \"127.0.0.1:3000\"\n"
                "protocol = \"http\"\n\n[[server_configs]]\nnickname = \"new\"\nhost = \"n:1\"\n"
                "protocol = \"http\"\n");
    assert_int_equal(config_load(&cli), STATUS_OK);
    cli.config->listen_addr = "0.0.0.0:1";
    config_save(&cli);
    assert_int_equal(config_load(&cli), STATUS_OK);
    assert_string_equal(cli.config->listen_addr, "0.0.0.0:1");
    assert_int_equal(cli.config->server_count, 2);
}

// Into a file without any line.
static void test_empty_file(void **state) {
    (void)state;
    load("");
    const ServerConfig added = {.host = "n:1", .protocol = "https"};
    assert_int_equal(config_add_server(&cli, &added), STATUS_OK);
    cli.config->default_server = "n:1";
    config_save(&cli);
    assert_file("default_server = \"n:1\"\n\n[[server_configs]]\nhost = \"n:1\"\n"
                "protocol = \"https\"\n");
}

static void test_server_limit(void **state) {
    (void)state;
    load("");
    for (uint32_t i = 0; i < CLI_SERVERS_MAX; i++) {
        const ServerConfig added = {.host = cli_text(&cli, "h%u", i), .protocol = "http"};
        assert_int_equal(config_add_server(&cli, &added), STATUS_OK);
    }
    const ServerConfig one_more = {.host = "x", .protocol = "http"};
    assert_int_equal(config_add_server(&cli, &one_more), STATUS_LIMIT);
    config_save(&cli);
    assert_int_equal(config_load(&cli), STATUS_OK);
    assert_int_equal(cli.config->server_count, CLI_SERVERS_MAX);
}

static Status read_toml(const char *line, uint32_t count) {
    Buffer text;
    buffer_init(&text, 2 * CLI_CONFIG_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) buffer_append_text(&text, line);
    TomlText toml;
    Error error;
    Status status = toml_text_read(buffer_bytes(&text), &cli.arena, &toml, &error);
    buffer_done(&text);
    return status;
}

static void test_file_limits(void **state) {
    (void)state;
    // The line behind the last line end counts, too.
    assert_int_equal(read_toml("\n", CLI_CONFIG_ITEMS_MAX - 1), STATUS_OK);
    assert_int_equal(read_toml("\n", CLI_CONFIG_ITEMS_MAX), STATUS_LIMIT);
    assert_int_equal(read_toml(" ", CLI_CONFIG_BYTES_MAX), STATUS_OK);
    assert_int_equal(read_toml(" ", CLI_CONFIG_BYTES_MAX + 1), STATUS_LIMIT);
}

typedef struct WrongFile {
    const char *text;
    const char *cause;
} WrongFile;

static void test_wrong_files(void **state) {
    (void)state;
    static const WrongFile FILES[] = {
        {"default_server = 5\n",
         "Config error: The option `default_server` is not a `string`, found: `integer: 5`"},
        {"listen_addr = [1]\n",
         "Config error: The option `listen_addr` is not a `string`, found: `array: [1]`"},
        {"spacetimedb_token = true\n",
         "Config error: The option `spacetimedb_token` is not a `string`, found: `boolean: true`"},
        {"server_configs = []\n",
         "Config error: The option `server_configs` is not a `table array`, found: `array: []`"},
        {"[[server_configs]]\nhost = \"a\"\n", "Config error: The option `protocol` not found"},
        {"[[server_configs]]\nprotocol = \"a\"\n", "Config error: The option `host` not found"},
        {"a = \"x\n", "line 1: a string needs its closing quote"},
        {"\na = \n", "line 2: a key needs a value"},
        {"a\n", "line 1: expected key = value"},
        {"a = [1, 2\n", "line 2: the file ends within a value"},
        {"[x\n", "line 1: a table's name needs its bracket"},
        {"a = 1 2\n", "line 1: something follows the value"},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        write_file(FILES[i].text);
        assert_int_equal(config_load(&cli), STATUS_INVALID);
        assert_string_equal(fault_text(),
                            cli_text(&cli, "config file %s is invalid", cli.paths.config_file));
        assert_bytes(cli.fault.texts[0], FILES[i].cause);
    }
}

typedef struct StringCase {
    const char *value;
    const char *text;  // NULL: none
} StringCase;

static void test_strings(void **state) {
    (void)state;
    static const StringCase CASES[] = {
        {"\"a\\tb\\u00e9\\U0001F600\\\\\\\"\"", "a\tbé😀\\\""},
        {"'a\\t'", "a\\t"},
        {"\"\"\"\na\n\"\"b\\\n   c\"\"\"", "a\n\"\"bc"},
        {"'''\na'\n'''", "a'\n"},
        {"\"\"", ""},
        {"\"\\x\"", NULL},
        {"\"\\ud800\"", NULL},
        {"\"\\u12\"", NULL},
        {"12", NULL},
        {"true", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Bytes text = BYTES_NONE;
        bool is_text = toml_text_string(bytes_of_text(CASES[i].value), &cli.arena, &text);
        assert_int_equal(is_text, CASES[i].text != NULL);
        if (is_text) assert_bytes(text, CASES[i].text);
    }
}

static void test_server_urls(void **state) {
    (void)state;
    load(TWO_SERVERS);
    const char *url = NULL;
    assert_int_equal(config_server_url(&cli, NULL, &url), STATUS_OK);
    assert_string_equal(url, "https://maincloud.spacetimedb.com");
    assert_int_equal(config_server_url(&cli, "local", &url), STATUS_OK);
    assert_string_equal(url, "http://127.0.0.1:3000");
    assert_int_equal(config_server_url(&cli, "http://h:1//", &url), STATUS_OK);
    assert_string_equal(url, "http://h:1");
    assert_int_equal(config_server_url(&cli, "ftp://h", &url), STATUS_INVALID);
    assert_int_equal(config_server_url(&cli, "nobody", &url), STATUS_NOT_FOUND);
    assert_string_equal(fault_text(),
                        "No such saved server configuration: nobody\nAdd a new server "
                        "configuration with:\n\tspacetime server add nobody --url <url>");
    cli.config->default_server = "gone";
    assert_int_equal(config_server_url(&cli, NULL, &url), STATUS_NOT_FOUND);
    assert_string_equal(fault_text(), "Cannot find protocol for default server");
    assert_int_equal(cli.fault.count, 3);
    cli.config->default_server = NULL;
    assert_int_equal(config_server_url(&cli, NULL, &url), STATUS_NOT_FOUND);
    assert_int_equal(cli.fault.count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_directory, tear_down_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_first_file),          TEST(test_unchanged),   TEST(test_changed_keys),
        TEST(test_servers_come_and_go), TEST(test_empty_file),  TEST(test_server_limit),
        TEST(test_file_limits),         TEST(test_wrong_files), TEST(test_strings),
        TEST(test_server_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
