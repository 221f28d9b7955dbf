#!/usr/bin/env python3
"""limits_test.py - goal: an owner sets the limits of one database's module (docs/sql.md, system variables); others keep
the server's.

    limits_test.py PROGRAM

Method: modules that spin and that take memory, before and after SET, and after a restart."""

import sys
import time

from harness import Server, compile_module

# Numbers that follow from each other: no compiler makes a formula of it.
MODULE = """
STDB_TABLE(Item, item, PUBLIC, (u32, id, PRIMARY_KEY));
STDB_REDUCER(spin, ctx, (u64, rounds)) {
    u64 value = rounds;
    for (u64 i = 0; i < rounds; i++) value = value * 6364136223846793005u + (value >> 33);
    return value == 1 ? stdb_fail("what a coincidence") : STDB_OK;
}
STDB_REDUCER(grow, ctx, (u32, pages)) {
    if (__builtin_wasm_memory_grow(0, pages) == (__SIZE_TYPE__)-1) return stdb_fail("no more memory");
    return STDB_OK;
}
"""
ENDLESS = 1 << 62
PAGES = 1024  # 64 MiB


def main():
    server = Server(sys.argv[1], config="[wasm]\ncall-seconds = 4\n").start()
    owner = server.new_user()
    program = compile_module(MODULE, server.directory)
    for name in ("bounded", "free"):
        answer = owner.publish(name, program)
        assert answer.status == 200, answer
        answer = owner.call(name, "grow", PAGES)
        assert answer.status == 200, answer
    assert owner.sql("bounded", "SET call_seconds = 1").status == 200
    assert owner.sql("bounded", f"SET memory_bytes = {32 << 20}").status == 200
    stranger = server.new_user()
    assert stranger.sql("free", "SET call_seconds = 1").status != 200

    def spin(name):
        begin = time.process_time(), time.monotonic()
        answer = owner.call(name, "spin", ENDLESS)
        assert answer.status == 402, answer
        return time.monotonic() - begin[1]

    for _ in range(2):
        bounded, free = spin("bounded"), spin("free")
        # Processor time; a busy machine only makes them longer.
        assert bounded >= 0.5 and free >= 3.5 and bounded < free, (bounded, free)
        # The fresh instances have the memory that is allowed.
        answer = owner.call("bounded", "grow", PAGES)
        assert answer.status == 530 and "no more memory" in answer.text(), answer
        answer = owner.call("free", "grow", PAGES)
        assert answer.status == 200, answer
        server.stop()
        server.start()
    # What an owner sets beyond the server's limit is the server's; and what is deleted as well.
    assert owner.sql("bounded", "SET call_seconds = 1000").status == 200
    assert spin("bounded") >= 3.5
    assert owner.sql("bounded", "DELETE FROM st_var").status == 200
    assert owner.call("bounded", "spin", 1000).status == 200
    server.remove()
    print("ok")


main()
