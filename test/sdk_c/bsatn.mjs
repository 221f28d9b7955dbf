// bsatn.mjs - BSATN in JavaScript, written from the format alone, so that the C library is not its own judge.
//
// Types are { tag: "U32" } and the like; Ref has `ref`, Array `of`, Product and Sum `fields` ([{ name, type }]).
// Values: BigInt for integers of 64 bits and more, number below, products as objects, sums as { variant: payload },
// arrays of U8 as Uint8Array.
const TAGS = ["Ref", "Sum", "Product", "Array", "String", "Bool", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64",
    "I128", "U128", "I256", "U256", "F32", "F64"];

export class Reader {
    constructor(bytes) {
        this.bytes = bytes;
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        this.at = 0;
    }
    take(count) {
        if (this.at + count > this.bytes.length) throw new Error(`data too short: ${count} wanted at ${this.at}`);
        this.at += count;
        return this.at - count;
    }
    u8() { return this.view.getUint8(this.take(1)); }
    u16() { return this.view.getUint16(this.take(2), true); }
    u32() { return this.view.getUint32(this.take(4), true); }
    raw(count) { const at = this.take(count); return this.bytes.slice(at, at + count); }
    big(count, signed) {
        const at = this.take(count);
        let value = 0n;
        for (let i = count - 1; i >= 0; i--) value = value << 8n | BigInt(this.bytes[at + i]);
        return signed ? BigInt.asIntN(count * 8, value) : value;
    }
    bool() {
        const byte = this.u8();
        if (byte > 1) throw new Error(`byte ${byte} is no bool`);
        return byte === 1;
    }
    string() { return new TextDecoder("utf-8", { fatal: true }).decode(this.raw(this.u32())); }
    option(read) {
        const tag = this.u8();
        if (tag > 1) throw new Error(`tag ${tag} of an option`);
        return tag === 0 ? read() : null;
    }
    array(read) { return Array.from({ length: this.u32() }, read); }
    end() { if (this.at !== this.bytes.length) throw new Error(`${this.bytes.length - this.at} bytes too many`); }
}

export class Writer {
    constructor() { this.bytes = new Uint8Array(256); this.count = 0; }
    raw(bytes) {
        if (this.count + bytes.length > this.bytes.length) {
            const larger = new Uint8Array((this.count + bytes.length) * 2);
            larger.set(this.bytes);
            this.bytes = larger;
        }
        this.bytes.set(bytes, this.count);
        this.count += bytes.length;
    }
    u8(value) { this.raw([value & 255]); }
    u32(value) { this.big(BigInt(value), 4); }
    big(value, count) { this.raw(Array.from({ length: count }, (_, i) => Number(BigInt.asUintN(8, BigInt(value) >> BigInt(8 * i))))); }
    string(text) { const raw = new TextEncoder().encode(text); this.u32(raw.length); this.raw(raw); }
    done() { return this.bytes.slice(0, this.count); }
}

const BYTES = { I8: 1, U8: 1, I16: 2, U16: 2, I32: 4, U32: 4, I64: 8, U64: 8, I128: 16, U128: 16, I256: 32, U256: 32 };

export function readType(reader) {
    const tag = reader.u8();
    if (tag >= TAGS.length) throw new Error(`type tag ${tag}`);
    const type = { tag: TAGS[tag] };
    if (tag === 0) type.ref = reader.u32();
    if (tag === 1 || tag === 2) type.fields = readFields(reader);
    if (tag === 3) type.of = readType(reader);
    return type;
}

function readFields(reader) {
    return reader.array(() => {
        const name = reader.option(() => reader.string());
        return { name, type: readType(reader) };
    });
}

export function read(reader, type, types) {
    switch (type.tag) {
    case "Ref": return read(reader, types[type.ref], types);
    case "String": return reader.string();
    case "Bool": return reader.bool();
    case "F32": { const at = reader.take(4); return reader.view.getFloat32(at, true); }
    case "F64": { const at = reader.take(8); return reader.view.getFloat64(at, true); }
    case "Array": return type.of.tag === "U8" ? reader.raw(reader.u32()) : reader.array(() => read(reader, type.of, types));
    case "Product": return Object.fromEntries(type.fields.map(field => [field.name, read(reader, field.type, types)]));
    case "Sum": {
        const tag = reader.u8();
        if (tag >= type.fields.length) throw new Error(`unknown tag ${tag}`);
        return { [type.fields[tag].name]: read(reader, type.fields[tag].type, types) };
    }
    default: {
        const value = reader.big(BYTES[type.tag], type.tag[0] === "I");
        return BYTES[type.tag] < 8 ? Number(value) : value;
    }
    }
}

export function write(writer, type, value, types) {
    switch (type.tag) {
    case "Ref": return write(writer, types[type.ref], value, types);
    case "String": return writer.string(value);
    case "Bool": return writer.u8(value ? 1 : 0);
    case "F32": return writer.raw(new Uint8Array(Float32Array.of(value).buffer));
    case "F64": return writer.raw(new Uint8Array(Float64Array.of(value).buffer));
    case "Array":
        writer.u32(value.length);
        if (type.of.tag === "U8") return writer.raw(value);
        for (const item of value) write(writer, type.of, item, types);
        return;
    case "Product":
        for (const field of type.fields) {
            if (!(field.name in value)) throw new Error(`field ${field.name} is missing`);
            write(writer, field.type, value[field.name], types);
        }
        return;
    case "Sum": {
        const [name, payload] = Object.entries(value)[0];
        const tag = type.fields.findIndex(field => field.name === name);
        if (tag < 0) throw new Error(`no variant ${name}`);
        writer.u8(tag);
        return write(writer, type.fields[tag].type, payload, types);
    }
    default: return writer.big(value, BYTES[type.tag]);
    }
}

