#!/usr/bin/env python3
"""clients_test.py - goal: messages come compressed where that is wanted and allowed; who never reads is let go, and
nobody else notices (websocket.md 2.2, 2.5).

    clients_test.py PROGRAM

Method: clients that ask for each compression, compared byte by byte with one that asks for none; a client that stops
reading while another one writes and a third one reads."""

import ctypes
import gzip
import os
import struct
import sys

from harness import Server, WebSocket, call, compile_module, subscribe

MODULE = """
STDB_TABLE(Note, note, PUBLIC, (u32, id, PRIMARY_KEY), (String, text));
STDB_REDUCER(fill, ctx, (u32, from), (u32, count), (String, text)) {
    for (u32 i = 0; i < count; i++) STDB_TRY(note_insert(&(Note){.id = from + i, .text = text}));
    return STDB_OK;
}
STDB_REDUCER(replace, ctx, (u32, id), (String, text)) {
    return note_update_by_id(&(Note){.id = id, .text = text});
}
"""
# What a client that does not read may make the server keep: OUTBOX_BYTES_MAX, and what lies around it.
KEPT_BYTES_MAX = 400 << 20
READ_AFTER_CALLS = 64


def brotli(data):
    library = ctypes.CDLL("libbrotlidec.so.1")
    count = ctypes.c_size_t(64 << 20)
    out = ctypes.create_string_buffer(count.value)
    assert library.BrotliDecoderDecompress(ctypes.c_size_t(len(data)), data, ctypes.byref(count), out) == 1
    return out.raw[:count.value]


def unpack(message):
    return {0: lambda data: data, 1: brotli, 2: gzip.decompress}[message[0]](message[1:])


def arguments(*values):
    return b"".join(struct.pack("<I", v) if isinstance(v, int) else struct.pack("<I", len(v)) + v.encode() for v in values)


class Test:
    def __init__(self, program, config):
        self.server = Server(program, config=config).start()
        self.owner = self.server.new_user()
        answer = self.owner.publish("c", compile_module(MODULE, self.server.directory))
        assert answer.status == 200, answer

    def connect(self, query="", protocol="v2.bsatn.spacetimedb"):
        client = WebSocket(self.server.port, f"/v1/database/c/subscribe?{query}", self.owner.token, protocol)
        assert client.status == 101, client.body
        assert client.receive()[0] == 0  # the hello is short: never compressed
        return client

    def resident(self):
        with open(f"/proc/{self.server.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def remove(self):
        self.server.remove()


def messages_are_compressed(program):
    test = Test(program, "[websocket]\ncompression = true\n")
    queries = {"compression=None": 0, "": 1, "compression=Brotli": 1, "compression=Gzip": 2}
    for protocol in ("v1.bsatn.spacetimedb", "v2.bsatn.spacetimedb", "v3.bsatn.spacetimedb"):
        assert test.owner.sql("c", "DELETE FROM note").status == 200
        assert test.owner.call("c", "fill", 0, 300, "the same text again and again").status == 200
        clients = {query: test.connect(query, protocol) for query in queries}
        said = {}
        for query, client in clients.items():
            if protocol[1] == "1":  # v1 Subscribe
                client.send(b"\1" + struct.pack("<I", 1) + struct.pack("<I", 18) + b"SELECT * FROM note" + struct.pack("<I", 7))
            else:
                client.send(subscribe(7, 1, "SELECT * FROM note"))
            said[query] = [client.receive()]
        # One row: short. 200 rows: long, and the same message for all four clients. v3 may join what waits: each is read
        # before the next one comes.
        for first, count, text in ((1000, 1, "short"), (2000, 200, "long")):
            assert test.owner.call("c", "fill", first, count, text).status == 200
            for query, client in clients.items():
                said[query].append(client.receive())
        for query in queries:
            assert [message[0] for message in said[query]] == [queries[query], 0, queries[query]], \
                (protocol, query, [message[0] for message in said[query]])
        plain = [unpack(message) for message in said["compression=None"]]
        assert len(plain[0]) > 1024 and len(plain[1]) <= 1024 and len(plain[2]) > 1024
        for query in queries:
            for at, message in enumerate(said[query]):
                same = unpack(message)
                if protocol[1] == "1":  # v1 says how long it took, and whose call it was
                    assert len(same) == len(plain[at]), (protocol, query, at)
                else:
                    assert same == plain[at], (protocol, query, at)
                if queries[query] and at != 1:
                    assert len(message) < len(same) // 2
        for client in clients.values():
            client.close()
    test.remove()


def nothing_is_compressed_by_default(program):
    test = Test(program, None)
    assert test.owner.call("c", "fill", 0, 300, "the same text again and again").status == 200
    client = test.connect("compression=Gzip")
    client.send(subscribe(7, 1, "SELECT * FROM note"))
    message = client.receive()
    assert message[0] == 0 and len(message) > 1024
    test.remove()


def who_never_reads_is_let_go(program):
    test = Test(program, None)
    text = "x" * 60000
    assert test.owner.call("c", "fill", 1, 1, text).status == 200
    before = test.resident()
    slow, reader, writer = test.connect("confirmed=false"), test.connect("confirmed=false"), test.connect("confirmed=false")
    for client in (slow, reader):
        client.send(subscribe(1, 1, "SELECT * FROM note"))
    assert len(reader.receive()) > 60000
    most = 0
    calls = 6000  # 60,000 bytes out and in again each: more than may wait, and than sockets hold
    seen = 0
    for i in range(calls):
        writer.send(call(i, "replace", arguments(1, f"{i:06}" + text)))
        answer = writer.receive()
        assert answer[1] == 6, answer[:40]  # ReducerResult
        update = reader.receive()
        assert update[1] == 4 and f"{i:06}".encode() in update  # in order, none missed
        seen += 1
        if i % READ_AFTER_CALLS == 0:
            most = max(most, test.resident() - before)
    assert seen == calls
    assert most < KEPT_BYTES_MAX, f"{most >> 20} MB were kept for a client that does not read"
    # What lies in the socket can still be read; then it ends, without a close frame.
    slow.socket.settimeout(30)
    count = 0
    try:
        while True:
            message = slow.receive()
            assert message[0] != "close", message
            count += 1
    except (ConnectionError, OSError):
        pass
    assert 0 < count < calls, f"{count} messages were kept for a client that does not read"
    after = test.resident() - before
    assert after < KEPT_BYTES_MAX // 2, f"{after >> 20} MB are still there"
    test.remove()


def main():
    program = sys.argv[1]
    for test in (messages_are_compressed, nothing_is_compressed_by_default, who_never_reads_is_let_go):
        test(program)
        print(f"ok {test.__name__}")


main()
