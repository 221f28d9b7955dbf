// host.mjs - a small SpacetimeDB in JavaScript: enough of the module ABI to run a module and look at all it does.
//
// Rows are kept as their bytes. Every index question is answered by decoding and comparing each row: slow and obvious.
import { Reader, Writer, compare, decode, decodeModule, encode, read } from "./bsatn.mjs";

const CHUNK_BYTES = 32768;

// What is asked of the same row again and again.
const values = new WeakMap();
const texts = new WeakMap();
function cached(map, row, make) {
    if (!map.has(row)) map.set(row, make());
    return map.get(row);
}
const same = (left, right) => left.length === right.length &&
    cached(texts, left, () => Buffer.from(left).toString("latin1")) === cached(texts, right, () => Buffer.from(right).toString("latin1"));

export class Trap extends Error {}

export class Host {
    constructor(program, extraImports = {}) {
        this.extraImports = extraImports;
        this.program = new WebAssembly.Module(program);
        this.databaseIdentity = new Uint8Array(32).fill(0xdb);
        this.tables = new Map();
        this.tokens = new Map();
        this.logs = [];
        this.calls = {};  // how often each import was called
        this.instantiate();
        this.description = this.describe();
        this.module = decodeModule(this.description);
        this.types = this.module.types;
        for (const definition of this.module.tables ?? []) this.createTable(definition);
    }

    instantiate() {
        this.iters = new Map();
        this.timers = new Map();
        this.nextHandle = 1;
        const imports = {};
        for (const entry of WebAssembly.Module.imports(this.program)) {
            const version = entry.name in this.extraImports ? entry.module.slice(10) : { get_jwt: "10.2", bytes_source_remaining_length: "10.1", datastore_index_scan_point_bsatn: "10.4",
                datastore_delete_by_index_scan_point_bsatn: "10.4", datastore_clear: "10.5" }[entry.name] ?? "10.0";
            if (entry.module !== `spacetime_${version}` || !(entry.name in this.functions || entry.name in this.extraImports)) {
                throw new Error(`unknown import ${entry.module} ${entry.name}`);
            }
            imports[entry.module] ??= {};
            imports[entry.module][entry.name] = (...args) => {
                this.calls[entry.name] = (this.calls[entry.name] ?? 0) + 1;
                return (this.functions[entry.name] ?? this.extraImports[entry.name]).apply(this, args.map(arg => typeof arg === "bigint" ? arg : arg >>> 0));
            };
        }
        this.exports = new WebAssembly.Instance(this.program, imports).exports;
        for (const name of Object.keys(this.exports).filter(name => name.startsWith("__preinit__")).sort()) this.exports[name]();
    }

    describe() {
        this.beginCall(new Uint8Array(0));
        this.exports.__describe_module__(this.openSink());
        return this.sinks[0].done();
    }

    beginCall(args) {
        this.sources = new Map();
        this.sinks = [];
        this.sourceCount = 0;
        return args.length === 0 ? 0 : this.openSource(args);
    }

    openSource(bytes) {
        this.sources.set(++this.sourceCount, { bytes, at: 0 });
        return this.sourceCount;
    }
    openSink() { return this.sinks.push(new Writer()); }

    createTable(definition) {
        const type = this.types[definition.ref];
        const indexes = definition.indexes.map((index, i) => ({
            ...index, id: (this.tables.size + 1) * 1000 + i, table: definition.name,
            isUnique: definition.constraints.some(c => [...c.columns].sort().join() === [...index.columns].sort().join()),
        }));
        this.tables.set(definition.name, {
            definition, type, indexes, id: 4096 + this.tables.size, rows: [], next: definition.sequences.map(() => 1n),
        });
    }

    // Calls a reducer with arguments as a JavaScript object; { ok } or { error } or { trap }.
    call(name, args = {}, { sender, connection = 0n, timestamp = 1_700_000_000_000_000n } = {}) {
        const id = this.module.reducers.findIndex(reducer => reducer.name === name);
        if (id < 0) throw new Error(`no reducer ${name}`);
        return this.callBytes(id, encode(this.module.reducers[id].params, args, this.types), { sender, connection, timestamp });
    }

