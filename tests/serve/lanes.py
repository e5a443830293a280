#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The lanes protocol, version 2, over WebSocket and over a Unix socket, by a client that was written
from docs/formats/lanes.md alone: lanes.py BITLOOM TINY.safetensors"""

import http.client
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import websocket

BITLOOM, TINY = sys.argv[1:3]
(HELLO, OPEN, CLOSE, READ, LOAD, STORE, STEP, PERMUTE, RETAIN, DROP, EXPORT, IMPORT, MASK, PATTERN,
 ROLLOUT, BEAM, CREDIT, CANCEL, STATS, KEEP, RESUME) = range(21)
HEAD = struct.Struct("<IBBHII")


class Failed(Exception):
    pass


class UnixTransport:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)

    def send(self, frame):
        self.socket.sendall(frame)

    def _read(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def receive(self):
        head = self._read(16)
        return head + self._read(HEAD.unpack(head)[0])

    def close(self):
        self.socket.close()


class WebSocketTransport:
    def __init__(self, port):
        self.client = websocket.Client(port, greet=False, protocol="bitloom.lanes.2")

    def send(self, frame):
        self.client.send_raw(2, frame)

    def receive(self):
        return self.client.receive()

    def close(self):
        self.client.close()


def beam_part(texts, part):
    """The texts of the lanes behind a part of a beam."""
    _, n_steps, n_lanes = struct.unpack_from("<IHH", part)
    parents = struct.unpack_from("<%dH" % n_lanes, part, 8)
    at = 8 + 2 * n_lanes + 2 * n_steps * n_lanes
    return [texts[p] + bytes(part[at + t * n_lanes + i] for t in range(n_steps))
            for i, p in enumerate(parents)]


class Lanes:
    def __init__(self, transport, credit=0xFFFFFFFF, token=None):
        self.transport, self.sequence = transport, 0
        op, _, n, hello = self.receive()
        assert (op, n) == (0x80, 512)
        self.version, self.state_bytes, self.n_state_bits = struct.unpack_from("<III", hello)
        self.model = hello[32:64]
        if not token:
            self.ask(OPEN, struct.pack("<II", 0, credit))
            return
        try:
            self.resume(token)
        except Failed:
            transport.close()
            raise

    def keep(self):
        answer = self.ask(KEEP)[1]
        assert len(answer) == 24
        return answer[:16]

    def resume(self, token):
        """self.kept: {session: (lanes, last sequence carried out, flags)}"""
        answer = self.ask(RESUME, token)[1]
        n_sessions, self.n_stored = struct.unpack_from("<II", answer)
        assert len(answer) == 8 + 16 * n_sessions
        self.kept = {s[0]: s[1:] for s in struct.iter_unpack("<4I", answer[8:])}
        self.sequence += 1000  # its requests are told apart from those before

    def send(self, op, payload=b"", n=0, flags=0, session=1):
        self.sequence += 1
        self.transport.send(HEAD.pack(len(payload), op, flags, n, self.sequence, session) + payload)

    def receive(self):
        frame = self.transport.receive()
        n_bytes, op, _, n, sequence, _ = HEAD.unpack(frame[:16])
        assert n_bytes == len(frame) - 16
        return op, sequence, n, frame[16:]

    def answer(self):
        """-> lanes and payload of the answer, and the payloads of the parts before it."""
        parts = []
        while True:
            op, _, n, payload = self.receive()
            if op == 0xFF:
                raise Failed(payload[1], payload[4:].decode())
            if op < 0xC0:
                return n, payload, parts
            parts.append(payload)

    def ask(self, op, payload=b"", n=0, flags=0):
        self.send(op, payload, n, flags)
        return self.answer()

    def names(self, op, payload=b"", n=0):
        n, answer, _ = self.ask(op, payload, n)
        return struct.unpack("<%dQ" % n, answer)

    def read(self, text):
        return struct.unpack("<d", self.ask(READ, text, 1)[1])[0]

    def beam(self, steps, width=512, temperature=0.7, seed=1):
        n, end, parts = self.ask(BEAM, struct.pack("<IIfIQ", steps, width, temperature, 0, seed))
        texts = [b""]
        for part in parts:
            texts = beam_part(texts, part)
        assert n == len(texts) and struct.unpack("<II", end) == (steps, 0)
        return texts


class Protocol:
    """Everything once for each transport."""

    def setUp(self):
        self.lanes = Lanes(self.connect())

    def tearDown(self):
        self.lanes.transport.close()

    def test_names_follow_from_contents(self):
        l = self.lanes
        self.assertEqual(l.version, 2)
        cost = l.read(b"It was ")
        (a,) = l.names(STORE)
        l.ask(LOAD, struct.pack("<Q", 0), 1)
        self.assertAlmostEqual(l.read(b"It ") + l.read(b"was "), cost, places=9)
        (b,) = l.names(STORE)
        self.assertEqual(a, b)
        exported = l.ask(EXPORT, struct.pack("<Q", a), 1)[1]
        self.assertEqual((exported[:32], len(exported)), (l.model, 32 + l.state_bytes))
        other = Lanes(self.connect())
        (c,) = other.names(IMPORT, exported, 1)
        with self.assertRaises(Failed):
            other.ask(LOAD, struct.pack("<Q", c ^ 1), 1)
        other.ask(LOAD, struct.pack("<Q", c), 1)
        other.transport.close()

    def test_a_step_says_what_the_text_costs(self):
        l, text = self.lanes, b"the"
        whole, costs = l.ask(READ, text, 1, flags=1)[1], 0
        l.ask(LOAD, struct.pack("<Q", 0), 1)
        look = l.ask(STEP, struct.pack("<BBH", 2, 0, 0), 1, flags=1)[1]
        for i, byte in enumerate(text):
            cost = struct.unpack("<256H", look)[byte] / 256
            self.assertAlmostEqual(struct.unpack_from("<f", whole, 8 + 4 * i)[0], cost, delta=1 / 255)
            costs += cost
            look = l.ask(STEP, struct.pack("<BBH", 2, 0, 0) + bytes([byte]), 1)[1]
        self.assertAlmostEqual(struct.unpack_from("<d", whole)[0], costs, delta=0.02)

    def test_beams_fork_and_go_on(self):
        l = self.lanes
        l.read(b"It was ")
        texts = l.beam(12)
        self.assertEqual((len(texts), len(set(texts))), (512, 512))
        l.ask(PERMUTE, struct.pack("<H", 300), 1)
        (a,) = l.names(STORE)
        l.ask(LOAD, struct.pack("<Q", 0), 1)
        l.read(b"It was " + texts[300])
        self.assertEqual(l.names(STORE), (a,))

    def test_patterns_and_credit(self):
        l = Lanes(self.connect(), credit=1)
        l.ask(PATTERN, b"(one|two) [a-z]+!")
        l.send(ROLLOUT, struct.pack("<IffIQ", 200, 1.0, 1.0, 0, 3))
        first = l.receive()
        self.assertEqual(first[0], 0xC0 | ROLLOUT)
        l.send(CREDIT, struct.pack("<I", 1))
        text, n_parts = b"", 1
        payload = first[3]
        while True:
            _, n_steps, _ = struct.unpack_from("<IHH", payload)
            at = 8
            for _ in range(n_steps):
                (n,) = struct.unpack_from("<H", payload, at)
                at += 4
                for _ in range(n):
                    _, _, byte, end = struct.unpack_from("<HHBB", payload, at)
                    text += bytes([byte]) if end != 3 else b""
                    at += 6
            op, _, _, payload = l.receive()
            if op != 0xC0 | ROLLOUT:
                break
            n_parts += 1
        self.assertEqual(op, 0x80 | ROLLOUT)
        self.assertLessEqual(n_parts, 3)
        self.assertRegex(text.decode(), r"^(one|two) [a-z]*!?$")
        with self.assertRaisesRegex(Failed, "column"):
            l.ask(PATTERN, b"(one")
        l.transport.close()

    def test_mistakes_are_answered_and_nothing_is_lost(self):
        l, rng = self.lanes, random.Random(1)
        for _ in range(10):
            for _ in range(30):
                l.send(rng.randrange(LOAD, 40), os.urandom(rng.randrange(60)), rng.randrange(600),
                       rng.randrange(4), session=rng.randrange(1, 4))
            l.send(STATS, session=77)
            while l.receive()[:2] != (0x80 | STATS, l.sequence):
                pass

    def test_sessions_outlive_their_connection(self):
        l = self.lanes
        token, steps = l.keep(), struct.pack("<IIfIQ", 400, 64, 0.7, 0, 5)
        l.read(b"It was ")
        (before,) = l.names(STORE)
        done = l.sequence
        l.send(BEAM, steps)
        self.assertEqual(l.receive()[0], 0xC0 | BEAM)
        l.transport.close()  # in the middle of it
        again = Lanes(self.connect(), token=token)
        self.assertEqual((again.kept, again.n_stored), ({1: (1, done, 0)}, 1))
        texts = again.beam(400, 64, seed=5)
        names = again.names(STORE)
        again.ask(LOAD, struct.pack("<Q", before), 1)
        self.assertEqual(again.beam(400, 64, seed=5), texts)
        self.assertEqual(again.names(STORE), names)
        self.assertEqual(again.keep(), token)
        again.ask(KEEP, flags=1)
        again.transport.close()
        with self.assertRaisesRegex(Failed, "nothing is kept"):
            Lanes(self.connect(), token=token)

    def test_a_token_takes_over_from_a_connection_that_looks_alive(self):
        token = self.lanes.keep()
        self.lanes.read(b"It was ")
        again = Lanes(self.connect(), token=token)
        self.assertEqual(again.kept[1][0], 1)
        with self.assertRaises((EOFError, ConnectionError)):
            while True:
                self.lanes.send(STATS)
                self.lanes.receive()
        a = again.names(STORE)
        again.ask(LOAD, struct.pack("<Q", 0), 1)
        again.read(b"It was ")
        self.assertEqual(again.names(STORE), a)
        again.ask(KEEP, flags=1)
        again.transport.close()

    def test_wrong_tokens_open_nothing(self):
        fresh = Lanes(self.connect())
        for token in (b"", b"x" * 15, bytes(16), os.urandom(16)):
            with self.assertRaises(Failed):
                fresh.ask(RESUME, token)
        fresh.transport.close()
        with self.assertRaisesRegex(Failed, "nothing is kept"):
            Lanes(self.connect(), token=os.urandom(16))

    def test_vanishing_clients_leave_nothing_behind(self):
        for _ in range(20):
            gone = Lanes(self.connect())
            gone.send(BEAM, struct.pack("<IIfIQ", 1000, 512, 0.7, 0, 1))
            gone.send(STORE)
            gone.transport.close()
        deadline = time.time() + 20
        while time.time() < deadline:
            stats = struct.unpack("<QQQII", self.lanes.ask(STATS)[1])
            if stats[4] == 0:
                break
            time.sleep(0.01)
        self.assertEqual(stats[4], 0)


class Socket(unittest.TestCase):
    def test_a_socket_in_use_is_left_alone(self):
        folder = os.path.dirname(SOCKET)
        done = subprocess.run([BITLOOM, "serve", folder + "/tiny.loom", "--listen", "127.0.0.1:0",
                               "--socket", SOCKET], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody listens", done.stderr)
        Lanes(UnixTransport(SOCKET)).transport.close()


class Server:
    """One of its own, for a test that stops it or wants other options."""
    processes = []

    def __init__(self, *options, model=None):
        self.folder = os.path.dirname(SOCKET)
        self.socket = tempfile.mktemp(dir=self.folder, suffix=".socket")
        self.process = subprocess.Popen(
            [BITLOOM, "serve", model or self.folder + "/tiny.loom", "--listen", "127.0.0.1:0",
             "--socket", self.socket, *options], stderr=subprocess.PIPE, text=True)
        self.processes.append(self.process)
        line = self.process.stderr.readline()
        if not line.startswith("listening"):
            raise Failed(self.process.wait(), line)
        self.port = int(line.rsplit(":", 1)[1])

    def connect(self, **options):
        return Lanes(UnixTransport(self.socket), **options)

    def stop(self):
        self.process.terminate()
        errors = self.process.communicate(timeout=30)[1]
        assert self.process.returncode == 0, errors


class Stopping(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.mktemp(dir=os.path.dirname(SOCKET), suffix=".kept")

    def test_sessions_outlive_the_server(self):
        rollout = struct.pack("<IffIQ", 50, 1.0, 1.0, 0, 3)
        alone = Lanes(UnixTransport(SOCKET))  # on a server that goes on
        server = Server("--sessions", self.file)
        lanes = server.connect()
        token = lanes.keep()
        for l in (alone, lanes):
            l.read(b"It was ")
            l.ask(PERMUTE, bytes(16), 8)
            l.ask(ROLLOUT, rollout)
        names = lanes.names(STORE)
        done = lanes.sequence
        lanes.send(BEAM, struct.pack("<IIfIQ", 1000, 512, 0.7, 0, 1))  # is refused: 8 lanes
        with self.assertRaises(Failed):
            lanes.answer()
        server.stop()
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        server = Server("--sessions", self.file)
        self.assertFalse(os.path.exists(self.file))  # taken
        lanes = server.connect(token=token)
        self.assertEqual((lanes.kept, lanes.n_stored), ({1: (8, done + 1, 0)}, len(set(names))))
        for l in (alone, lanes):
            l.ask(ROLLOUT, rollout)
            l.ask(PERMUTE, struct.pack("<H", 5), 1)
        states = [l.ask(EXPORT, struct.pack("<Q", l.names(STORE)[0]), 1)[1] for l in (alone, lanes)]
        self.assertEqual(*states)
        lanes.ask(LOAD, struct.pack("<Q", names[0]), 1)
        server.stop()  # and once more, with what was added
        server = Server("--sessions", self.file)
        lanes.transport.close()
        lanes = server.connect(token=token)
        self.assertEqual(lanes.n_stored, len(set(names)) + 1)
        lanes.ask(KEEP, flags=1)
        lanes.transport.close()
        alone.transport.close()
        server.stop()

    def test_sequences_of_the_inference_protocol_too(self):
        def infer(server, data, **parameters):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("POST", "/v2/models/tiny/infer", json.dumps({
                "parameters": {"sequence_id": 7, **parameters},
                "inputs": [{"name": "bytes", "datatype": "UINT8", "shape": [len(data)],
                            "data": list(data)}]}))
            answer = json.loads(connection.getresponse().read())
            connection.close()
            return answer["outputs"][0]["data"]
        server = Server("--sessions", self.file)
        infer(server, b"It was", sequence_start=True)
        server.stop()
        server = Server("--sessions", self.file)
        after = infer(server, b" a ")
        self.assertEqual(after, infer(server, b"It was a ", sequence_start=True))
        server.stop()

    def test_a_crash_does_not_bring_states_back_twice(self):
        server = Server("--sessions", self.file)
        lanes = server.connect()
        token = lanes.keep()
        server.stop()
        server = Server("--sessions", self.file)
        server.process.kill()
        server.process.communicate()
        server = Server("--sessions", self.file)
        with self.assertRaisesRegex(Failed, "nothing is kept"):
            server.connect(token=token)
        server.stop()
        lanes.transport.close()

    def test_files_that_cannot_be_taken_are_left_alone(self):
        server = Server("--sessions", self.file)
        server.connect().keep()
        server.stop()
        other = os.path.dirname(SOCKET) + "/levels.loom"
        subprocess.run([BITLOOM, "melt", os.path.dirname(TINY) + "/levels.safetensors", "-o", other,
                        "-q"], check=True)
        whole = pathlib.Path(self.file).read_bytes()
        with self.assertRaisesRegex(Failed, "kept: byte 16: .*another model.*move it away"):
            Server("--sessions", self.file, model=other)
        self.assertEqual(pathlib.Path(self.file).read_bytes(), whole)
        pathlib.Path(self.file).write_bytes(whole[:-1])
        with self.assertRaisesRegex(Failed, "kept: byte 48: it should have"):
            Server("--sessions", self.file)
        self.assertEqual(pathlib.Path(self.file).read_bytes(), whole[:-1])
        with self.assertRaisesRegex(Failed, "may be written"):
            Server("--sessions", "/nowhere/file")

    def test_clients_are_told_and_what_is_under_way_ends(self):
        server = Server()
        page = websocket.Client(server.port)
        lanes = Lanes(WebSocketTransport(server.port))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("POST", "/v1/completions",
                           json.dumps({"prompt": "It was ", "max_tokens": 3000, "seed": 1}))
        while struct.unpack("<QQQII", lanes.ask(STATS)[1])[4] == 0:
            pass
        server.process.terminate()
        answer = json.loads(connection.getresponse().read())
        self.assertEqual(answer["usage"]["completion_tokens"], 3000)
        for client in (page, lanes.transport.client):
            with self.assertRaisesRegex(EOFError, r"x03\\xe9the server stops"):  # 1001
                client.receive()
            client.close()
        connection.close()
        server.stop()


class Keeping(unittest.TestCase):
    def test_kept_sessions_expire(self):
        server = Server("--keep-seconds", "1")
        lanes = server.connect()
        token = lanes.keep()
        lanes.transport.close()
        server.connect(token=token).transport.close()
        deadline = time.time() + 20
        while time.time() < deadline:
            time.sleep(2.5)  # each try that succeeds keeps it for another second
            try:
                server.connect(token=token).transport.close()
            except Failed:
                break
        self.assertLess(time.time(), deadline)
        server.stop()

    def test_keeping_can_be_turned_off(self):
        server = Server("--keep-seconds", "0")
        lanes = server.connect()
        with self.assertRaisesRegex(Failed, "keeps nothing"):
            lanes.keep()
        lanes.transport.close()
        server.stop()


def frame(op, payload=b"", n=0, flags=0, sequence=0):
    return HEAD.pack(len(payload), op, flags, n, sequence, 1) + payload


def request(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request(method, path, body)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.headers, data


class Rest(unittest.TestCase):
    def post(self, path, *frames):
        """-> op, sequence and payload of each answer."""
        status, headers, data = request("POST", path, b"".join(frames))
        self.assertEqual((status, headers["content-type"]), (200, "application/octet-stream"), data)
        answers = []
        while data:
            n, op, _, _, sequence, _ = HEAD.unpack(data[:16])
            answers.append((op, sequence, data[16:16 + n]))
            data = data[16 + n:]
        return answers

    def keep(self, *frames):
        answers = self.post("/v1/lanes", frame(KEEP), frame(OPEN), *frames)
        self.assertEqual([a[0] for a in answers[:3]], [0x80 | op for op in (HELLO, KEEP, OPEN)])
        return "/v1/lanes/" + answers[1][2][:16].hex()

    def test_a_body_of_frames_gets_the_frames_of_a_socket(self):
        beam = struct.pack("<IIfIQ", 20, 64, 0.7, 0, 1)
        frames = [(OPEN, b"", 0), (READ, b"It was ", 1), (BEAM, beam, 0)]
        answers = self.post("/v1/lanes", *(frame(*f) for f in frames))
        lanes, texts = Lanes(UnixTransport(SOCKET)), []
        self.assertEqual([a[0] for a in answers if a[0] < 0xC0], [0x80, 0x81, 0x80 | READ, 0x80 | BEAM])
        self.assertEqual(answers[2][2], struct.pack("<d", lanes.read(b"It was ")))
        texts = [b""]
        for op, _, part in answers:
            if op == 0xC0 | BEAM:
                texts = beam_part(texts, part)
        self.assertEqual(texts, lanes.beam(20, 64))
        lanes.transport.close()

    def test_lanes_are_kept_between_requests_and_connections(self):
        path = self.keep(frame(READ, b"It was ", 1, sequence=9))
        (stored,) = self.post(path, frame(STORE, sequence=10))
        name = "%016x" % struct.unpack("<Q", stored[2])
        self.assertEqual(json.loads(request("GET", path)[2]), {
            "is_connected": False, "states": 1, "sessions": [
                {"session": 1, "lanes": 1, "sequence": 10, "is_background": False, "has_masks": False,
                 "has_pattern": False}]})
        lanes = Lanes(UnixTransport(SOCKET), token=bytes.fromhex(path[-32:]))
        self.assertTrue(json.loads(request("GET", path)[2])["is_connected"])
        exported = lanes.ask(EXPORT, stored[2], 1)[1]
        self.assertEqual(request("GET", path + "/states/" + name)[2], exported)
        (again,) = self.post(path, frame(STORE))  # takes over
        self.assertEqual(again[2], stored[2])
        with self.assertRaises((EOFError, ConnectionError)):
            lanes.receive()
        lanes.transport.close()
        self.assertEqual(request("DELETE", path)[0], 200)
        self.assertEqual(request("POST", path, b"")[0], 404)

    def test_states_are_files(self):
        path = self.keep(frame(READ, b"It was ", 1), frame(STORE))
        _, _, answer = self.post(path, frame(STORE))[0]
        name = "%016x" % struct.unpack("<Q", answer)
        here, other = path + "/states/" + name, path + "/states/%016x" % 7
        state = request("GET", here)[2]
        self.assertEqual([request("DELETE", here)[0] for _ in range(3)], [200, 200, 404])
        self.assertEqual([request(m, here)[0] for m in ("GET", "DELETE")], [404, 404])
        self.assertEqual([(s, json.loads(d)) for s, _, d in [request("PUT", here, state)]],
                         [(200, {"name": name})])
        self.assertEqual(json.loads(request("POST", path + "/states", state)[2]), {"name": name})
        self.assertEqual(request("GET", here)[2], state)
        for body, status in ((state, 400), (state[:-1], 400), (b"x" + state[1:], 409)):
            self.assertEqual(request("PUT", other, body)[0], status)
        self.assertEqual(json.loads(request("GET", path)[2])["states"], 1)
        self.assertEqual(request("GET", path + "/states/xyz")[0], 400)
        self.assertEqual(request("PUT", path[:-1] + "/states/" + name, state)[0], 404)
        status, headers, _ = request("POST", here, state)
        self.assertEqual((status, headers["allow"]), (405, "GET, PUT, DELETE"))
        request("DELETE", path)

    def test_every_request_is_answered_even_where_the_answer_is_too_long(self):
        looks = [frame(STEP, struct.pack("<BBH", 2, 0, 0), 512, 1, sequence=i) for i in range(100)]
        answers = self.post("/v1/lanes", frame(OPEN, sequence=1000),
                            frame(PERMUTE, bytes(1024), 512, sequence=1001), *looks)
        self.assertEqual(sorted(a[1] for a in answers[1:]), [*range(100), 1000, 1001])
        refused = [a for a in answers if a[0] == 0xFF]
        self.assertEqual({a[2][:2] for a in refused}, {bytes([STEP, 4])})
        self.assertTrue(10 < len(refused) < 50)

    def test_bodies_that_are_no_frames_change_nothing(self):
        path = self.keep()
        for body in (b"x", frame(STORE) + b"xx", HEAD.pack(5, STORE, 0, 0, 0, 1) + b"four"):
            status, _, answer = request("POST", path, body)
            self.assertEqual((status, json.loads(answer)["error"]["code"]), (400, "bad_request"))
        self.assertEqual(self.post(path), [])
        request("DELETE", path)


class OverUnixSocket(Protocol, unittest.TestCase):
    def connect(self):
        return UnixTransport(SOCKET)

    def test_a_length_that_lies_ends_the_connection(self):
        transport = self.connect()
        transport.receive()
        transport.send(HEAD.pack(1 << 30, READ, 0, 1, 1, 1))
        with self.assertRaises((EOFError, ConnectionError)):
            transport.receive()


class Load(unittest.TestCase):
    def test_the_load_generator_measures(self):
        done = subprocess.run([BITLOOM, "load", "--socket", SOCKET, "--clients", "5", "--lanes", "9",
                               "--depth", "3", "--seconds", "0.3", "--json"], check=True,
                              capture_output=True, text=True)
        result = json.loads(done.stdout)
        self.assertEqual(result["n_clients"], 5)
        self.assertGreater(result["n_steps"], 50)
        self.assertGreater(result["wait_p99_us"], 0)
        done = subprocess.run([BITLOOM, "load", "--socket", "/nowhere"], capture_output=True)
        self.assertEqual(done.returncode, 1)


class OverWebSocket(Protocol, unittest.TestCase):
    def connect(self):
        return WebSocketTransport(PORT)

    def test_text_messages_are_refused(self):
        self.lanes.transport.client.send_raw(1, b"{}")
        self.assertEqual(self.lanes.receive()[0], 0xFF)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        loom, SOCKET = pathlib.Path(folder) / "tiny.loom", folder + "/lanes.socket"
        subprocess.run([BITLOOM, "melt", TINY, "-o", str(loom), "-q"], check=True)
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(SOCKET)  # as a server leaves it that was killed
        stale.close()
        server = subprocess.Popen([BITLOOM, "serve", str(loom), "--listen", "127.0.0.1:0",
                                   "--socket", SOCKET], stderr=subprocess.PIPE, text=True)
        PORT = int(server.stderr.readline().rsplit(":", 1)[1])
        outcome = unittest.main(argv=sys.argv[:1], exit=False)
        for process in Server.processes:
            process.kill()  # that a failed test has left
            process.wait()
        server.terminate()
        server.communicate(timeout=30)
        assert server.returncode == 0 and not os.path.exists(SOCKET)
    sys.exit(not outcome.result.wasSuccessful())
