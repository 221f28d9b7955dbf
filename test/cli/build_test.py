#!/usr/bin/env python3
"""build_test.py - goal: modules are built with the right commands, and what cannot work is told.

    build_test.py PROGRAM KINDS_WASM [unittest arguments]

Method: clang as it is installed; for Rust, shell scripts in the place of rustc, cargo, rustup and wasm-opt, which note what
they were asked."""

import os
import shutil
import stat
import struct

import command
from command import Case

MODULE = """#define STDB_SHORT_NAMES
#include <spacetime/module.h>
STDB_TABLE(T, t, PUBLIC, (u32, n));
STDB_REDUCER(add, ctx, (u32, n)) { return t_insert(&(T){.n = n}); }
"""
ARTIFACT = '{"reason":"compiler-artifact","filenames":["%s"]}'


def leb(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def name(text):
    return leb(len(text)) + text.encode()


def wasm(imports=(), exports=()):
    """A module with imports (module, name) and exports of function 0."""
    data = b"\0asm" + struct.pack("<I", 1)
    kinds = b"\0\0"  # functions of type 0
    section = leb(len(imports)) + b"".join(name(module) + name(item) + kinds for module, item in imports)
    data += b"\2" + leb(len(section)) + section
    section = leb(len(exports)) + b"".join(name(item) + kinds for item in exports)
    return data + b"\7" + leb(len(section)) + section


class C(Case):
    def test_build(self):
        self.write("spacetimedb/module.c", MODULE)
        self.assertEqual(self.good("build").out, "Build finished successfully.\n")
        with open(os.path.join(self.work, "spacetimedb", "build", "module.wasm"), "rb") as file:
            first = file.read()
        self.assertEqual(first[:4], b"\0asm")
        self.assertEqual(self.good("build", "-p", "spacetimedb").code, 0)
        self.assertEqual(self.good("build", cwd=os.path.join(self.work, "spacetimedb")).code, 0)
        # The program does not depend on where the sources and the SDK are.
        shutil.copytree(os.path.join(self.work, "spacetimedb"), os.path.join(self.directory, "elsewhere"))
        env = self.environment(XDG_CACHE_HOME=os.path.join(self.directory, "other cache"))
        self.good("build", "-p", os.path.join(self.directory, "elsewhere"), env=env)
        with open(os.path.join(self.directory, "elsewhere", "build", "module.wasm"), "rb") as file:
            self.assertEqual(file.read(), first)
        self.good("build", "--debug")
        with open(os.path.join(self.work, "spacetimedb", "build", "module.wasm"), "rb") as file:
            self.assertNotEqual(file.read(), first)

    def test_several_sources(self):
        self.write("m/module.c", MODULE + "int helper(void);\nSTDB_REDUCER(more, ctx) { helper(); return STDB_OK; }\n")
        self.assertIn("helper", self.bad("build", "-p", "m").err)
        self.write("m/src/helper.c", "int helper(void);\nint helper(void) { return 1; }\n")
        self.good("build", "-p", "m")

    def test_messages(self):
        path = self.write("m/module.c", MODULE + "int x = y;\n")
        result = self.bad("build", "-p", "m")
        self.assertIn("m/module.c:5:9: error: use of undeclared identifier 'y'", result.err)
        self.assertIn("Error: The module did not compile; clang's messages are above.\n", result.err)
        self.assertFalse(os.path.exists(os.path.join(os.path.dirname(path), "build", "module.wasm")))
        self.assertIn("only supported for Rust", self.bad("build", "-p", "m", "--features", "x").err)

    def test_without_clang(self):
        self.write("m/module.c", MODULE)
        empty = os.path.join(self.directory, "empty")
        os.mkdir(empty)
        result = self.bad("build", "-p", "m", env=self.environment(PATH=empty))
        self.assertIn("Modules in C need clang 16 or newer", result.err)
        self.assertIn("apt install", result.err)
        for text, told in (("exit 1", "need clang"), ('echo 14.0.6', "need clang"),
                           ('case "$1" in -dump*) echo 19.1;; --print-t*) echo wasm32;; *) echo wasm-ld;; esac', "wasm-ld is not")):
            path = os.path.join(empty, "clang")
            with open(path, "w") as file:
                file.write("#!/bin/sh\n" + text + "\n")
            os.chmod(path, 0o755)
            self.assertIn(told, self.bad("build", "-p", "m", env=self.environment(PATH=empty)).err)


class Rust(Case):
    def setUp(self):
        super().setUp()
        self.tools = os.path.join(self.directory, "tools")
        self.log = os.path.join(self.directory, "asked")
        self.program = os.path.join(self.directory, "out.wasm")
        self.write_bytes(self.program, wasm())
        self.write("m/Cargo.toml", "")
        self.write("m/src/lib.rs", "fn main() {}\n")
        self.libraries = os.path.join(self.directory, "lib")
        os.mkdir(self.libraries)
        self.tool("rustc", f'case "$2" in target-libdir) echo {self.libraries};; sysroot) echo {self.directory}/root;; esac')
        self.artifact(self.program)

    @staticmethod
    def write_bytes(path, data):
        with open(path, "wb") as file:
            file.write(data)

    def tool(self, program, text, folder=None):
        folder = folder or self.tools
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, program)
        with open(path, "w") as file:
            file.write(f'#!/bin/sh\necho "{program} $* RUSTC=$RUSTC $RUSTC_BOOTSTRAP in $(/bin/pwd)" >> {self.log}\n{text}\n')
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def artifact(self, path, more=""):
        self.tool("cargo", f"echo '{ARTIFACT % '/dependency.rlib'}'\necho noise\necho '{ARTIFACT % path}'\n{more}")

    def build(self, *words, code=0, path=None):
        result = self.cli("build", "-p", "m", *words, env=self.environment(PATH=path or self.tools))
        self.assertEqual(result.code, code, result)
        return result

    def asked(self, program):
        with open(self.log) as file:
            return [line.rstrip("\n") for line in file if line.startswith(program + " ")]

    def test_commands(self):
        result = self.build("--features", "a,b")
        self.assertEqual(result.out, "Build finished successfully.\n")
        self.assertIn("Could not find wasm-opt to optimise the module.\n", result.err)
        module = os.path.join(self.work, "m")
        self.assertEqual(self.asked("cargo"), [
            "cargo build --config=net.git-fetch-with-cli=true --target=wasm32-unknown-unknown "
            f"--message-format=json-render-diagnostics --release --features=a,b RUSTC=  in {module}"])
        self.assertIn(f"rustc --print target-libdir --target wasm32-unknown-unknown RUSTC=  in {module}", self.asked("rustc"))
        self.build("--debug")
        self.assertNotIn("--release", self.asked("cargo")[1])

    def test_wasm_opt(self):
        self.tool("wasm-opt", "exit 0")
        self.assertIn("Optimising module with wasm-opt...\n", self.build().err)
        optimised = self.program.replace(".wasm", ".opt.wasm")
        self.assertEqual(self.asked("wasm-opt")[0].split(" RUSTC")[0],
                         f"wasm-opt -all -g -O2 {self.program} -o {optimised}")
        self.tool("wasm-opt", "exit 3")
        self.assertIn("Continuing with unoptimised module.\n", self.build().err)
        self.assertNotIn("wasm-opt", self.build("--debug").err)

    def test_lint(self):
        self.write("m/src/deep/x.rs", 'ok();\n    println!("a");\n// dbg!(b)\n')
        result = self.build(code=1)
        self.assertIn('\nDetected nonfunctional print statements:\n\nm/src/deep/x.rs:2:     println!("a");\n'
                      "m/src/deep/x.rs:3: // dbg!(b)\n", result.err)
        self.assertIn("Error: Found 2 disallowed print statement(s).", result.err)
        self.build("--lint-dir=other")
        self.assertIn("Skipping checks", self.build("--lint-dir=").out)

    def test_browser_code(self):
        for imports, exports, text in (
                ([("__wbindgen_placeholder__", "x")], [], "wasm-bindgen detected"),
                ([("a", "b"), ("env", "__wbindgen_throw")], [], "wasm-bindgen detected"),
                ([], ["a", "__wbindgen_malloc"], "wasm-bindgen detected"),
                ([("env", "__getrandom_custom")], [], "getrandom usage detected")):
            self.write_bytes(self.program, wasm(imports, exports))
            self.assertIn(text, self.build(code=1).err)

    def test_no_program(self):
        self.artifact("/x/lib.rlib")
        self.assertIn("cdylib", self.build(code=1).err)
        self.tool("cargo", "exit 101")
        self.assertIn("The module did not compile", self.build(code=1).err)
        os.remove(os.path.join(self.tools, "cargo"))
        self.assertIn("need rustc and cargo", self.build(code=1).err)

    def test_target_through_rustup(self):
        os.rmdir(self.libraries)
        self.assertIn("wasm32-unknown-unknown target is not installed. Please install it", self.build(code=1).err)
        self.tool("rustup", "exit 0")
        self.build()
        self.assertTrue(self.asked("rustup")[0].startswith("rustup target add wasm32-unknown-unknown "))
        self.tool("rustup", "exit 1")
        self.build(code=1)

    def test_library_from_sources(self):
        """Debian's compiler behind another one in PATH."""
        os.rmdir(self.libraries)
        debian = os.path.join(self.directory, "debian")
        self.tool("rustc", f'[ "$2" = sysroot ] && echo {self.directory}/debian-root || exit 1', debian)
        self.tool("cargo", f"echo '{ARTIFACT % self.program}'", debian)
        self.tool("wasm-ld-19", "", debian)
        sources = os.path.join(self.directory, "debian-root", "lib", "rustlib", "src", "rust", "library")
        os.makedirs(sources)
        self.write_bytes(os.path.join(sources, "Cargo.toml"), b"")
        self.build(path=f"{self.tools}:{debian}")
        self.assertEqual(self.asked("cargo"), [
            "cargo build --config=net.git-fetch-with-cli=true --target=wasm32-unknown-unknown --message-format="
            "json-render-diagnostics --release -Zbuild-std=std,panic_abort --config "
            f'target.wasm32-unknown-unknown.linker="{debian}/wasm-ld-19" RUSTC={debian}/rustc 1 in '
            + os.path.join(self.work, "m")])


if __name__ == "__main__":
    command.main()
