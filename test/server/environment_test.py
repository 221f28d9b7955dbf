#!/usr/bin/env python3
"""environment_test.py - goal: environment variables from a publish to the module, energy balances, and an update that does not
wait for the disk longer than it is told (since-2.8.md 6.1, http-api.md 6.2 and 7.1).

    environment_test.py PROGRAM

Method: a module written out by hand that requires API_KEY and may have MODE, "a" or "b"; its reducer answers with their
values. Headers in every way of quoting, wrong ones, changes by publish and by route, a restart."""

import os
import subprocess
import sys

from harness import CLANG, ROOT, Server

MODULE = r"""
#include <stdint.h>
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
IMPORT("spacetime_10.0", "bytes_sink_write") uint32_t sink_write(uint32_t, const void *, uint32_t *);
IMPORT("spacetime_10.0", "bytes_source_read") int32_t source_read(uint32_t, void *, uint32_t *);
IMPORT("spacetime_10.6", "env_get") uint32_t env_get(const char *, uint32_t, uint32_t *);

static const uint8_t DESCRIPTION[] = {2, 2, 0, 0, 0,
    15, 2, 0, 0, 0, 7, 0, 0, 0, 'A', 'P', 'I', '_', 'K', 'E', 'Y', 0, 0,
    4, 0, 0, 0, 'M', 'O', 'D', 'E', 2, 2, 0, 0, 0, 1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b', 1,
    3, 1, 0, 0, 0, 1, 0, 0, 0, 'r', 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 4};

static void write(uint32_t sink, const void *bytes, uint32_t count) {
    sink_write(sink, bytes, &count);
}

EXPORT("__describe_module__") void describe_module(uint32_t sink) {
    write(sink, DESCRIPTION, sizeof DESCRIPTION);
}

static void show(uint32_t sink, const char *key, uint32_t count) {
    static char text[10000];
    uint32_t source = 0;
    if (env_get(key, count, &source) != 0) __builtin_trap();
    uint32_t length = sizeof text;
    if (source == 0) {
        write(sink, "-", 1);
    } else {
        source_read(source, text, &length);
        write(sink, text, length);
    }
}

EXPORT("__call_reducer__") int32_t call_reducer(uint32_t id, uint64_t s0, uint64_t s1, uint64_t s2, uint64_t s3,
        uint64_t c0, uint64_t c1, int64_t timestamp, uint32_t arguments, uint32_t error) {
    static const char version[] = "VERSION ";
    show(error, "API_KEY", 7);
    write(error, "|", 1);
    show(error, "MODE", 4);
    if (id == 99) write(error, version, sizeof version - 1);
    return 1;
}
"""
SET, REMOVE = "spacetime-environment", "spacetime-environment-remove"
MISSING = {"MissingRequiredEnvironment": {"keys": ["API_KEY"]}}


def build(directory, version=""):
    path, output = os.path.join(directory, "environment.c"), os.path.join(directory, "environment.wasm")
    with open(path, "w") as file:
        file.write(MODULE.replace("VERSION ", "version " + version))
    subprocess.run([CLANG, "@sdk/c/flags", "-Wno-unused-parameter", path, "-o", output], cwd=ROOT, check=True)
    with open(output, "rb") as file:
        return file.read()


