#!/usr/bin/env python3
"""files_test.py - goal: what needs no server: arguments, exit codes, cli.toml, spacetime.json, init.

    files_test.py PROGRAM KINDS_WASM [unittest arguments]

Method: commands in directories of their own; the port of a socket that nobody listens on stands for a server that is down."""

import json
import os
import re
import shutil
import socket

import command
from command import BANNER, Case

INITIAL = """default_server = "maincloud"

[[server_configs]]
nickname = "maincloud"
host = "maincloud.spacetimedb.com"
protocol = "https"

[[server_configs]]
nickname = "local"
host = "127.0.0.1:3000"
protocol = "http"
"""
# {"iss":"localhost","sub":"me","iat":1}
TOKEN = "e30.eyJpc3MiOiJsb2NhbGhvc3QiLCJzdWIiOiJtZSIsImlhdCI6MX0.c2ln"
UNSTABLE = [["call", "a", "b"], ["describe", "a", "--json"], ["list"], ["server", "list"], ["sql", "a", "b"],
            ["subscribe", "a", "b"]]


def nobody():
    """The URL of a port on which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


class Basics(Case):
    def test_exit_codes(self):
        self.assertEqual(self.run_raw().code, 2)
        self.assertIn("Usage: spacetime", self.run_raw().err)
        for words in (["nothing"], ["--nothing"], ["sql", "--nothing"], ["server"], ["server", "nothing"],
                      ["describe", "db"], ["call", "db", "f", "-5"], ["publish", "--yes=bogus"], ["--root-dir"]):
            result = self.bad(*words, code=2)
            self.assertTrue(result.err.startswith("error: "), result)
            self.assertIn("\nFor more information, try '--help'.\n", result.err)
            self.assertEqual(result.out, "")
        self.assertFalse(os.path.exists(self.config))

    def test_help_and_version(self):
        for words in (["--help"], ["-h"], ["help"]):
            self.assertIn("  publish ", self.good(*words).out)
        self.assertIn("--delete-data", self.good("help", "publish").out)
        self.assertIn("--url <URL>", self.good("server", "add", "--help").out)
        self.assertRegex(self.good("-V").out, r"^spacetime \d+\.\d+\.\d+\n$")
        self.assertRegex(self.good("--version").out, r"^spacetime Path: /.*\nCommit: .*\nspacetimedb tool version .*;\n$")
        self.assertRegex(self.good("version").out, r"^spacetime \d+\.\d+\.\d+\n$")
        self.assertIn("is not there", self.bad("version", "upgrade").err)

    def test_banner(self):
        url = nobody()
        for words in UNSTABLE:
            extra = [] if words[0] == "server" else ["--server", url, "-y"]
            self.assertIn(BANNER, self.cli(*words, *extra).err, words)
        for words in (["login", "show"], ["logout"], ["version"]):
            self.assertNotIn("UNSTABLE", self.cli(*words).err, words)

    def test_first_config(self):
        result = self.good("login", "show")
        self.assertEqual(result.out, "You are not logged in. Run `spacetime login` to log in.\n")
        self.assertEqual(result.err, f"Saving config to {self.config}.\n")
        self.assertEqual(self.read_config(), INITIAL)
        self.assertEqual(self.good("login", "show").err, "")

    def test_root_dir(self):
        root = os.path.join(self.directory, "root")
        for words in (["--root-dir", root], [f"--root-dir={root}"]):
            self.assertEqual(self.run_raw(*words, "logout").code, 0)
            with open(os.path.join(root, "config", "cli.toml")) as file:
                self.assertEqual(file.read(), INITIAL)
        home = os.path.join(self.directory, "home")
        env = {"PATH": os.environ["PATH"], "HOME": home}
        self.assertEqual(self.run_raw("logout", env=env).code, 0)
        self.assertTrue(os.path.exists(os.path.join(home, ".config", "spacetime", "cli.toml")))
        self.assertIn("HOME is not set", self.run_raw("logout", env={"PATH": os.environ["PATH"]}).err)

    def test_damaged_config(self):
        with open(self.config, "w") as file:
            file.write("default_server = 5\n")
        result = self.bad("logout")
        self.assertEqual(result.err, f"Error: config file {self.config} is invalid\n\nCaused by:\n    Config error: The "
                                     "option `default_server` is not a `string`, found: `integer: 5`\n")

    def test_server_is_down(self):
        url = nobody()
        result = self.bad("server", "ping", url)
        self.assertIn(f"Error: error sending request for url ({url}/v1/ping)\n\nCaused by:\n    ", result.err)
        self.bad("sql", "--server", url, "db", "q", "-y")

    def test_what_is_left_out(self):
        self.assertIn("unrecognized subcommand 'generate'", self.bad("generate", code=2).err)
        self.assertIn("not there", self.bad("sql", "--interactive", "db").err)
        self.assertIn("PostgreSQL", self.bad("start", "--pg-port", "5432").err)
        self.assertIn("only standalone", self.bad("start", "--edition", "cloud").err)


class Servers(Case):
    def test_add_list_remove(self):
        result = self.good("server", "add", "--url", "https://testnet.spacetimedb.com/", "testnet", "--no-fingerprint")
        self.assertEqual(result.out, "Host: testnet.spacetimedb.com\nProtocol: https\n")
        self.assertIn(f"Saving config to {self.config}.\n", result.err)
        listed = self.good("server", "list").out
        self.assertEqual(listed, " DEFAULT  HOSTNAME                   PROTOCOL  NICKNAME  \n"
                                 "     ***  maincloud.spacetimedb.com  https     maincloud \n"
                                 "          127.0.0.1:3000             http      local     \n"
                                 "          testnet.spacetimedb.com    https     testnet   \n")
        self.assertTrue(re.search(r"^\s*testnet\.spacetimedb\.com\s+https\s+testnet\s*$", listed, re.M))
        for name, url in (("testnet", "https://x"), ("other", "http://testnet.spacetimedb.com")):
            self.bad("server", "add", "--url", url, name, "--no-fingerprint")
        self.good("server", "add", "--url", "http://h:1", "d", "--no-fingerprint", "-d")
        self.assertIn('default_server = "h:1"\n', self.read_config())
        self.good("server", "set-default", "https://testnet.spacetimedb.com")
        self.assertIn('default_server = "testnet.spacetimedb.com"\n', self.read_config())
        self.good("server", "remove", "testnet")
        self.assertNotIn("testnet", self.read_config())
        self.assertNotIn("default_server", self.read_config())
        self.assertIn("Cannot set default server to unknown server gone",
                      self.bad("server", "set-default", "gone").err)

    def test_edit(self):
        result = self.good("server", "edit", "local", "--new-name", "here", "--url", "https://h:2", "--no-fingerprint", "-y")
        self.assertEqual(result.out, "Changing nickname from local to here\nChanging host from 127.0.0.1:3000 to h:2\n"
                                     "Changing protocol from http to https\nSkipping confirmation due to --yes\n")
        self.assertIn('nickname = "here"\nhost = "h:2"\nprotocol = "https"\n', self.read_config())
        self.good("server", "edit", "here", "--url", "http://h:2", "--no-fingerprint", "-y")
        refused = self.bad("server", "edit", "here", "--new-name", "x", text="n\n")
        self.assertIn("Continue? [y/N]", refused.out)
        self.assertEqual(refused.err, BANNER + "Error: Aborted\n")
        self.assertIn('nickname = "here"\nhost = "h:2"\nprotocol = "http"\n', self.read_config())
        self.assertIn("conflicts", self.bad("server", "edit", "here", "--new-name", "maincloud").err)
        self.assertIn("Invalid url: x", self.bad("server", "edit", "here", "--url", "x").err)

    def test_unknown_keys_survive(self):
        text = INITIAL.replace("\n\n", "\nunknown = [1, # one\n  2]\n\n", 1).replace('"http"\n', '"http" # plain\nmine = 1\n')
        with open(self.config, "w") as file:
            file.write("# mine\n" + text)
        self.good("login", "--token", TOKEN)
        self.good("server", "add", "--url", "http://h", "n", "--no-fingerprint")
        self.assertEqual(self.read_config(),
                         "# mine\n" + text.replace("  2]\n", f'  2]\nspacetimedb_token = "{TOKEN}"\n')
                         + '\n[[server_configs]]\nnickname = "n"\nhost = "h"\nprotocol = "http"\n')
        self.good("logout")
        for _ in range(2):
            self.good("server", "remove", "n")
            self.assertEqual(self.read_config(), "# mine\n" + text + "\n")
            self.good("server", "add", "--url", "http://h", "n", "--no-fingerprint")

    def test_clear(self):
        data = os.path.join(self.directory, "data")
        os.makedirs(os.path.join(data, "a", "b"))
        result = self.good("server", "clear", "--data-dir", data, text="\n")
        self.assertEqual(result.out, f"Database path: {data}\nAre you sure you want to delete all data from the local "
                                     "database? [y/N]Aborting\n")
        self.good("server", "clear", "--data-dir", data, text="YES\n")
        self.assertFalse(os.path.exists(data))
        self.assertEqual(self.good("server", "clear", "--data-dir", data).out,
                         "Local database not found. Nothing has been deleted.\n")


class Login(Case):
    def test_tokens(self):
        self.assertEqual(self.good("login", "--token", "junk", "--no-browser").out, "Token saved.\n")
        self.assertIn("does not look like a JSON web token", self.bad("login", "show").err)
        result = self.good("login", "--token", TOKEN)
        self.assertTrue(result.out.startswith("Logged out.\nLogged in with identity c200"), result)
        identity = result.out.split()[-1]
        self.assertEqual(self.good("login", "show", "--token").out,
                         f"You are logged in as {identity}\nYour auth token (don't share this!) is {TOKEN}\n")
        result = self.good("logout")
        self.assertEqual(result.out, f"Logged out (identity {identity}).\n")
        self.assertIn("Warning: Failed to logout from auth server: No web session token\nLocal credentials have been "
                      "cleared.\n", result.err)
        self.assertEqual(self.good("logout").out, "You are not logged in.\n")
        self.bad("login", "--token", "x", "--server-issued-login", "local", code=2)


class Init(Case):
    def test_c(self):
        result = self.good("init", "--lang", "c", "my-app", "--non-interactive")
        self.assertIn("Project initialized successfully!\n✓ Created my-app/spacetime.json\n", result.out)
        with open(os.path.join(self.work, "my-app", "spacetime.json")) as file:
            self.assertEqual(json.load(file), {"server": "maincloud", "module-path": "./spacetimedb"})
        with open(os.path.join(self.work, "my-app", "spacetime.local.json")) as file:
            self.assertRegex(json.load(file)["database"], r"^my-app-[a-z0-9]{5}$")
        for name in (".gitignore", "README.md", "spacetimedb/module.c"):
            self.assertTrue(os.path.exists(os.path.join(self.work, "my-app", name)), name)
        self.assertFalse(os.path.exists(os.path.join(self.work, "my-app", ".template.json")))
        self.assertIn("non-empty directory: my-app", self.bad("init", "--lang", "c", "my-app").err)
        self.assertIn("already exists", self.bad("init", "--lang", "c", "my-app", "--server-only").err)

    def test_rust(self):
        self.good("init", "-t=rust", "My App 2", "--project-path", "there", "--local")
        with open(os.path.join(self.work, "there", "spacetimedb", "Cargo.toml")) as file:
            self.assertIn('name = "My_App_2"\n', file.read())
        self.good("init", "--lang=Rust", "MyOther.App")
        self.assertTrue(os.path.exists(os.path.join(self.work, "my-other-app", "spacetimedb", "src", "lib.rs")))

    def test_server_only(self):
        self.write("x/README", "mine")
        self.good("init", "--lang", "c", "x", "--server-only")
        self.assertTrue(os.path.exists(os.path.join(self.work, "x", "spacetimedb", "module.c")))
        self.assertFalse(os.path.exists(os.path.join(self.work, "x", ".gitignore")))

    def test_wrong_arguments(self):
        self.assertIn("  c - ", self.good("init", "--template").out)
        for words, text in ((["--lang", "c"], "PROJECT_NAME is required"), (["x"], "Either --template or --lang"),
                            (["x", "--lang", "c", "--template=c"], "Cannot specify both"),
                            (["x", "--lang", "cobol"], "Unknown server language: cobol"),
                            (["x", "--lang", "typescript"], "There is no template for TypeScript"),
                            (["x", "--template=nothing"], "There is no template nothing"),
                            (["x", "--lang", "c", "--native-aot"], "only supported for C#"),
                            (["--lang", "c", "!"], "needs a letter")):
            self.assertIn(text, self.bad("init", *words).err)
        self.write("file", "")
        self.assertIn("exists but is not a directory", self.bad("init", "--lang", "c", "file").err)
        self.assertEqual(os.listdir(self.work), ["file"])


class ProjectFiles(Case):
    def test_wrong_files(self):
        url = nobody()
        self.write("spacetime.json", '{"dev": {"run_command": "x"}}')
        result = self.bad("logs", "--server", url, "x", "-y")
        self.assertEqual(result.err.split("\n", 1)[1],
                         "Error: Failed to load spacetime.json\n\nCaused by:\n    unknown field `run_command`, expected "
                         "`run`\n")
        self.write("spacetime.json", '{"database": "a", "bin-path": "x"}')
        self.assertIn("Config key 'bin_path' is not supported in the config file. Available keys: database, server,",
                      self.bad("publish", "--server", url, "-y").err)
        self.write("spacetime.json", '{"database": "a", "dotnet-version": 8}')
        self.assertIn("'dotnet-version' must be a text", self.bad("publish", "--server", url, "-y").err)
        self.write("spacetime.json", '{"children": [{"database": "a"}, {"database": "b"}]}')
        self.assertIn("No database target matches 'c'. Available databases: a, b",
                      self.bad("publish", "--server", url, "-y", "c").err)
        self.assertIn("Required key 'database' is missing", self.bad("publish", "--server", url, "-y").err)
        self.assertIn("Cannot use module-specific arguments (--bin-path) when publishing to multiple targets",
                      self.bad("publish", "--server", url, "-y", "-b", "x", "[ab]").err)
        self.assertIn("Multiple databases found in config: a, b. Please specify which database to use, or pass --no-config",
                      self.bad("call", "--server", url, "-y", "c", "f").err)

    def test_build_finds_nothing(self):
        self.assertIn("Could not find a SpacetimeDB module", self.bad("build").err)
        self.assertIn("path nowhere does not exist", self.bad("build", "-p", "nowhere").err)
        self.assertIn("exists but is not a directory", self.bad("build", "-p", self.write("f", "")).err)
        os.mkdir(os.path.join(self.work, "empty"))
        self.assertIn("Could not detect the language", self.bad("build", "-p", "empty").err)
        for name, language in (("package.json", "TypeScript"), ("x.csproj", "C#"), ("CMakeLists.txt", "C++")):
            self.write("m/" + name, "")
            self.assertIn(f"Building {language} modules is not offered", self.bad("build", "-p", "m").err)
            shutil.rmtree(os.path.join(self.work, "m"))


if __name__ == "__main__":
    command.main()