    callBytes(id, bytes, { sender = 0xc2n, connection = 0n, timestamp = 1_700_000_000_000_000n } = {}) {
        const word = (value, i) => BigInt.asIntN(64, BigInt(value) >> BigInt(64 * i));
        const saved = [...this.tables.values()].map(table => [table, [...table.rows]]);
        this.inCall = true;
        let outcome;
        try {
            const source = this.beginCall(bytes);
            const sink = this.openSink();
            const code = this.exports.__call_reducer__(id, word(sender, 0), word(sender, 1), word(sender, 2), word(sender, 3),
                word(connection, 0), word(connection, 1), timestamp, source, sink);
            const text = new TextDecoder("utf-8", { fatal: true }).decode(this.sinks[sink - 1].done());
            outcome = code === 0 ? { ok: true } : code === 1 ? { error: text } : { trap: `code ${code}` };
        } catch (error) {
            if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error instanceof Trap)) throw error;
            outcome = { trap: error.message };
        }
        this.inCall = false;
        this.leakedIters = this.iters.size;
        if (!outcome.ok) for (const [table, rows] of saved) table.rows = rows;
        for (const table of this.tables.values()) {
            if (!table.definition.isEvent) continue;
            table.sent = table.rows;
            table.rows = [];
        }
        if (outcome.trap) {
            this.instantiate();
            this.describe();
        }
        return outcome;
    }

    rows(name) {
        const table = this.tables.get(name);
        return table.rows.map(row => decode(table.type, row, this.types));
    }

    // ---- what the imports are made of ----

    memory() { return new Uint8Array(this.exports.memory.buffer); }
    bytes(at, count) {
        if (at === 0) throw new Trap("null pointer passed to a spacetime function");
        if (at + count > this.memory().length) throw new Trap("out of bounds pointer passed to a spacetime function");
        return this.memory().slice(at, at + count);
    }
    store(at, bytes) {
        this.bytes(at, bytes.length);
        this.memory().set(bytes, at);
    }
    load32(at) { return new Reader(this.bytes(at, 4)).u32(); }
    store32(at, value) { this.store(at, new Uint8Array(Uint32Array.of(value).buffer)); }
    store64(at, value) { this.store(at, new Uint8Array(BigUint64Array.of(BigInt(value)).buffer)); }
    text(at, count) {
        const bytes = this.bytes(at, count);
        try {
            return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
        } catch {
            throw new Trap("invalid utf8 passed to a spacetime function");
        }
    }
    lossyText(at, count) { return new TextDecoder().decode(this.bytes(at, count)); }
    tableById(id) { return [...this.tables.values()].find(table => table.id === id); }
    indexById(id) {
        for (const table of this.tables.values()) {
            const index = table.indexes.find(index => index.id === id);
            if (index) return [table, index];
        }
        return [];
    }

    value(table, row) { return cached(values, row, () => decode(table.type, row, this.types)); }
    keyType(table, columns) {
        return { tag: "Product", fields: columns.map(column => table.type.fields[column]) };
    }
    isLike(table, columns, left, right) {
        return compare(this.keyType(table, columns), left, right, this.types) === 0;
    }

    // The rows that a range describes; a number is the errno.
    rangeRows(indexId, prefix, prefixBytes, prefixColumns, low, lowBytes, high, highBytes) {
        const [table, index] = this.indexById(indexId);
        if (!table) return 5;
        if (index.kind === "hash") throw new Trap("range scan on a hash index");
        if (prefixColumns >= index.columns.length) return 3;
        const type = table.type.fields[index.columns[prefixColumns]].type;
        const name = table.type.fields[index.columns[prefixColumns]].name;
        let given, from, to;
        const bound = (at, count) => {
            const reader = new Reader(this.bytes(at, count));
            const kind = reader.u8();
            if (kind > 2) throw new Error("bound");
            const value = kind === 2 ? null : read(reader, type, this.types);
            reader.end();
            return { kind, value };
        };
        try {
            const prefixType = this.keyType(table, index.columns.slice(0, prefixColumns));
            given = decode(prefixType, prefixColumns === 0 ? new Uint8Array(0) : this.bytes(prefix, prefixBytes), this.types);
            from = bound(low, lowBytes);
            to = bound(high, highBytes);
        } catch (error) {
            if (error instanceof Trap) throw error;
            return 3;
        }
        const order = (row, bound) => compare(type, row[name], bound.value, this.types);
        const found = table.rows.filter(bytes => {
            const row = this.value(table, bytes);
            return this.isLike(table, index.columns.slice(0, prefixColumns), row, given) &&
                (from.kind === 2 || (from.kind === 0 ? order(row, from) >= 0 : order(row, from) > 0)) &&
                (to.kind === 2 || (to.kind === 0 ? order(row, to) <= 0 : order(row, to) < 0));
        });
        return this.sorted(table, index, found);
    }

    pointRows(indexId, key, keyBytes) {
        const [table, index] = this.indexById(indexId);
        if (!table) return 5;
        let wanted;
        try {
            wanted = decode(this.keyType(table, index.columns), this.bytes(key, keyBytes), this.types);
        } catch (error) {
            if (error instanceof Trap) throw error;
            return 3;
        }
        return table.rows.filter(bytes => this.isLike(table, index.columns, this.value(table, bytes), wanted));
    }

    sorted(table, index, rows) {
        const type = this.keyType(table, index.columns);
        return rows.map(bytes => [this.value(table, bytes), bytes])
            .sort((left, right) => compare(type, left[0], right[0], this.types)).map(pair => pair[1]);
    }

    openIter(rows, out) {
        if (typeof rows === "number") return rows;
        const chunks = [];
        let chunk = new Writer();
        for (const row of rows) {
            chunk.raw(row);
            if (chunk.count <= CHUNK_BYTES) continue;
            chunks.push(chunk.done());
            chunk = new Writer();
        }
        if (chunk.count > 0) chunks.push(chunk.done());
        const handle = this.nextHandle++;
        this.iters.set(handle, chunks);
        this.store32(out, handle);
        return 0;
    }

    deleteRows(indexId, rows, out) {
        if (typeof rows === "number") return rows;
        const [table] = this.indexById(indexId);
        table.rows = table.rows.filter(row => !rows.includes(row));
        this.store32(out, rows.length);
        return 0;
    }

    // Fills in generated columns; what to write back, in column order.
    generate(table, row) {
        const back = [];
        const sequences = table.definition.sequences.map((sequence, i) => [sequence.column, i]).sort((a, b) => a[0] - b[0]);
        for (const [column, i] of sequences) {
            const field = table.type.fields[column];
            if (BigInt(row[field.name]) !== 0n) continue;
            const bits = Number(field.type.tag.slice(1));
            const value = table.next[i]++;
            row[field.name] = bits < 64 ? Number(BigInt.asIntN(bits, value)) : value;
            back.push(...encode(field.type, row[field.name], this.types));
        }
        return Uint8Array.from(back);
    }

    isClash(table, row, besides) {
        return table.definition.constraints.some(constraint => table.rows.some(bytes =>
            bytes !== besides && this.isLike(table, constraint.columns, this.value(table, bytes), row)));
    }

    writeRow(table, at, length, write) {
        if (!table) throw new Trap("no such table");
        let row;
        try {
            row = decode(table.type, this.bytes(at, this.load32(length)), this.types);
        } catch (error) {
            throw new Trap(`row does not decode: ${error.message}`);
        }
        const back = this.generate(table, row);
        const error = write(row, encode(table.type, row, this.types));
        if (error !== 0) return error;
        this.store(at, back);
        this.store32(length, back.length);
        return 0;
    }
}

