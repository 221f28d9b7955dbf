// run.mjs - runs C modules in a small host and checks everything that can be seen of them.
//
//     node test/sdk_c/run.mjs [part of a test's name]        CLANG names the compiler, clang-19 or clang otherwise
//
// Goal: each sentence of the SDK's headers holds: descriptions decode and say what was declared, rows have the bytes that
// the format asks for, row functions do what they say, errors and logs arrive, nothing leaks, wrong code does not compile.
// Method: compile modules with the documented command line, run them in host.mjs, which knows only the module ABI; the
// Rust module of the golden data (kinds.json) is the judge of the bytes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeModule, encode } from "./bsatn.mjs";
import { Host } from "./host.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const out = mkdtempSync(join(tmpdir(), "sdk_c-"));
const clang = process.env.CLANG ?? ["clang-19", "clang"].find(name => spawnSync(name, ["--version"]).status === 0);
const glob = (folder, end) => readdirSync(join(root, folder)).filter(name => name.endsWith(end)).sort().map(name => join(folder, name));
const library = glob("sdk/c", ".c");
const STRICT = ["-Wconversion", "-Wshadow", "-Wvla", "-Wstrict-prototypes", "-Werror"];

function compile(name, sources, flags = [], withLibrary = true) {
    const file = join(out, `${name}.wasm`);
    const result = spawnSync(clang, ["@sdk/c/flags", ...flags, "-Iinclude", ...(withLibrary ? library : []), ...sources, "-o", file],
        { cwd: root, encoding: "utf8" });
    return { file, ok: result.status === 0, text: result.stderr };
}

function build(name, sources, flags = STRICT, withLibrary = true) {
    const { file, ok, text } = compile(name, sources, flags, withLibrary);
    assert.ok(ok, text);
    return readFileSync(file);
}

const programs = new Map();
function program(name, sources = [`test/modules/${name}.c`], flags = STRICT) {
    if (!programs.has(name)) programs.set(name, build(name, sources, flags));
    return programs.get(name);
}

const everything = () => new Host(program("everything"));

// The messages that a call logged.
function logged(host, name, args, options) {
    host.logs = [];
    const outcome = host.call(name, args, options);
    assert.deepEqual(outcome, { ok: true });
    return host.logs.map(log => log.message);
}

// A type without numbers: references replaced by what they refer to.
function plain(type, module, depth = 0) {
    assert.ok(depth < 20);
    if (type.tag === "Ref") return { name: module.typeNames.find(name => name.ref === type.ref).name, ...plain(module.types[type.ref], module, depth + 1) };
    if (type.tag === "Array") return { tag: "Array", of: plain(type.of, module, depth + 1) };
    if (!type.fields) return type;
    return { tag: type.tag, fields: type.fields.map(field => ({ name: field.name, type: plain(field.type, module, depth + 1) })) };
}

