#!/usr/bin/env python3
"""initial_client.py - subscribes to a large table again and again, each time on a new connection, and times it.

    initial_client.py HOST:PORT DATABASE SQL ROUNDS MESSAGE_BYTES_MIN

Prints the least and the median of milliseconds from the request's first byte to the answer's last one, and what as
many bytes cost over a bare loopback connection with the same reads. Ends with 1 on an answer that is not one.
"""
import os
import socket
import struct
import sys
import threading
import time

SUBSCRIBE, SUBSCRIBE_APPLIED = 0, 1


def connect(host, port, database):
    """An open v3 connection, its handshake read."""
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall((f"GET /v1/database/{database}/subscribe?compression=None HTTP/1.1\r\nHost: {host}:{port}\r\n"
                  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                  "Sec-WebSocket-Protocol: v2.bsatn.spacetimedb\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise SystemExit("the server hung up")
        head += byte
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise SystemExit(head.decode())
    return sock


def read_exactly(sock, view):
    at = 0
    while at < len(view):
        count = sock.recv_into(view[at:])
        if count == 0:
            raise SystemExit("the server hung up")
        at += count


def read_message(sock, buffer):
    """One message, its frames put together at the start of the buffer. Its length."""
    length = 0
    while True:
        head = bytearray(2)
        read_exactly(sock, memoryview(head))
        size = head[1] & 127
        if size >= 126:
            wide = bytearray(2 if size == 126 else 8)
            read_exactly(sock, memoryview(wide))
            size = int.from_bytes(wide, "big")
        if head[0] & 15 >= 8:  # pings are not worth an answer here; the last frame of a connection is a failure
            control = bytearray(size)
            read_exactly(sock, memoryview(control))
            if head[0] & 15 == 8:
                raise SystemExit(f"the server closed: {bytes(control)}")
            continue
        read_exactly(sock, memoryview(buffer)[length:length + size])
        length += size
        if head[0] & 128:
            return length


def masked_frame(payload):
    assert len(payload) < 126
    return bytes([0x82, 128 | len(payload)]) + bytes(4) + payload


def subscribe_once(host, port, database, sql, buffer):
    """Milliseconds, and the answer's bytes."""
    sock = connect(host, port, database)
    read_message(sock, buffer)  # InitialConnection
    text = sql.encode()
    request = struct.pack("<BIIII", SUBSCRIBE, 1, 1, 1, len(text)) + text
    begin = time.perf_counter()
    sock.sendall(masked_frame(request))
    length = read_message(sock, buffer)
    passed = time.perf_counter() - begin
    sock.close()
    if buffer[0] != 0 or buffer[1] != SUBSCRIBE_APPLIED:
        raise SystemExit(f"no answer to a subscription: {bytes(buffer[:200])}")
    return passed * 1000, length


def loopback_once(length, buffer):
    """The same bytes from memory that is there, over a loopback connection."""
    server = socket.create_server(("127.0.0.1", 0))
    source = bytes(length)

    def send():
        peer, _ = server.accept()
        peer.recv(1)
        peer.sendall(source)
        peer.close()

    thread = threading.Thread(target=send)
    thread.start()
    sock = socket.create_connection(server.getsockname())
    begin = time.perf_counter()
    sock.sendall(b"1")
    read_exactly(sock, memoryview(buffer)[:length])
    passed = time.perf_counter() - begin
    thread.join()
    sock.close()
    server.close()
    return passed * 1000


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    database, sql, rounds, bytes_min = sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    buffer = bytearray(4 * bytes_min + (1 << 20))
    for page in range(0, len(buffer), os.sysconf("SC_PAGE_SIZE")):
        buffer[page] = 1
    times, bare, length = [], [], 0
    for _ in range(rounds):
        passed, length = subscribe_once(host, int(port), database, sql, buffer)
        if length < bytes_min:
            raise SystemExit(f"{length} bytes, not {bytes_min}")
        times.append(passed)
        bare.append(loopback_once(length, buffer))
    times.sort()
    bare.sort()
    print(f"{times[0]:.2f} {times[len(times) // 2]:.2f} {bare[0]:.2f} {bare[len(bare) // 2]:.2f} {length}")


main()
