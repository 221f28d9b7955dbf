#!/usr/bin/env python3
"""snapshot_reader.py - reads a snapshot by the book (spec: storage.md 5 and 11) and holds it against the log.

    snapshot_reader.py DUMP [GOLDEN]

DUMP is the program of dump.c. It makes a database, whose snapshot is read here: hashes, pages, free lists, granules,
blobs, rows; they must be the rows that the program prints after replaying the log. With GOLDEN the same is done with
the snapshot that an unmodified server wrote. Nothing here is shared with the program but the format.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

# ---- BLAKE3, from its paper ----

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
MASK = 0xFFFFFFFF
QUARTERS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def compress(chaining, block, counter, length, flags):
    v = chaining + IV[:4] + [counter & MASK, counter >> 32, length, flags]
    m = list(block)
    for round_number in range(7):
        for i, (a, b, c, d) in enumerate(QUARTERS):
            for x, left, right in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = (v[a] + v[b] + x) & MASK
                v[d] ^= v[a]
                v[d] = (v[d] >> left | v[d] << (32 - left)) & MASK
                v[c] = (v[c] + v[d]) & MASK
                v[b] ^= v[c]
                v[b] = (v[b] >> right | v[b] << (32 - right)) & MASK
        m = [m[p] for p in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)] + [v[i + 8] ^ chaining[i] for i in range(8)]


def words(block):
    return struct.unpack("<16I", block.ljust(64, b"\0"))


def chunk_state(chunk, counter):
    """The arguments of the chunk's last compression, which may be the root."""
    chaining = IV
    blocks = [chunk[i:i + 64] for i in range(0, len(chunk), 64)] or [b""]
    for i, block in enumerate(blocks):
        flags = (CHUNK_START if i == 0 else 0) | (CHUNK_END if i == len(blocks) - 1 else 0)
        if i == len(blocks) - 1:
            return (chaining, words(block), counter, len(block), flags)
        chaining = compress(chaining, words(block), counter, 64, flags)[:8]


def tree_state(chunks, first):
    if len(chunks) == 1:
        return chunk_state(chunks[0], first)
    left = 1
    while left * 2 < len(chunks):
        left *= 2
    low = compress(*tree_state(chunks[:left], first))[:8]
    high = compress(*tree_state(chunks[left:], first + left))[:8]
    return (IV, low + high, 0, 64, PARENT)


def blake3(data):
    chunks = [data[i:i + 1024] for i in range(0, len(data), 1024)] or [b""]
    chaining, block, counter, length, flags = tree_state(chunks, 0)
    return struct.pack("<8I", *compress(chaining, block, counter, length, flags | ROOT)[:8])


assert blake3(b"").hex().startswith("af1349b9f5f9a1a6a0404dea36dcc949")

# ---- types ----

SCALARS = {5: 1, 6: 1, 7: 1, 8: 2, 9: 2, 10: 4, 11: 4, 12: 8, 13: 8, 14: 16, 15: 16, 16: 32, 17: 32, 18: 4, 19: 8}


class Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        assert self.at + count <= len(self.data), "cut short"
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, bytes_):
        return int.from_bytes(self.take(bytes_), "little")

    def blob(self):
        return self.take(self.number(4))


def read_type(cursor):
    tag = cursor.number(1)
    if tag in (1, 2):
        elements = []
        for _ in range(cursor.number(4)):
            if cursor.number(1) == 0:
                cursor.blob()
            elements.append(read_type(cursor))
        return (tag, elements)
    if tag == 3:
        return (3, read_type(cursor))
    return (tag, None)


def up(value, align):
    return (value + align - 1) // align * align


def layout(t):
    """Size and alignment of the fixed part."""
    tag, inner = t
    if tag in SCALARS:
        return SCALARS[tag], SCALARS[tag]
    if tag in (3, 4):
        return 4, 2
    layouts = [layout(e) for e in inner]
    align = max([a for _, a in layouts] + [1])
    if tag == 1:
        return align + up(max([s for s, _ in layouts] + [0]), align), align
    at = 0
    for size, a in layouts:
        at = up(at, a) + size
    return up(at, align), align


# ---- pages ----

PAGE = 65472