const tests = {
    "a minimal module is described byte for byte"() {
        const description = new Host(build("hi", ["test/sdk_c/hi.c"])).description;
        const hex = Buffer.from(description).toString("hex");
        assert.equal(hex, [
            "02 07000000", "00 00000000", "01 00000000", "02 00000000",
            "03 01000000 06000000 7361795f6869 00000000 01 02 00000000 04",
            "06 00000000", "07 00000000", "09 00",
        ].join("").replaceAll(" ", ""));
    },

    "tables, types and reducers are described as by the Rust module"() {
        const fixture = JSON.parse(readFileSync(join(root, "test/sdk_c/kinds.json")));
        const theirs = decodeModule(Buffer.from(fixture.description, "hex"));
        const ours = everything().module;
        for (const table of theirs.tables) {
            const mine = ours.tables.find(other => other.name === table.name);
            assert.ok(mine, table.name);
            assert.deepEqual(plain({ tag: "Ref", ref: mine.ref }, ours), plain({ tag: "Ref", ref: table.ref }, theirs));
            const comparable = ({ ...copy }) => ({
                ...copy, ref: 0, defaults: copy.defaults.map(d => ({ ...d, value: [...d.value] })),
                indexes: [...copy.indexes].sort((a, b) => a.name < b.name ? -1 : 1),
                constraints: [...copy.constraints].sort((a, b) => a.columns[0] - b.columns[0]),
            });
            assert.deepEqual(comparable(mine), comparable(table));
        }
        const renamed = { connected: "client_connected", disconnected: "client_disconnected" };
        for (const reducer of theirs.reducers) {
            const mine = ours.reducers.find(other => other.name === (renamed[reducer.name] ?? reducer.name));
            assert.ok(mine, reducer.name);
            // Parameter names are free, except that ours are checked against the Rust ones where they agree.
            assert.deepEqual(mine.params.fields.map(f => plain(f.type, ours)), reducer.params.fields.map(f => plain(f.type, theirs)), reducer.name);
            assert.equal(mine.visibility, reducer.name === "tick" ? "private" : reducer.visibility);
            assert.deepEqual([mine.ok, mine.err], [reducer.ok, reducer.err]);
        }
        assert.deepEqual(ours.schedules, theirs.schedules);
        assert.deepEqual(ours.lifecycle.map(entry => entry.event).sort(), theirs.lifecycle.map(entry => entry.event).sort());
        assert.equal(ours.casePolicy, "none");
        assert.ok(ours.typeNames.every(name => name.custom && name.scope.length === 0));
    },

    "rows of every type have the bytes of the Rust module"() {
        const fixture = JSON.parse(readFileSync(join(root, "test/sdk_c/kinds.json")));
        const host = everything();
        for (let n = 0; n < fixture.kinds.length; n++) assert.deepEqual(logged(host, "add_kind", { n }), [`kind ${n + 1}`]);
        assert.deepEqual(host.tables.get("kinds").rows.map(row => Buffer.from(row).toString("hex")), fixture.kinds);
        for (let n = 0; n < fixture.kinds.length; n++) assert.deepEqual(host.call("copy_kind", { from: n + 1 }), { ok: true });
        const copies = host.tables.get("kinds").rows.slice(fixture.kinds.length).map(row => Buffer.from(row).toString("hex").slice(16));
        assert.deepEqual(copies, fixture.kinds.map(row => row.slice(16)));
        assert.deepEqual(host.call("copy_kind", { from: 99 }), { error: "no kind 99" });
    },

    "arguments of every type arrive"() {
        const host = everything();
        for (let n = 0; n < 8; n++) {
            host.call("add_kind", { n });
            const kind = { ...host.rows("kinds").at(-1), id: 0n };
            const outcome = host.call("echo", { kind, names: kind.names, note: { some: "\u{1f600}\0x" }, color: { Blue: {} } });
            assert.deepEqual(outcome, { ok: true });
            const { id, ...row } = host.rows("kinds").at(-1);
            const { id: _, ...expected } = { ...kind, opt: { some: "\u{1f600}\0x" }, color: { Blue: {} } };
            assert.deepEqual(row, expected);
        }
    },

    "malformed arguments fail and reach no reducer"() {
        const host = everything();
        const id = host.module.reducers.findIndex(reducer => reducer.name === "echo");
        host.call("add_kind", { n: 5 });
        const kind = { ...host.rows("kinds")[0], id: 0n };
        const good = encode(host.module.reducers[id].params, { kind, names: kind.names, note: { none: {} }, color: { Red: {} } }, host.types);
        const before = host.rows("kinds").length;
        for (let cut = 0; cut < good.length; cut++) {
            const outcome = host.callBytes(id, good.slice(0, cut));
            assert.deepEqual(outcome, { error: "malformed arguments for echo" }, `cut at ${cut}`);
        }
        assert.equal(host.rows("kinds").length, before);
        for (let at = 0; at < good.length; at++) {  // whatever a flipped byte means, it does no harm
            const bytes = good.slice();
            bytes[at] ^= 0xff;
            const outcome = host.callBytes(id, bytes);
            // Text that is no UTF-8 passes the library; a server looks at arguments first, this host only at rows.
            assert.ok(outcome.ok || outcome.error || /utf-8/.test(outcome.trap), `flip at ${at}: ${outcome.trap}`);
        }
    },

    "arguments larger than the first read arrive whole"() {
        const host = everything();
        for (const length of [0, 1, 4087, 4088, 4089, 70_000, 3_000_000]) {
            const s = "ä".repeat(length / 2) + "x".repeat(length % 2);
            assert.deepEqual(host.call("add_plain", { n: length, s }), { ok: true });
            assert.equal(host.rows("plain").at(-1).s, s);
        }
        host.sourceReadMax = 1000;  // a host that gives less than asked: not ours, and noticed
        assert.match(host.call("add_plain", { n: 1, s: "y".repeat(5000) }).trap, /unreachable/);
    },

    "index scans, ranges and prefixes find what they name"() {
        const host = everything();
        host.call("fill_fixed", { from: 0, count: 400 });
        const rows = host.rows("fixed");
        const line = row => `fixed ${row.id} ${row.x} ${row.y} ${row.tag}`;
        const like = (predicate, key) => rows.filter(predicate).sort((a, b) => key(a) - key(b)).map(line);
        const xy = row => row.x * 1000 + row.y;
        assert.deepEqual(logged(host, "query_fixed"), [
            "x 1, y from 101", ...like(row => row.x === 1 && row.y >= 101, xy),
            "x above 97", ...like(row => row.x > 97, xy),
            "x 2", ...like(row => row.x === 2, xy),
            "x 3, y 203", ...like(row => row.x === 3 && row.y === 203, xy),
            "id to 1", ...like(row => row.id <= 1, row => row.id),
            "id from 10 below 12", ...like(row => row.id >= 10 && row.id < 12, row => row.id),
            `tag 3: ${rows.filter(row => row.tag === 3).length} of 400`,
        ]);
        assert.equal(host.leakedIters, 0);
    },

    "a scan shows the rows as they were when it began"() {
        const host = everything();
        host.call("fill_fixed", { from: 0, count: 5_000 });  // several fetches
        assert.deepEqual(logged(host, "delete_while_reading"), ["seen 5000, deleted 5000, left 0"]);
        assert.equal(host.leakedIters, 0);
    },

    "scans left half read are closed at the end of the call"() {
        const host = everything();
        assert.deepEqual(host.call("break_early"), { error: "no rows" });
        host.call("fill_fixed", { from: 0, count: 5_000 });
        assert.deepEqual(host.call("break_early"), { ok: true });
        assert.equal(host.leakedIters, 0);
        assert.equal(host.calls.row_iter_bsatn_close, 20);
    },

    "deletes by index, range, key and row say how many went"() {
        const host = everything();
        host.call("fill_fixed", { from: 0, count: 400 });
        let rows = host.rows("fixed");
        const remove = predicate => {
            const before = rows.length;
            rows = rows.filter(row => !predicate(row));
            return before - rows.length;
        };
        assert.deepEqual(logged(host, "delete_fixed"), [
            `by tag ${remove(row => row.tag === 5)}`,
            `by range ${remove(row => row.id < 10)}`,
            `by x and y ${remove(row => row.x === 11 && row.y === 11)}`,
            `by x, y range ${remove(row => row.x === 13 && row.y < 200)}`,
            "by key 1 0", "by row 1 0 0", "cleared the rest",
        ]);
        assert.deepEqual(host.rows("fixed"), []);
        host.call("fill_fixed", { from: 0, count: 300 });
        assert.deepEqual(logged(host, "delete_x", { low: 5, high: 7 }), ["deleted 6"]);
    },

    "updates change rows by key; missing rows and taken keys are refused with a text"() {
        const host = everything();
        const [a, b] = [{ sender: 0xaan }, { sender: 0xbbn }];
        host.call("fill_fixed", { from: 1, count: 1 });
        assert.deepEqual(host.call("move_fixed", { id: 1, x: -5, y: 6 }), { ok: true });
        assert.deepEqual(host.rows("fixed"), [{ id: 1, x: -5, y: 6, tag: 1 }]);
        assert.deepEqual(host.call("move_fixed", { id: 2, x: 0, y: 0 }), { error: "no fixed row 2" });
        assert.deepEqual(host.call("register", { name: "Ann", age: 30 }, a), { ok: true });
        const clash = { error: "person: another row has the same identity or name" };
        assert.deepEqual(host.call("register", { name: "Ann", age: 31 }, b), clash);
        assert.deepEqual(host.call("register", { name: "Bob", age: 31 }, a), clash);
        assert.deepEqual(host.call("register", { name: "Bob", age: 18 }, b), { ok: true });
        assert.deepEqual(host.call("rename", { name: "Ann" }, b), clash);
        assert.deepEqual(host.call("rename", { name: "Bert" }, b), { ok: true });
        assert.deepEqual(logged(host, "who_is", { name: "Bert" }), [`${"0".repeat(62)}bb is 18`]);
        assert.deepEqual(host.call("who_is", { name: "Bob" }), { error: "nobody is called Bob" });
        assert.deepEqual(logged(host, "ages", { from: 18, below: 31 }), ["Bert", "Ann"]);
        assert.deepEqual(logged(host, "ages", { from: 19, below: 30 }), []);
        assert.deepEqual(host.call("unregister", {}, a), { ok: true });
        assert.deepEqual(host.rows("person").map(row => row.name), ["Bert"]);
    },

    "keys and indexes of several columns, signed auto increment, insert or update"() {
        const host = everything();
        const definition = host.module.tables.find(table => table.name === "cell");
        assert.deepEqual(definition.constraints, [{ name: null, columns: [2, 1, 3] }]);
        assert.deepEqual(definition.indexes, [
            { name: "cell_rank_idx_direct", accessor: "rank", kind: "direct", columns: [0] },
            { name: "cell_layer_x_y_idx_btree", accessor: "by_place", kind: "btree", columns: [2, 1, 3] },
            { name: "cell_rank_layer_idx_hash", accessor: "by_rank_layer", kind: "hash", columns: [0, 2] },
        ]);
        assert.deepEqual(definition.defaults.map(d => [d.column, Buffer.from(d.value).toString("hex")]),
            [[5, "03000000fcffffff"], [6, "040000006e6f6e65"]]);
        host.logs = [];
        assert.deepEqual(host.call("use_cells"), { error: "cell: no such row to update" });
        const [one, two, three] = ["cell High sea 1 2 #1 0,0 a", "cell Low sea 1 3 #40 0,0 changed", "cell Low sky -7 3 #4 0,0 "];
        const number = host.logs.at(-1).message;
        assert.match(number, /^deleted 1 2$/);
        const messages = host.logs.map(log => log.message);
        const third = messages.find(message => message.startsWith("cell Low sky"));
        assert.deepEqual(messages, ["number 1", "cell: another row has the same (layer, x, y)", "all", one, two, third, "low", two, third,
            "high sea", one, "sea", one, two, "sea, 1, above 2", two, "from sb", third, "deleted 1 2"]);
        assert.match(third, /^cell Low sky -7 3 #\d+ 0,0 $/, three);
        assert.deepEqual(host.rows("cell"), []);  // the failure undid everything
    },

    "a second table over one row type is its own"() {
        const host = everything();
        const [fixed, archive] = ["fixed", "archive"].map(name => host.module.tables.find(table => table.name === name));
        assert.equal(fixed.ref, archive.ref);
        assert.equal(archive.access, "private");
        assert.deepEqual(archive.indexes.map(index => index.name), ["archive_id_idx_btree"]);
        assert.deepEqual(host.call("use_archive", { id: 3 }), { ok: true });
        assert.deepEqual(host.rows("archive"), host.rows("fixed"));
        assert.deepEqual(host.call("use_archive", { id: 3 }), { error: "archive: another row has the same id" });
    },

    "rows larger than every buffer, and marks that bound memory"() {
        const host = everything();
        assert.deepEqual(logged(host, "big_rows", { count: 3, length: 200_000 }), ["1200000 bytes"]);
        assert.deepEqual(host.rows("plain").map(row => row.s.length), [200_000, 200_000, 200_000]);
        const bytes = host.memory().length;
        assert.ok(bytes < 4 << 20, `${bytes} bytes of memory`);
        assert.deepEqual(logged(host, "big_rows", { count: 3, length: 200_000 }), ["1200000 bytes"]);
        assert.equal(host.memory().length, bytes);  // the memory of a call is used again
    },

    "lifecycle, events, schedules"() {
        const host = everything();
        assert.deepEqual(logged(host, "init", {}, { sender: 0x1234n }), [`init by ${"0".repeat(60)}1234`]);
        assert.deepEqual(host.rows("secret"), [{ id: 1, text: "init" }]);
        assert.deepEqual(logged(host, "client_connected", {}, { connection: 0xabcdef0123456789abcdef0123456789n }),
            ["connected abcdef0123456789abcdef0123456789"]);
        host.call("send_ping", { n: 3 });
        assert.equal(host.tables.get("ping").sent.length, 3);
        assert.ok(host.module.tables.find(table => table.name === "ping").isEvent);
        host.call("schedule", { label: "once", millis: 1500n, repeat: false }, { timestamp: 1_000_000n });
        host.call("schedule", { label: "often", millis: 20n, repeat: true });
        const timers = host.rows("timer");
        assert.deepEqual(timers.map(row => row.at), [
            { Time: { __timestamp_micros_since_unix_epoch__: 2_500_000n } }, { Interval: { __time_duration_micros__: 20_000n } }]);
        const database = BigInt("0x" + "db".repeat(32));
        assert.deepEqual(logged(host, "tick", { timer: timers[1] }, { sender: database }), ["tick 2 often"]);
        assert.deepEqual(logged(host, "tick", { timer: timers[0] }), ["tick 1 once by hand"]);
        assert.deepEqual(host.call("far"), { error: "timer: scheduled too far in the future" });
        assert.equal(host.rows("timer").length, 2);
    },

    "failures carry their text and undo; panics log it and lose the instance"() {
        const host = everything();
        assert.deepEqual(host.call("fail", { how: 0 }), { error: "asked to fail" });
        assert.deepEqual(host.call("insert_then_fail"), { error: "rolled back" });
        assert.deepEqual(host.rows("plain"), []);
        assert.deepEqual(host.call("silent_failure"), { error: "silent_failure failed" });
        assert.deepEqual(host.call("fail_in_mark"), { error: "kept text" });
        assert.match(host.call("owner_only", {}, { sender: 0x77n }).error, /^not the module: 0{62}77$/);
        host.logs = [];
        assert.match(host.call("fail", { how: 1 }).trap, /unreachable/);
        assert.deepEqual([host.logs[0].level, host.logs[0].message], ["panic", "asked to panic"]);
        assert.match(host.logs[0].file, /everything\.c$/);
        assert.match(host.call("bad_tag").trap, /unreachable/);
        assert.equal(host.logs.at(-1).message, "a Color has no variant 9");
        assert.match(host.callBytes(1000, new Uint8Array(0)).trap, /unreachable/);
        assert.equal(host.logs.at(-1).message, "no reducer has number 1000");
        assert.deepEqual(host.call("add_plain", { n: 1, s: "" }), { ok: true });
    },

    "running out of memory is a panic"() {
        const host = new Host(program("hostile_memory"));
        assert.match(host.call("allocate").trap, /unreachable|memory access/);
        assert.equal(host.logs.at(-1).level, "panic");
        assert.match(host.logs.at(-1).message, /^out of memory: \d+ bytes more$/);
    },

    "logs: levels, files and lines, long texts, timers"() {
        const host = everything();
        logged(host, "logs");
        assert.deepEqual(host.logs.map(log => log.level), ["error", "warn", "info", "debug", "trace", "info", "info"]);
        assert.equal(host.logs[0].message, "error 1");
        const source = readFileSync(join(root, "test/modules/everything.c"), "utf8").split("\n");
        assert.match(source[host.logs[1].line - 1], /stdb_log_warn\("warn"\)/);
        assert.equal(host.logs[5].message, "y".repeat(5000));
        assert.equal(host.logs[6].message, `Timing span "span"`);
    },

    "the context of a call"() {
        const host = everything();
        host.tokens.set(0x5n, `{"sub":"me"}`);
        const options = { sender: 0xc200n << 240n, connection: 5n, timestamp: 1_709_210_096_000_007n };
        assert.deepEqual(logged(host, "context", {}, options), [
            `c200${"0".repeat(60)} ${"0".repeat(31)}5 2024-02-29T12:34:56.000007Z`, `${"db".repeat(32)} 0 {"sub":"me"}`]);
        for (const [timestamp, text] of [[0n, "1970-01-01T00:00:00.000000Z"], [-1n, "1969-12-31T23:59:59.999999Z"],
            [951_782_400_000_000n, "2000-02-29T00:00:00.000000Z"], [4_102_444_799_999_999n, "2099-12-31T23:59:59.999999Z"],
            [-62_135_596_800_000_000n, "0001-01-01T00:00:00.000000Z"]]) {
            assert.equal(logged(host, "context", {}, { timestamp })[0].split(" ")[2], text);
        }
        assert.match(logged(host, "context")[1], / 0 none$/);
        const identity = "00ff".repeat(15) + "aBc1";
        for (const text of [identity, "0x" + identity, "0X" + identity]) {
            assert.deepEqual(logged(host, "parse", { text }), [identity.toLowerCase()]);
        }
        for (const text of ["", "0x", identity + "0", identity.slice(1), "g" + identity.slice(1), "1x" + identity]) {
            assert.deepEqual(host.call("parse", { text }), { error: "no identity" });
        }
    },

    "random numbers depend on the timestamp alone; uuids have their versions"() {
        const host = everything();
        const [first, again] = [logged(host, "random"), logged(host, "random")];
        assert.deepEqual(first, again);
        const other = logged(host, "random", {}, { timestamp: 1_750_000_000_123_456n });
        assert.notDeepEqual(first, other);
        assert.equal(new Set(first.slice(0, 3)).size, 3);
        assert.match(first[3], /^\d 0\.\d{6}$/);
        assert.match(first[4], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.match(other[5], /^01977420-dc7b-7000-8000-0000/);
        assert.match(other[6], /^01977420-dc7b-7000-8000-0002/);
    },

    "formats print as C prints them"() {
        const host = everything();
        // What glibc's printf gives.
        const doubles = [
            [0, "0.000000|0|0|0|0.000000e+00|      0.00|0.0       |+0.000E+00|0."],
            [-0, "-0.000000|-0|-0|-0|-0.000000e+00|     -0.00|-0.0      |-0.000E+00|-0."],
            [0.5, "0.500000|0|0.5|0.5|5.000000e-01|      0.50|0.5       |+5.000E-01|0."],
            [1.5, "1.500000|2|1.5|1.5|1.500000e+00|      1.50|1.5       |+1.500E+00|2."],
            [2.5, "2.500000|2|2.5|2.5|2.500000e+00|      2.50|2.5       |+2.500E+00|2."],
            [0.1, "0.100000|0|0.10000000000000001|0.1|1.000000e-01|      0.10|0.1       |+1.000E-01|0."],
            [-1234567.891, "-1234567.891000|-1234568|-1234567.8910000001|-1.23457e+06|-1.234568e+06|-1234567.89|-1234567.9|-1.235E+06|-1234568."],
            [9.9999995, "9.999999|10|9.9999994999999995|10|9.999999e+00|     10.00|10.0      |+1.000E+01|10."],
            [0.00001, "0.000010|0|1.0000000000000001e-05|1e-05|1.000000e-05|      0.00|0.0       |+1.000E-05|0."],
            [123456, "123456.000000|123456|123456|123456|1.234560e+05| 123456.00|123456.0  |+1.235E+05|123456."],
            [1e22, "10000000000000000000000.000000|10000000000000000000000|1e+22|1e+22|1.000000e+22|10000000000000000000000.00|10000000000000000000000.0|+1.000E+22|10000000000000000000000."],
            [Infinity, "inf|inf|inf|inf|inf|       inf|inf       |+INF|inf"],
        ];
        for (const [value, text] of doubles) assert.equal(logged(host, "format", { value, number: 0n })[0], text);
        const printed = value => logged(host, "format", { value, number: 0n })[0].split("|");
        assert.equal(printed(5e-324)[2], "4.9406564584124654e-324");
        assert.equal(printed(Number.MAX_VALUE)[0], `${BigInt(Number.MAX_VALUE)}.000000`);
        assert.equal(printed(NaN)[0].replace("-", ""), "nan");
        for (let i = 0; i < 300; i++) {  // 17 digits always find their way back
            const value = Number(BigInt(i) * 0x9e3779b97f4a7c15n % (1n << 64n)) * 2 ** (i * 5 - 800);
            assert.equal(Number(printed(value)[2]), value);
            assert.equal(printed(value)[4], value.toExponential(6).replace(/e([+-])(\d)$/, "e$10$2"));
        }
        const integers = number => logged(host, "format", { value: 0, number }).slice(1);
        assert.deepEqual(integers(-42n), [
            "-42|                 -42|-42                 |-0000000000000000042|-42|ffffffffffffffd6|0XFFFFFFFFFFFFFFD6|1777777777777777777726|-00042",
            "-42|4294967254|-42|65494|4294967254|c|  abc|abc  |ab|%|    42"]);
        assert.deepEqual(integers(-(1n << 63n))[0].split("|")[0], "-9223372036854775808");
        assert.deepEqual(integers(7n)[0].split("|").slice(4), ["+7", "7", "0X7", "7", "00007"]);
    },

    "128-bit arithmetic"() {
        const host = everything();
        const hex = value => BigInt.asUintN(128, value).toString(16).padStart(32, "0");
        const samples = [1n, 2n, 10n, (1n << 64n) - 1n, 1n << 64n, (1n << 64n) + 1n, (1n << 127n) - 1n, 0x123456789abcdef0fedcba9876543210n];
        for (const a of samples) {
            for (const b of samples) {
                for (const bits of [0, 1, 63, 64, 65, 127]) {
                    const [c, d] = [BigInt.asIntN(128, -a), BigInt.asIntN(128, bits % 2 ? b : -b)];
                    assert.deepEqual(logged(host, "wide", { a, b, c, d, bits }),
                        [a * b, a / b, a % b, a << BigInt(bits), a >> BigInt(bits), a + b, a - b, c * d, c / d, c % d, c >> BigInt(bits)].map(hex));
                }
            }
        }
    },

    "sources that share a header describe its tables once"() {
        const host = new Host(program("parts", glob("test/modules/parts", ".c")));
        assert.deepEqual(host.module.tables.map(table => table.name).sort(), ["task", "wake"]);
        assert.deepEqual(host.module.typeNames.map(name => name.name).sort(), ["Place", "State", "Task", "Wake"]);
        const task = host.module.tables.find(table => table.name === "task");
        assert.deepEqual(task.indexes.map(index => index.name), ["task_id_idx_btree", "task_state_idx_btree", "task_state_id_idx_btree"]);
        assert.deepEqual([task.constraints.length, task.sequences.length, task.defaults.length], [1, 1, 1]);
        assert.deepEqual(host.module.schedules.length, 1);
        assert.equal(host.module.casePolicy, "snake");
        for (let i = 0; i < 3; i++) assert.deepEqual(host.call("open_task", { x: i, y: -1 }), { ok: true });
        assert.deepEqual(logged(host, "close_task", { id: 2n }), ["2 open, 1 done"]);
    },

    "names used twice in different sources are a panic with a text"() {
        const twice = build("twice", ["test/sdk_c/hi.c", "test/sdk_c/hi_again.c"]);
        assert.throws(() => new Host(twice), WebAssembly.RuntimeError);
    },

    "the quickstart chat"() {
        const host = new Host(build("chat", ["examples/quickstart-chat/module.c"]));
        const [a, b] = [{ sender: 0xan }, { sender: 0xbn }];
        assert.deepEqual(host.call("set_name", { name: "Al" }, a), { error: "Cannot set name for unknown user" });
        assert.deepEqual(host.call("client_connected", {}, a), { ok: true });
        assert.deepEqual(host.call("client_connected", {}, b), { ok: true });
        assert.deepEqual(host.call("set_name", { name: "" }, a), { error: "Names must not be empty" });
        assert.deepEqual(host.call("set_name", { name: "Al" }, a), { ok: true });
        assert.deepEqual(host.call("send_message", { text: "" }, a), { error: "Messages must not be empty" });
        assert.deepEqual(host.call("send_message", { text: "hi" }, { ...a, timestamp: 5n }), { ok: true });
        assert.deepEqual(host.call("client_disconnected", {}, b), { ok: true });
        assert.deepEqual(host.rows("user"), [
            { identity: { __identity__: 0xan }, name: { some: "Al" }, online: true },
            { identity: { __identity__: 0xbn }, name: { none: {} }, online: false }]);
        assert.deepEqual(host.rows("message"),
            [{ sender: { __identity__: 0xan }, sent: { __timestamp_micros_since_unix_epoch__: 5n }, text: "hi" }]);
        assert.deepEqual(host.call("client_connected", {}, b), { ok: true });
        assert.deepEqual(host.rows("user").map(user => user.online), [true, true]);
    },

    "the bank: a transfer is six host calls for the rows and one for the arguments"() {
        const host = new Host(build("bank", ["bench/modules/bank/module.c"]));
        assert.deepEqual(host.call("seed", { n: 3, balance: 100n }), { ok: true });
        assert.deepEqual(host.call("transfer", { from: 0, to: 1, amount: 30n }), { ok: true });
        const bytes = host.memory().length;
        host.calls = {};
        assert.deepEqual(host.call("transfer", { from: 1, to: 2, amount: 130n }), { ok: true });
        assert.deepEqual(host.calls, { bytes_source_read: 1, datastore_index_scan_point_bsatn: 2, row_iter_bsatn_advance: 2, datastore_update_bsatn: 2 });
        assert.equal(host.memory().length, bytes);
        assert.deepEqual(host.rows("accounts"), [{ id: 0, balance: 70n }, { id: 1, balance: 0n }, { id: 2, balance: 230n }]);
        const refused = [[{ from: 1, to: 0, amount: 1n }, "account 1 has 0, not 1"], [{ from: 9, to: 0, amount: 1n }, "no account 9"],
            [{ from: 0, to: 9, amount: 1n }, "no account 9"], [{ from: 0, to: 1, amount: 0n }, "the amount must be positive, not 0"],
            [{ from: 0, to: 0, amount: 1n }, "account 0 cannot pay itself"]];
        for (const [args, error] of refused) assert.deepEqual(host.call("transfer", args), { error });
        host.call("seed", { n: 2, balance: (1n << 63n) - 1n });
        assert.deepEqual(host.call("transfer", { from: 0, to: 1, amount: 1n }), { error: "account 1 is full" });
    },

    "the template"() {
        const host = new Host(build("template", ["templates/c/spacetimedb/module.c"]));
        assert.deepEqual(host.call("init"), { ok: true });
        assert.deepEqual(host.call("add", { name: "Ada" }), { ok: true });
        assert.deepEqual(logged(host, "say_hello"), ["Hello, Ada!", "Hello, World!"]);
    },

    "hostile modules do what they threaten"() {
        for (const name of glob("test/modules", ".c").map(file => file.match(/([a-z_]+)\.c$/)[1]).filter(name => name.startsWith("hostile_"))) {
            if (!/description|import/.test(name)) program(name);
        }
        const stack = new Host(program("hostile_stack"));
        assert.deepEqual(stack.call("deep", { depth: 100 }), { ok: true });
        assert.match(stack.call("deep", { depth: 1 << 30 }).trap, /stack|memory/i);
        assert.match(stack.call("large_frames", { depth: 1 << 20 }).trap, /memory access/);
        const trap = new Host(program("hostile_trap"));
        assert.deepEqual([trap.call("count_calls"), trap.call("count_calls")], [{ error: "call 1" }, { error: "call 2" }]);
        const kinds = [["unreachable", {}, /unreachable/], ["divide", { by: 0 }, /divide by zero/], ["load", { address: 0xfffffffc }, /out of bounds/],
            ["call_pointer", { address: 0xffff }, /table index/], ["panic", {}, /unreachable/]];
        for (const [name, args, text] of kinds) assert.match(trap.call(name, args).trap, text);
        assert.deepEqual([trap.rows("mark"), trap.call("count_calls")], [[], { error: "call 1" }]);
        const pointers = new Host(program("hostile_pointers"));
        const [table, index, iter] = pointers.call("ids").error.split(" ").map(Number);
        for (let call = 0; call < 29; call++) {
            for (const at of [0, 1, 0xffffffff, pointers.memory().length, pointers.memory().length - 1]) {
                for (const id of [0, 1, table, index, iter, 0xffffffff]) {
                    const outcome = pointers.call("poke", { call, at, length: 8, id });
                    assert.ok(outcome.ok || outcome.trap, JSON.stringify(outcome));
                }
            }
        }
        const undecodable = [0, 1, 2, 3, 7, 10, 11];  // the others are well-formed nonsense, for a server to refuse
        for (let choice = 0; choice < 12; choice++) {
            const wasm = build(`description_${choice}`, ["test/modules/hostile_description.c"], [...STRICT, `-DCASE=${choice}`], false);
            const load = () => new Host(wasm);
            if (undecodable.includes(choice)) assert.throws(load, undefined, `description ${choice}`);
            else if (choice !== 5) load();
        }
        for (let choice = 0; choice < 6; choice++) {  // JavaScript does not look at the types of the seventh
            assert.throws(() => new Host(build(`import_${choice}`, ["test/modules/hostile_import.c"], [...STRICT, `-DCASE=${choice}`])));
        }
    },

    "wrong code does not compile, and the first error says why"() {
        const cases = readFileSync(join(root, "test/sdk_c/rejected.c"), "utf8").matchAll(/^#(?:el)?if CASE == (\d+) *\/\/ (.*)$/mg);
        let count = 0;
        for (const [, number, expected] of cases) {
            const { ok, text } = compile("rejected", ["test/sdk_c/rejected.c"], [`-DCASE=${number}`, "-fsyntax-only"], false);
            assert.ok(expected === "nothing" ? ok : !ok, `case ${number} (${expected}): ${text}`);
            if (!ok) assert.ok(text.match(/^.*(?:error|warning): .*$/m)[0].includes(expected), `case ${number}: wanted "${expected}" first in\n${text}`);
            count++;
        }
        assert.ok(count > 15);
    },

    "the limits of lists: n works, n + 1 does not compile"() {
        const list = (count, item) => Array.from({ length: count }, (_, i) => item(i)).join(", ");
        const table = (columns, indexed, attributes, parameters) => `#include <spacetime/module.h>
            STDB_TABLE(A, a, PUBLIC, ${list(columns, i => `(uint32_t, c${i}${i === 0 ? attributes : ""})`)});
            STDB_INDEX(A, a, by_some, BTREE, ${list(indexed, i => `c${i}`)});
            STDB_REDUCER(r, ctx, ${list(parameters, i => `(uint32_t, p${i})`)}) {
                AIter rows = a_filter_by_some(${list(indexed, i => `p${i}`)});
                A row = {0};
                while (a_next(&rows, &row)) continue;
                return a_insert(&row);
            }`;
        const compiles = (...counts) => {
            const source = join(out, "limits.c");
            writeFileSync(source, table(...counts));
            return compile("limits", [source], [...STRICT, "-Wno-unused-parameter"]);
        };
        const eight = ", PRIMARY_KEY, AUTO_INC" + ", BTREE".repeat(6);  // the same twice is no use, but counts
        const fits = compiles(64, 6, eight, 64);
        assert.ok(fits.ok, fits.text);
        const host = new Host(readFileSync(fits.file));
        assert.deepEqual(host.call("r", Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`p${i}`, i]))), { ok: true });
        assert.equal(host.rows("a")[0].c0, 1);
        for (const counts of [[65, 6, eight, 64], [64, 7, eight, 64], [64, 6, eight + ", BTREE", 64], [64, 6, eight, 65]]) assert.ok(!compiles(...counts).ok);
        assert.match(compiles(65, 6, "", 64).text, /error: static assertion failed: a list of more than 64 items/);
    },

    "modules compile at every optimisation, with strict and pedantic warnings"() {
        for (const level of ["-O0", "-O1", "-O3", "-Os", "-Oz"]) {
            const host = new Host(build(`everything${level}`, ["test/modules/everything.c"], [...STRICT, level]));
            assert.deepEqual(host.call("add_kind", { n: 5 }), { ok: true });
            host.call("fill_fixed", { from: 0, count: 5 });
            assert.deepEqual(host.call("move_fixed", { id: 1, x: 1, y: 1 }), { ok: true });
        }
        build("everything_c23", ["test/modules/everything.c"], [...STRICT, "-std=c23"]);
        build("everything_long_names", ["test/sdk_c/long_names.c"]);
    },
};

let failed = 0;
const wanted = process.argv[2] ?? "";
for (const [name, test] of Object.entries(tests)) {
    if (!name.includes(wanted)) continue;
    try {
        await test();
        console.log(`ok      ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAILED  ${name}\n${error.stack}`);
    }
}
rmSync(out, { recursive: true });
process.exitCode = failed > 0 ? 1 : 0;