Host.prototype.functions = {
    table_id_from_name(name, length, out) {
        const table = this.tables.get(this.text(name, length));
        if (!this.inCall) return 2;
        if (!table) return 4;
        this.store32(out, table.id);
        return 0;
    },
    index_id_from_name(name, length, out) {
        const wanted = this.text(name, length);
        if (!this.inCall) return 2;
        for (const table of this.tables.values()) {
            const index = table.indexes.find(index => index.name === wanted);
            if (!index) continue;
            this.store32(out, index.id);
            return 0;
        }
        return 5;
    },
    datastore_table_row_count(id, out) {
        const table = this.tableById(id);
        if (!table) return 4;
        this.store64(out, table.rows.length);
        return 0;
    },
    datastore_table_scan_bsatn(id, out) {
        const table = this.tableById(id);
        return this.openIter(table ? table.rows : 4, out);
    },
    datastore_index_scan_range_bsatn(index, prefix, prefixBytes, prefixColumns, low, lowBytes, high, highBytes, out) {
        return this.openIter(this.rangeRows(index, prefix, prefixBytes, prefixColumns, low, lowBytes, high, highBytes), out);
    },
    datastore_index_scan_point_bsatn(index, key, keyBytes, out) {
        return this.openIter(this.pointRows(index, key, keyBytes), out);
    },
    row_iter_bsatn_advance(handle, buffer, length) {
        const chunks = this.iters.get(handle);
        if (!chunks) return 6;
        const capacity = this.load32(length);
        this.bytes(buffer, capacity);
        let count = 0;
        while (chunks.length > 0 && chunks[0].length <= capacity - count) {
            this.store(buffer + count, chunks[0]);
            count += chunks.shift().length;
        }
        if (count === 0 && chunks.length > 0) {
            this.store32(length, chunks[0].length);
            return 11;
        }
        if (chunks.length === 0) this.iters.delete(handle);
        this.store32(length, count);
        return chunks.length === 0 ? -1 : 0;
    },
    row_iter_bsatn_close(handle) { return this.iters.delete(handle) ? 0 : 6; },
    datastore_insert_bsatn(id, at, length) {
        const table = this.tableById(id);
        return this.writeRow(table, at, length, (row, bytes) => {
            if (table.rows.some(other => same(other, bytes))) return 0;
            if (this.isClash(table, row, null)) return 12;
            const schedule = (this.module.schedules ?? []).find(schedule => schedule.table === table.definition.name);
            const time = schedule && row[table.type.fields[schedule.column].name];
            table.rows.push(bytes);
            return time?.Interval?.__time_duration_micros__ > 68_719_476_735_000n ? 13 : 0;
        });
    },
    datastore_update_bsatn(id, indexId, at, length) {
        const table = this.tableById(id);
        return this.writeRow(table, at, length, (row, bytes) => {
            const index = table.indexes.find(index => index.id === indexId);
            if (!index) return 5;
            if (!index.isUnique) return 14;
            const old = table.rows.findIndex(other => this.isLike(table, index.columns, this.value(table, other), row));
            if (old < 0) return 15;
            if (this.isClash(table, row, table.rows[old])) return 12;
            table.rows[old] = bytes;
            return 0;
        });
    },
    datastore_delete_by_index_scan_range_bsatn(index, prefix, prefixBytes, prefixColumns, low, lowBytes, high, highBytes, out) {
        return this.deleteRows(index, this.rangeRows(index, prefix, prefixBytes, prefixColumns, low, lowBytes, high, highBytes), out);
    },
    datastore_delete_by_index_scan_point_bsatn(index, key, keyBytes, out) {
        return this.deleteRows(index, this.pointRows(index, key, keyBytes), out);
    },
    datastore_delete_all_by_eq_bsatn(id, at, length, out) {
        const table = this.tableById(id);
        if (!table) return 4;
        const bytes = this.bytes(at, length);
        let rows;
        try {
            rows = decode({ tag: "Array", of: table.type }, bytes, this.types).map(row => encode(table.type, row, this.types));
        } catch {
            return 3;
        }
        const before = table.rows.length;
        table.rows = table.rows.filter(row => !rows.some(other => same(row, other)));
        this.store32(out, before - table.rows.length);
        return 0;
    },
    datastore_clear(id, out) {
        const table = this.tableById(id);
        if (!table) throw new Trap("no such table");
        this.store64(out, table.rows.length);
        table.rows = [];
        return 0;
    },
    bytes_source_read(handle, buffer, length) {
        const source = this.sources.get(handle);
        if (!source) return 8;
        const capacity = this.load32(length);
        this.bytes(buffer, capacity);
        const count = Math.min(capacity, source.bytes.length - source.at, this.sourceReadMax ?? Infinity);
        this.store(buffer, source.bytes.slice(source.at, source.at + count));
        source.at += count;
        this.store32(length, count);
        if (source.at < source.bytes.length) return 0;
        this.sources.delete(handle);
        return -1;
    },
    bytes_source_remaining_length(handle, out) {
        const source = this.sources.get(handle);
        if (!source) return 8;
        this.store32(out, source.bytes.length - source.at);
        return 0;
    },
    bytes_sink_write(handle, buffer, length) {
        const sink = this.sinks[handle - 1];
        if (!sink) return 8;
        sink.raw(this.bytes(buffer, this.load32(length)));
        return 0;
    },
    console_log(level, target, targetLength, file, fileLength, line, message, messageLength) {
        try {
            this.logs.push({
                level: { 0: "error", 1: "warn", 2: "info", 3: "debug", 4: "trace", 101: "panic" }[level & 255] ?? "debug",
                target: target === 0 ? null : this.lossyText(target, targetLength),
                file: file === 0 ? null : this.lossyText(file, fileLength),
                line, message: this.lossyText(message, messageLength),
            });
        } catch (error) {
            if (!(error instanceof Trap)) throw error;  // a record that cannot be read is dropped
        }
    },
    console_timer_start(name, length) {
        this.timers.set(this.nextHandle, this.lossyText(name, length));
        return this.nextHandle++;
    },
    console_timer_end(handle) {
        if (!this.timers.has(handle)) return 7;
        this.logs.push({ level: "info", message: `Timing span "${this.timers.get(handle)}"` });
        this.timers.delete(handle);
        return 0;
    },
    identity(out) { this.store(out, this.databaseIdentity); },
    get_jwt(connection, out) {
        const token = this.tokens.get(new Reader(this.bytes(connection, 16)).big(16, false));
        this.store32(out, token === undefined ? 0 : this.openSource(new TextEncoder().encode(token)));
        return 0;
    },
};