class Test:
    def __init__(self, program):
        self.server = Server(program).start()
        self.owner = self.server.new_user()
        self.module = build(self.server.directory)

    def publish(self, headers, name="e", program=None, query=""):
        return self.owner.request("PUT", f"/v1/database/{name}{query}", program or self.module, headers)

    def shown(self, expected, name="e"):
        answer = self.owner.call(name, "r")
        assert answer.status == 530 and answer.text() == expected, (expected, answer)

    def metadata(self):
        answer = self.owner.request("GET", "/v1/database/e/environment")
        assert answer.status == 200, answer
        return answer.json()

    def first_publish(self):
        for headers, words in [({}, None), ({SET: "MODE=a"}, None),
                               ({SET: "API_KEY=k, MODE=c"}, "does not satisfy its declared string constraint"),
                               ({SET: "API_KEY"}, "KEY=VALUE"), ({SET: "API_KEY=a\"b"}, "malformed"),
                               ({SET: "API_KEY='a"}, "malformed"), ({SET: "API_KEY=\"a\\x\""}, "malformed"),
                               ({SET: "API_KEY=a b"}, "comma"), ({SET: "1A=b"}, "invalid name"),
                               ({SET: "API_KEY=a,API_KEY=b"}, "conflicting"),
                               ({SET: "API_KEY=" + "x" * 8193}, "value exceeds size limit"),
                               ({SET: ",".join(f"K{i}=" for i in range(300))}, "too many stored values"),
                               ({REMOVE: "*,A"}, "conflicting"), ({REMOVE: "A,A"}, "conflicting"),
                               ({SET: "A=1", REMOVE: "A"}, "conflicting")]:
            answer = self.publish(headers)
            assert answer.status == 400, (headers, answer)
            if words is None:
                assert answer.json() == {"EnvironmentError": MISSING}, (headers, answer)
            else:
                assert words in answer.text(), (headers, answer)
        assert self.owner.call("e", "r").status == 404
        answer = self.publish({SET: " API_KEY = plain!  , , MODE='b', OTHER=\"\\u00e9 \\\"x\\\"\" "})
        assert answer.status == 200, answer
        self.shown("plain!|b")
        assert self.owner.rows("e", "SELECT * FROM st_env") == [["API_KEY", "plain!"], ["MODE", "b"],
                                                                ["OTHER", "é \"x\""]]
        metadata = self.metadata()
        assert metadata["declarations"] == [
            {"name": "API_KEY", "ty": "String", "optional": False},
            {"name": "MODE", "ty": {"Union": ["a", "b"]}, "optional": True}], metadata
        assert sorted(metadata["stored_keys"]) == ["API_KEY", "MODE", "OTHER"]
        stranger = self.server.new_user()
        assert stranger.request("GET", "/v1/database/e/environment").status == 403
        assert stranger.request("PUT", "/v1/database/e/environment?expected_module_hash=" + metadata["module_hash"],
                                '{"API_KEY":"x"}').status == 403

    def publish_again(self):
        # The same program: only the values change. Another one: they are kept, and checked before it is taken.
        assert self.publish({SET: "API_KEY=''", REMOVE: "MODE"}).status == 200
        self.shown("|-")
        other = build(self.server.directory, "2")
        answer = self.publish({REMOVE: "*"}, program=other)
        assert answer.status == 400 and answer.json() == {"EnvironmentError": MISSING}, answer
        self.shown("|-")
        assert self.publish({SET: "MODE=a"}, program=other).status == 200
        self.shown("|a")
        assert self.publish({SET: "API_KEY=new"}, query="?clear=true").status == 200
        self.shown("new|-")

    def routes(self):
        path = "/v1/database/e/environment"
        expected = "?expected_module_hash=" + self.metadata()["module_hash"]
        answer = self.owner.request("PATCH", path + expected, '{"MODE":"b","EXTRA":"1"}')
        assert answer.status == 200 and answer.json() == {"Ok": None}, answer
        self.shown("new|b")
        answer = self.owner.request("PATCH", path + expected, "{}", {REMOVE: "EXTRA"})
        assert answer.status == 200 and sorted(self.metadata()["stored_keys"]) == ["API_KEY", "MODE"]
        for method, body, status, words in [("PUT", '{"MODE":"a"}', 400, {"Err": MISSING}),
                                            ("PUT", '{"API_KEY":1}', 400, "no JSON object"),
                                            ("PUT", '[]', 400, "no JSON object"),
                                            ("PUT", '{"API_KEY":"1","API_KEY":"2"}', 400, "no JSON object"),
                                            ("PATCH", '{"MODE":"z"}', 400, "constraint")]:
            answer = self.owner.request(method, path + expected, body)
            assert answer.status == status, (body, answer)
            assert answer.json() == words if isinstance(words, dict) else words in answer.text(), (body, answer)
        assert self.owner.request("PATCH", path + expected, "{}", {REMOVE: "*"}).status == 400
        assert self.owner.request("PUT", path, "{}").status == 400
        answer = self.owner.request("PUT", path + "?expected_module_hash=" + "0" * 64, '{"API_KEY":"x"}')
        assert answer.status == 409 and answer.text() == ("database program changed before publication; reload "
                                                          "environment metadata and retry"), answer
        assert self.owner.request("PUT", path + expected, '{"API_KEY":"last"}').status == 200
        self.shown("last|-")
        answer = self.owner.sql("e", "INSERT INTO st_env (key, value) VALUES ('A', 'b')")
        assert answer.status == 400, answer

    def energy(self):
        mine, other = self.owner, self.server.new_user()
        path = f"/v1/energy/{mine.identity}"
        assert self.server.request("GET", path).json() == {"balance": "0"}
        assert mine.request("POST", f"/v1/energy/{other.identity}?amount=5").json() == {"balance": "5"}
        assert mine.request("POST", path + "?amount=7").json() == {"balance": "12"}
        assert other.request("POST", path + "?amount=1").json() == {"balance": "1"}
        assert mine.request("POST", path).json() == {"balance": "12"}
        for amount in ("x", "-1", "1.5", str(1 << 128)):
            answer = mine.request("POST", path + "?amount=" + amount)
            assert answer.status == 400 and answer.body == b"", answer
        most = (1 << 127) - 1
        assert other.request("POST", path + f"?amount={(1 << 128) - 1}").json() == {"balance": str(most)}
        assert mine.request("PUT", path + "?balance=1").status == 401
        assert self.server.request("POST", path + "?amount=1").status == 401
        assert self.server.request("GET", "/v1/energy/abc").status == 400

    def restart(self):
        assert self.server.stop() == 0
        self.server.start()
        self.shown("last|-")
        assert self.server.request("GET", f"/v1/energy/{self.owner.identity}").json() == {"balance": "12"}
        # Nothing keeps the disk here: the shortest time there is suffices, or the answer says that it did not.
        answer = self.publish({}, program=build(self.server.directory, "3"), query="?update_confirmation_timeout=1ms")
        assert answer.status in (200, 504), answer
        if answer.status == 504:
            assert answer.text() == "Database update failed: timeout waiting for transaction confirmation"
        self.shown("last|-")


def main():
    test = Test(sys.argv[1])
    try:
        for part in (test.first_publish, test.publish_again, test.routes, test.energy, test.restart):
            part()
            print("ok", part.__name__)
        assert test.server.stop() == 0
    finally:
        test.server.remove()


main()