class Snapshot:
    def __init__(self, directory, offset):
        self.directory = os.path.join(directory, "%020d.snapshot_dir" % offset)
        data = open(os.path.join(self.directory, "%020d.snapshot_bsatn" % offset), "rb").read()
        assert blake3(data[32:]) == data[:32], "hash of the list"
        cursor = Cursor(data[32:])
        assert cursor.blob() == b"txyz" and cursor.number(1) == 0
        self.database = cursor.take(32)
        self.replica = cursor.number(8)
        assert [cursor.number(2) for _ in range(cursor.number(4))] == [7, 0]
        assert cursor.number(8) == offset
        self.blob_uses = {cursor.blob(): cursor.number(4) for _ in range(cursor.number(4))}
        self.tables = {}
        for _ in range(cursor.number(4)):
            table = cursor.number(4)
            self.tables[table] = [cursor.blob() for _ in range(cursor.number(4))]
        assert cursor.at == len(cursor.data)
        self.blobs_seen = {}

    def object(self, name):
        path = os.path.join(self.directory, "objects", name.hex()[:2], name.hex()[2:])
        return open(path, "rb").read()

    def read_page(self, name, row_bytes):
        file = self.object(name)
        cursor = Cursor(file)
        fixed = cursor.take(6)
        bitset = cursor.take(8 * cursor.number(4))
        variable = cursor.take(8)
        assert cursor.number(1) == 0 and cursor.blob() == name
        data = cursor.blob()
        assert cursor.at == len(file) and len(data) == PAGE
        assert blake3(data + fixed + bitset + variable) == name, "hash of a page"
        next_free, last, count = struct.unpack("<3H", fixed)
        slots = [i for i in range(len(bitset) * 8) if bitset[i // 8] >> (i % 8) & 1]
        assert len(slots) == count and all((s + 1) * row_bytes <= last for s in slots)
        free = set()
        while next_free != PAGE:
            assert next_free % row_bytes == 0 and next_free < last and next_free not in free
            free.add(next_free)
            next_free = struct.unpack_from("<H", data, next_free)[0]
        assert sorted(free | {s * row_bytes for s in slots}) == list(range(0, last, row_bytes))
        return data, slots, struct.unpack("<4H", variable)

    def content(self, data, at, used):
        length, granule = struct.unpack_from("<2H", data, at)
        left = 32 if length == 0xFFFF else length
        out = b""
        while left > 0:
            assert granule % 64 == 0 and granule not in used
            used.add(granule)
            header = struct.unpack_from("<H", data, granule)[0]
            count = header & 63
            assert 0 < count <= min(62, left)
            out += data[granule + 2:granule + 2 + count]
            left -= count
            granule = header & 0xFFC0
        assert granule == 0 or length == 0
        if length != 0xFFFF:
            return out
        self.blobs_seen[out] = self.blobs_seen.get(out, 0) + 1
        blob = self.object(out)
        assert blake3(blob) == out, "hash of a blob"
        return blob

    def value(self, t, data, at, used):
        """The BSATN of what lies at `at`."""
        tag, inner = t
        if tag in SCALARS:
            return data[at:at + SCALARS[tag]]
        if tag == 4:
            text = self.content(data, at, used)
            text.decode("utf-8")
            return struct.pack("<I", len(text)) + text
        if tag == 3:
            return self.content(data, at, used)
        if tag == 1:
            variant = data[at]
            payload = max([layout(e)[1] for e in inner] + [1])
            return bytes([variant]) + self.value(inner[variant], data, at + payload, used)
        out = b""
        for element in inner:
            size, align = layout(element)
            at = up(at, align)
            out += self.value(element, data, at, used)
            at += size
        return out

    def rows(self, table, row_type):
        size, _ = layout(row_type)
        row_bytes = max(2, up(size, 2))
        out = []
        for name in self.tables.get(table, []):
            data, slots, (next_free, free, first, granules) = self.read_page(name, row_bytes)
            used = set()
            for slot in slots:
                out.append(self.value(row_type, data, slot * row_bytes, used))
            assert len(used) == granules and (not used or min(used) >= first)
        return out


STRING, U16, U32, BYTES = (4, None), (9, None), (11, None), (3, (7, None))
ST_COLUMN = (2, [U32, U16, STRING, BYTES])


def read_snapshot(directory, offset):
    snapshot = Snapshot(directory, offset)
    columns = {}
    for row in snapshot.rows(2, ST_COLUMN):
        cursor = Cursor(row)
        table, position = cursor.number(4), cursor.number(2)
        cursor.blob()
        columns.setdefault(table, {})[position] = read_type(Cursor(cursor.blob()))
    snapshot.blobs_seen = {}
    rows = []
    for table in snapshot.tables:
        row_type = (2, [columns[table][i] for i in range(len(columns[table]))])
        rows += [(table, row) for row in snapshot.rows(table, row_type)]
    assert snapshot.blobs_seen == snapshot.blob_uses, "uses of blobs"
    return snapshot, sorted(rows)


def dumped(program, arguments):
    text = subprocess.run([program] + arguments, check=True, stdout=subprocess.PIPE).stdout.decode()
    rows = [line.split(" ") for line in text.split("\n") if line]
    return sorted((int(table), bytes.fromhex(row)) for table, row in rows)


def check_ours(program):
    directory = tempfile.mkdtemp()
    try:
        expected = dumped(program, ["--make", directory])
        snapshots = os.path.join(directory, "snapshots")
        names = [n for n in os.listdir(snapshots) if n.endswith(".snapshot_dir")]
        assert len(names) == 1 and len(os.listdir(snapshots)) == 1, os.listdir(snapshots)
        snapshot, rows = read_snapshot(snapshots, int(names[0].split(".")[0]))
        assert rows == expected, "the snapshot has other rows than the log"
        assert snapshot.database[0] == 0x42
        print("ours: %d tables, %d rows, %d blobs" % (len(snapshot.tables), len(rows), len(snapshot.blob_uses)))
    finally:
        shutil.rmtree(directory)


def check_golden(program, golden):
    directory = tempfile.mkdtemp()
    try:
        replica = os.path.join(golden, "data", "replicas", "1")
        os.makedirs(os.path.join(directory, "clog"))
        for name in os.listdir(os.path.join(replica, "clog")):
            shutil.copyfile(os.path.join(replica, "clog", name), os.path.join(directory, "clog", name))
        snapshot, rows = read_snapshot(os.path.join(replica, "snapshots"), 0)
        # Our program adds the system tables that the older server does not have; sequences count on there.
        expected = [r for r in dumped(program, [directory]) if r[0] >= 4096]
        assert [r for r in rows if r[0] >= 4096] == expected, "golden: other rows"
        print("golden: %d tables, %d rows, %d blobs" % (len(snapshot.tables), len(rows), len(snapshot.blob_uses)))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    check_ours(sys.argv[1])
    if len(sys.argv) > 2:
        check_golden(sys.argv[1], sys.argv[2])