export function encode(type, value, types) {
    const writer = new Writer();
    write(writer, type, value, types);
    return writer.done();
}

export function decode(type, bytes, types) {
    const reader = new Reader(bytes);
    const value = read(reader, type, types);
    reader.end();
    return value;
}

// The order that indexes have.
export function compare(type, left, right, types) {
    switch (type.tag) {
    case "Ref": return compare(types[type.ref], left, right, types);
    case "Product":
        for (const field of type.fields) {
            const order = compare(field.type, left[field.name], right[field.name], types);
            if (order !== 0) return order;
        }
        return 0;
    case "Sum": {
        const tag = value => type.fields.findIndex(field => field.name === Object.keys(value)[0]);
        if (tag(left) !== tag(right)) return tag(left) - tag(right);
        const name = Object.keys(left)[0];
        return compare(type.fields[tag(left)].type, left[name], right[name], types);
    }
    case "String": return Buffer.compare(Buffer.from(left), Buffer.from(right));
    case "Array":
        for (let i = 0; i < Math.min(left.length, right.length); i++) {
            const order = compare(type.of, left[i], right[i], types);
            if (order !== 0) return order;
        }
        return left.length - right.length;
    default: return left < right ? -1 : left > right ? 1 : 0;
    }
}

// A RawModuleDef V10, with its sections by name.
export function decodeModule(bytes) {
    const reader = new Reader(bytes);
    const version = reader.u8();
    if (version !== 2) throw new Error(`module definition of version tag ${version}`);
    const module = {};
    const text = () => reader.string();
    const u16s = () => reader.array(() => reader.u16());
    const sections = [
        ["types", () => reader.array(() => readType(reader))],
        ["typeNames", () => reader.array(() => ({ scope: reader.array(text), name: text(), ref: reader.u32(), custom: reader.bool() }))],
        ["tables", () => reader.array(() => ({
            name: text(), ref: reader.u32(), primaryKey: u16s(),
            indexes: reader.array(() => ({
                name: reader.option(text), accessor: reader.option(text),
                ...[() => ({ kind: "btree", columns: u16s() }), () => ({ kind: "hash", columns: u16s() }),
                    () => ({ kind: "direct", columns: [reader.u16()] })][reader.u8()](),
            })),
            constraints: reader.array(() => {
                const name = reader.option(text);
                if (reader.u8() !== 0) throw new Error("constraint tag");
                return { name, columns: u16s() };
            }),
            sequences: reader.array(() => ({
                name: reader.option(text), column: reader.u16(), start: reader.option(() => reader.big(16, true)),
                min: reader.option(() => reader.big(16, true)), max: reader.option(() => reader.big(16, true)),
                increment: reader.big(16, true),
            })),
            type: ["system", "user"][reader.u8()], access: ["public", "private"][reader.u8()],
            defaults: reader.array(() => ({ column: reader.u16(), value: reader.raw(reader.u32()) })),
            isEvent: reader.bool(),
        }))],
        ["reducers", () => reader.array(() => ({
            name: text(), params: { tag: "Product", fields: readFields(reader) },
            visibility: ["private", "client"][reader.u8()], ok: readType(reader), err: readType(reader),
        }))],
        ["procedures", () => reader.array(() => ({
            name: text(), params: { tag: "Product", fields: readFields(reader) }, returns: readType(reader), visibility: reader.u8(),
        }))],
        ["views", () => reader.array(() => ({
            name: text(), index: reader.u32(), isPublic: reader.bool(), isAnonymous: reader.bool(),
            params: { tag: "Product", fields: readFields(reader) }, returns: readType(reader),
        }))],
        ["schedules", () => reader.array(() => ({ name: reader.option(text), table: text(), column: reader.u16(), reducer: text() }))],
        ["lifecycle", () => reader.array(() => ({ event: ["init", "connected", "disconnected"][reader.u8()], reducer: text() }))],
        ["rls", () => reader.array(text)],
        ["casePolicy", () => ["none", "snake"][reader.u8()]],
        ["explicitNames", () => reader.array(() => ({ kind: reader.u8(), source: text(), canonical: text() }))],
        ["handlers", () => reader.array(text)],
        ["routes", () => reader.array(() => ({
            handler: text(), method: reader.u8() === 0 ? "any" : reader.u8(), path: text(),
        }))],
        ["viewKeys", () => reader.array(() => ({ view: text(), columns: reader.array(text) }))],
    ];
    for (let count = reader.u32(); count > 0; count--) {
        const tag = reader.u8();
        if (tag >= sections.length) throw new Error(`section tag ${tag}`);
        const [name, read] = sections[tag];
        if (name in module) throw new Error(`section ${name} twice`);
        module[name] = read();
    }
    reader.end();
    return module;
}
