#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The log of a running server: what each event says, and that no secret is in it:
log.py BITLOOM TINY.safetensors"""

import http.client
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from websocket import Client, Refused

BITLOOM, TINY = sys.argv[1:3]
OPEN, STEP, KEEP, RESUME = 1, 6, 19, 20  # docs/formats/lanes.md
HEAD = struct.Struct("<IBBHII")
PEER = "127.0.0.1"


class Lanes:
    """Over the Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.receive()

    def receive(self):
        head = self.socket.recv(16, socket.MSG_WAITALL)
        return self.socket.recv(HEAD.unpack(head)[0], socket.MSG_WAITALL)

    def ask(self, op, payload=b"", n_lanes=0):
        self.socket.sendall(HEAD.pack(len(payload), op, 0, n_lanes, 1, 1) + payload)
        return self.receive()


class Log(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        subprocess.run([BITLOOM, "melt", TINY, "-o", self.folder / "tiny.loom", "-q"], check=True)
        self.log, self.socket = self.folder / "log.json", str(self.folder / "socket")
        self.process = None

    def tearDown(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
        self.scratch.cleanup()

    def start(self, *options):
        self.process = subprocess.Popen(
            [BITLOOM, "serve", self.folder / "tiny.loom", "--listen", "127.0.0.1:0", "--socket",
             self.socket, "--log", self.log, *options], stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stderr.readline().rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        errors = self.process.communicate(timeout=30)[1]
        self.assertEqual((self.process.returncode, errors), (0, ""))

    def account(self, *words):
        return subprocess.run([BITLOOM, "account", "--file", self.folder / "accounts.db", "-q", *words],
                              check=True, capture_output=True, text=True).stdout.strip()

    def ask(self, method, path, body=None, key=None):
        connection = http.client.HTTPConnection(PEER, self.port, timeout=60)
        connection.request(method, path, body, {"Authorization": "Bearer " + key} if key else {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def lines(self, event, log=None):
        """The facts of all lines of an event, which all must be whole and have a time."""
        found = []
        for text in (log or self.log).read_text().splitlines():
            line = json.loads(text)
            self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            if line.pop("event") == event:
                found.append(line)
        return found

    def wait_for(self, event, n=1):
        for _ in range(1000):
            if len(self.lines(event)) >= n:
                return self.lines(event)
            time.sleep(0.01)
        raise AssertionError("no %s in %s" % (event, self.log.read_text()))

    def test_every_event_has_its_facts_and_no_secret(self):
        self.account("create", "someone")
        self.account("credit", "someone", "100000")
        key = self.account("key", "someone")
        who = {"account": 1, "key_prefix": key[:16]}
        self.start("--accounts", self.folder / "accounts.db", "--sessions", self.folder / "kept",
                   "--keep-seconds", "1")
        (listen,) = self.wait_for("listen")
        self.assertEqual(listen, {"url": "http://127.0.0.1:%d" % self.port, "socket": self.socket})
        body = json.dumps({"prompt": "a secret text", "max_tokens": 20, "seed": 1})
        self.assertEqual(self.ask("POST", "/v1/completions?why=a-secret", body, key)[0], 200)
        self.assertEqual(self.ask("POST", "/v1/completions", body, key[:-1])[0], 401)
        self.ask("GET", "/" + key)
        first, second, third = self.wait_for("http", 3)
        self.assertEqual({**first, "bytes_out": 0, "ms": 0}, {
            "method": "POST", "path": "/v1/completions", "status": 200, "bytes_in": len(body),
            "bytes_out": 0, "ms": 0, "lane_steps": 14 + 20, "peer": PEER, **who})
        self.assertGreater(first["bytes_out"], 100)
        self.assertEqual((second["status"], second["lane_steps"]), (401, 0))
        self.assertEqual((third["path"], third["status"]), ("/bl_live_", 404))

        client = Client(self.port, protocol="bitloom.lanes.1, bitloom.key." + key)
        state = client.ask(id=1, op="create", text="a secret")["state"]
        client.close()
        with self.assertRaises(Refused):
            Client(self.port, protocol="bitloom.lanes.1, bitloom.key." + key[:-1])
        lanes = Lanes(self.socket)
        lanes.ask(OPEN)
        token = lanes.ask(KEEP)[:16]
        lanes.ask(STEP, b"\0\0\0\0a", 1)
        lanes.socket.close()
        ends = self.wait_for("disconnect", 2)
        self.assertEqual(self.lines("connect"), [{"protocol": "bitloom.lanes.1", "peer": PEER, **who},
                                                 {"protocol": "bitloom.lanes.2", "peer": "unix"}])
        self.assertEqual([{**e, "ms": 0} for e in ends], [
            {"protocol": "bitloom.lanes.1", "peer": PEER, **who, "ms": 0, "requests": 1, "frames": 2,
             "lane_steps": 9},
            {"protocol": "bitloom.lanes.2", "peer": "unix", "ms": 0, "requests": 3, "frames": 4,
             "lane_steps": 1}])
        self.assertEqual(self.lines("refuse"), [{"status": 401, "code": "no_key", "peer": PEER}])
        again = Lanes(self.socket)
        again.ask(RESUME, token)
        again.socket.close()
        kept = {"sessions": 1, "states": 0}
        self.assertEqual(self.wait_for("expire"), [{**kept, "reason": "time"}])
        self.assertEqual((self.lines("keep"), self.lines("resume")), ([kept], [kept]))
        self.ask("GET", "/v1/lanes/" + token.hex() + "/states/00", key=key)
        self.assertEqual(self.wait_for("http", 4)[3]["path"], "/v1/lanes/*/states/00")
        self.stop()
        files = {"file": str(self.folder / "kept"), "lanes": 0, "states": 0}
        self.assertEqual((self.lines("load"), self.lines("save")), ([files], [files]))
        (stop,) = self.lines("stop")
        self.assertEqual(stop["requests"], 4)
        (start,) = self.lines("start")
        self.assertEqual((start["model"], start["pid"]), ("tiny", self.process.pid))
        text = self.log.read_text()
        for secret in (key[16:], key[17:40], token.hex(), "secret"):
            self.assertNotIn(secret, text)
        self.assertEqual(os.stat(self.log).st_mode & 0o7777 & ~0o640, 0)

    def test_a_rotated_log_goes_on_in_a_new_file(self):
        self.start()
        self.ask("GET", "/health")
        self.wait_for("http")
        old = self.folder / "log.json.1"
        self.log.rename(old)
        self.process.send_signal(signal.SIGHUP)
        for _ in range(1000):
            if self.log.exists():
                break
            time.sleep(0.01)
        self.ask("GET", "/v1/models")
        self.assertEqual(self.wait_for("http")[0]["path"], "/v1/models")
        self.assertEqual([l["path"] for l in self.lines("http", old)], ["/health"])
        self.stop()

    def test_what_ends_a_server_is_logged(self):
        (self.folder / "kept").write_text("no such thing")
        done = subprocess.run([BITLOOM, "serve", self.folder / "tiny.loom", "--listen", "127.0.0.1:0",
                               "--log", self.log, "--sessions", self.folder / "kept"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        (error,) = self.lines("error")
        self.assertIn(error["message"], done.stderr)
        self.assertEqual((self.folder / "kept").read_text(), "no such thing")

    def test_a_log_that_cannot_be_written_is_told_at_once(self):
        done = subprocess.run([BITLOOM, "serve", self.folder / "tiny.loom", "--listen", "127.0.0.1:0",
                               "--log", "/nowhere/log"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--log takes a file", done.stderr)

    def test_standard_error_will_do(self):
        self.process = subprocess.Popen([BITLOOM, "serve", self.folder / "tiny.loom", "--listen",
                                         "127.0.0.1:0", "--log", "-"], stderr=subprocess.PIPE, text=True)
        events = [json.loads(self.process.stderr.readline())["event"] for _ in range(2)]
        self.assertEqual(events, ["start", "listen"])
        self.assertTrue(self.process.stderr.readline().startswith("listening"))
        self.process.terminate()
        self.assertEqual(json.loads(self.process.communicate(timeout=30)[1])["event"], "stop")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
