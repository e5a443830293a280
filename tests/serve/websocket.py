# SPDX-License-Identifier: MIT
"""A WebSocket client of the standard library only, written from docs/formats/websocket.md and
RFC 6455, so that the server is tested by another hand than its own."""

import base64
import json
import os
import socket
import struct


class Refused(Exception):
    pass


class Client:
    def __init__(self, port, headers=(), greet=True, protocol="bitloom.lanes.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /api/lanes HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Key: " + key, "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Protocol: " + protocol, *headers]
        if not any(h.lower().startswith("host:") for h in headers):
            lines.append("Host: 127.0.0.1:%d" % port)
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            byte = self.socket.recv(1)
            if not byte:
                self._refuse(head)
            head += byte
        if b" 101 " not in head.split(b"\r\n")[0]:
            self._refuse(head)
        self.frames = []
        self.hello = self.receive() if greet else None

    def _refuse(self, head):
        self.socket.close()
        raise Refused(head)

    def close(self):
        self.socket.close()

    def _read(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def send_raw(self, opcode, payload, final=True):
        mask, n = os.urandom(4), len(payload)
        head = bytes([(0x80 if final else 0) | opcode])
        head += (bytes([0x80 | n]) if n < 126 else bytes([0xFE]) + struct.pack(">H", n)
                 if n < 65536 else bytes([0xFF]) + struct.pack(">Q", n))
        masked = bytes(b ^ m for b, m in zip(payload, mask * (n // 4 + 1)))
        self.socket.sendall(head + mask + masked)

    def send(self, **request):
        self.send_raw(1, json.dumps(request).encode())

    def receive(self):
        """-> a dict for a text frame, bytes for a binary one."""
        data, kind = b"", None
        while True:
            head = self._read(2)
            n = head[1] & 127
            if n == 126:
                n = struct.unpack(">H", self._read(2))[0]
            elif n == 127:
                n = struct.unpack(">Q", self._read(8))[0]
            payload, opcode = self._read(n), head[0] & 15
            if opcode == 8:
                raise EOFError("closed: %r" % payload)
            if opcode in (1, 2):
                kind = opcode
            data += payload
            if head[0] & 128:
                return json.loads(data) if kind == 1 else data

    def ask(self, **request):
        """Sends a request and returns its answer; beam frames on the way go to self.frames."""
        self.send(**request)
        while True:
            answer = self.receive()
            if isinstance(answer, bytes):
                self.frames.append(decode_frame(answer))
            elif answer.get("id") == request.get("id"):
                return answer

    def grow(self, **request):
        """A beam -> (its final answer, the list of its lanes' texts)."""
        self.frames = []
        answer = self.ask(op="beam", **request)
        texts = [b""]
        for frame in self.frames:
            if frame["id"] != request["id"]:
                continue
            texts = [texts[0 if frame["step"] == 1 else p] + bytes([b])
                     for p, b in zip(frame["parent"], frame["byte"])]
        return answer, texts


def decode_frame(data):
    kind, zero, n, identity, step = struct.unpack("<BBHII", data[:12])
    assert kind == 1 and zero == 0 and len(data) == 12 + 5 * n
    return {"id": identity, "step": step, "parent": struct.unpack("<%dH" % n, data[12:12 + 2 * n]),
            "cost": struct.unpack("<%dH" % n, data[12 + 2 * n:12 + 4 * n]), "byte": data[12 + 4 * n:]}
