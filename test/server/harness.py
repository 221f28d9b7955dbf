"""harness.py - a server process to test, modules to publish, and plain HTTP and WebSocket clients."""

import base64
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLANG = next((name for name in (os.environ.get("CLANG"), "clang-19", "clang") if name and shutil.which(name)), None)
START_SECONDS = 60


class Server:
    """Owns a directory; can be stopped, killed and started again on it."""

    def __init__(self, program, *flags, config=None):
        self.program = os.path.abspath(program)
        self.flags = flags
        self.directory = tempfile.mkdtemp(prefix="server-test-")
        self.data = os.path.join(self.directory, "data")
        self.log = os.path.join(self.directory, "server.log")
        if config is not None:
            os.makedirs(self.data)
            with open(os.path.join(self.data, "config.toml"), "w") as file:
                file.write(config)
        self.process = None
        self.port = 0

    def command(self):
        return [self.program, "start", "--data-dir", self.data, "--jwt-key-dir", self.data,
                "--listen-addr", "127.0.0.1:0", *self.flags]

    def start(self, environment=None):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=subprocess.STDOUT,
                                            env={**os.environ, **(environment or {})})
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            found = re.search(r"Starting SpacetimeDB listening on 127\.0\.0\.1:(\d+)\n", self.text())
            if found:
                self.port = int(found.group(1))
                return self
            time.sleep(0.02)
        raise AssertionError("the server did not start:\n" + self.text())

    def text(self):
        with open(self.log) as log:
            return log.read()

    def stop(self, how=signal.SIGINT):
        """The exit status; what hangs is killed and fails."""
        self.process.send_signal(how)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not stop:\n" + self.text()) from None
        self.process = None
        return status

    def remove(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def request(self, method, path, body=None, token=None, headers=None):
        return request(self.port, method, path, body, token, headers)

    def new_user(self):
        answer = self.request("POST", "/v1/identity").json()
        return User(self, answer["identity"], answer["token"])


class User:
    def __init__(self, server, identity, token):
        self.server, self.identity, self.token = server, identity, token

    def request(self, method, path, body=None, headers=None):
        return self.server.request(method, path, body, self.token, headers)

    def publish(self, name, program, query=""):
        return self.request("PUT", f"/v1/database/{name}{query}", program)

    def call(self, name, reducer, *arguments):
        return self.request("POST", f"/v1/database/{name}/call/{reducer}", json.dumps(arguments),
                            {"content-type": "application/json"})

    def sql(self, name, text):
        return self.request("POST", f"/v1/database/{name}/sql", text)

    def rows(self, name, text):
        answer = self.sql(name, text)
        assert answer.status == 200, answer
        return sorted(answer.json()[0]["rows"])


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:2000]!r}"


def request(port, method, path, body=None, token=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    all_headers = dict(headers or {})
    if token:
        all_headers["authorization"] = "Bearer " + token
    connection.request(method, path, body, all_headers)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def compile_module(source, directory):
    """A C module's bytes."""
    path = os.path.join(directory, "module.c")
    with open(path, "w") as file:
        file.write("#define STDB_SHORT_NAMES\n#include <spacetime/module.h>\n" + source)
    output = os.path.join(directory, "module.wasm")
    library = sorted(glob.glob(os.path.join(ROOT, "sdk/c/*.c")))
    subprocess.run([CLANG, "@sdk/c/flags", "-Iinclude", *library, path, "-o", output], cwd=ROOT, check=True)
    with open(output, "rb") as file:
        return file.read()


class WebSocket:
    """Enough of RFC 6455 to be a client: one frame at a time, masked with zeros."""

    def __init__(self, port, path, token=None, protocols="v2.bsatn.spacetimedb", headers=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        lines = {"host": "x", "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
                 "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", "sec-websocket-protocol": protocols}
        if token:
            lines["authorization"] = "Bearer " + token
        lines.update(headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
        self.body = b""
        if self.status != 101:
            while len(self.buffer) < int(self.headers.get("content-length", 0)):
                self.more()
            self.body = self.buffer

    def more(self):
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("closed")
        self.buffer += part

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def frame(self):
        """Opcode, whether it is the last, payload."""
        first, second = self.take(2)
        count = second & 0x7F
        if count == 126:
            count = struct.unpack(">H", self.take(2))[0]
        elif count == 127:
            count = struct.unpack(">Q", self.take(8))[0]
        return first & 0x0F, bool(first & 0x80), self.take(count)

    def receive(self):
        """The next message; pings are answered. A close frame is ("close", code, reason)."""
        message = b""
        while True:
            opcode, is_last, payload = self.frame()
            if opcode == 9:
                self.send_frame(10, payload)
            elif opcode == 8:
                return ("close", struct.unpack(">H", payload[:2])[0], payload[2:].decode())
            elif opcode != 10:
                message += payload
                if is_last:
                    return message

    def send_frame(self, opcode, payload):
        count = len(payload)
        size = bytes([0x80 | count]) if count < 126 else b"\xfe" + struct.pack(">H", count) if count < 65536 \
            else b"\xff" + struct.pack(">Q", count)
        self.socket.sendall(bytes([0x80 | opcode]) + size + bytes(4) + payload)

    def send(self, payload):
        self.send_frame(2, payload)

    def close(self):
        self.socket.close()


def bsatn_text(text):
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def subscribe(request_id, query_set, *queries):
    return b"\0" + struct.pack("<III", request_id, query_set, len(queries)) + b"".join(map(bsatn_text, queries))


def call(request_id, reducer, arguments=b""):
    return b"\3" + struct.pack("<IB", request_id, 0) + bsatn_text(reducer) + struct.pack("<I", len(arguments)) + arguments
