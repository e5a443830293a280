#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The lanes protocol against a running server: protocol.py BITLOOM TINY.safetensors"""

import base64
import json
import os
import pathlib
import random
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from websocket import Client, Refused

BITLOOM, TINY = sys.argv[1:3]


class Server:
    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory()
        loom = pathlib.Path(self.scratch.name) / "tiny.loom"
        subprocess.run([BITLOOM, "melt", TINY, "-o", str(loom), "-q"], check=True)
        self.process = subprocess.Popen([BITLOOM, "serve", str(loom), "--listen", "127.0.0.1:0"],
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        errors = self.process.communicate(timeout=30)[1]
        self.scratch.cleanup()
        assert self.process.returncode == 0, "exit %s: %s" % (self.process.returncode, errors)


class Protocol(unittest.TestCase):
    def setUp(self):
        self.client = Client(SERVER.port)

    def tearDown(self):
        self.client.close()

    def test_the_greeting_names_model_and_limits(self):
        hello = self.client.hello
        self.assertEqual((hello["type"], hello["protocol"]), ("hello", "bitloom.lanes.1"))
        self.assertEqual(hello["model"]["name"], "tiny")
        self.assertEqual(hello["limits"]["lanes"], 512)
        self.assertIn(ord("e"), base64.b64decode(hello["model"]["alphabet_base64"]))

    def test_states_are_values(self):
        ask = self.client.ask
        a = ask(id=1, op="create", text="It was ")["state"]
        stored = ask(id=2, op="store", state=a)
        b = ask(id=3, op="step", states=[a], bytes=[ord("x")])["states"][0]
        self.assertEqual(ask(id=4, op="store", state=a)["state_base64"], stored["state_base64"])
        self.assertNotEqual(ask(id=5, op="store", state=b)["state_base64"], stored["state_base64"])
        c = ask(id=6, op="load", state_base64=stored["state_base64"],
                model_sha256=stored["model_sha256"])["state"]
        top = ask(id=7, op="top", states=[a, c], top=256)["top"]
        self.assertEqual(top[0], top[1])
        self.assertEqual(len({byte for byte, _ in top[0]}), 256)
        self.assertAlmostEqual(sum(2 ** -bits for _, bits in top[0]), 1, 4)
        self.assertEqual(ask(id=8, op="drop", states=[a])["count"], 1)
        self.assertEqual(ask(id=9, op="store", state=a)["code"], "no_such_state")
        self.assertEqual(len(set(ask(id=10, op="fork", state=c, count=512)["states"])), 512)

    def test_steps_equal_reading_the_text(self):
        ask = self.client.ask
        state, text = ask(id=1, op="create", text="")["state"], b"Jane Eyre"
        cost = 0
        for byte in text:
            answer = ask(id=2, op="step", states=[state], bytes=[byte], top=1)
            state = answer["states"][0]
            cost += answer["cost_bits"][0]
        whole = ask(id=3, op="create", text="Jane Eyre")
        self.assertAlmostEqual(whole["cost_bits"], cost, 3)
        self.assertEqual(ask(id=4, op="store", state=whole["state"])["state_base64"],
                         ask(id=5, op="store", state=state)["state_base64"])
        part = ask(id=6, op="create", text="Jane ")["state"]
        rest = ask(id=7, op="create", text_base64=base64.b64encode(b"Eyre").decode(), state=part)
        self.assertEqual(ask(id=8, op="store", state=rest["state"])["state_base64"],
                         ask(id=9, op="store", state=state)["state_base64"])

    def test_beams_grow_repeat_and_avoid(self):
        answer, texts = self.client.grow(id=1, text="It was a ", steps=20)
        self.assertEqual((answer["type"], answer["steps"], answer["reason"]), ("beam_end", 20, "done"))
        self.assertEqual((len(texts), len(set(texts))), (512, 512))
        self.assertEqual(self.client.grow(id=2, text="It was a ", steps=20)[1], texts)
        state = self.client.ask(id=3, op="create", text="It was a ")["state"]
        first = texts[0][:3]
        _, others = self.client.grow(id=4, text="It was a ", steps=20,
                                     avoid_base64=[base64.b64encode(first).decode()])
        self.assertFalse(any(t.startswith(first) for t in others))
        kept, few = self.client.grow(id=5, state=state, steps=5, width=7, temperature=0, keep=True)
        self.assertEqual((len(few), len(kept["states"])), (7, 7))
        whole = self.client.ask(id=6, op="create", text_base64=base64.b64encode(
            b"It was a " + few[3]).decode())["state"]
        self.assertEqual(self.client.ask(id=7, op="store", state=whole)["state_base64"],
                         self.client.ask(id=8, op="store", state=kept["states"][3])["state_base64"])

    def test_the_best_beam_is_the_most_probable(self):
        _, texts = self.client.grow(id=1, text="The ", steps=3, width=512, temperature=0)
        costs = {t: self.client.ask(id=2, op="create", text_base64=base64.b64encode(
            b"The " + t).decode())["cost_bits"] for t in texts[:40]}
        state = self.client.ask(id=3, op="create", text="The ")["state"]
        best = []
        for byte, bits in self.client.ask(id=4, op="top", states=[state], top=8)["top"][0]:
            best.append((bits, bytes([byte])))
        self.assertTrue(any(t.startswith(best[0][1]) for t in texts))
        self.assertTrue(all(cost < 60 for cost in costs.values()))

    def test_a_new_beam_replaces_the_old_one(self):
        self.client.send(id=1, op="beam", text="a", steps=1024)
        self.client.send(id=2, op="beam", text="b", steps=3)
        ends = {}
        while len(ends) < 2:
            answer = self.client.receive()
            if isinstance(answer, dict):
                ends[answer["id"]] = answer["reason"]
        self.assertEqual(ends, {1: "replaced", 2: "done"})
        self.client.send(id=3, op="beam", text="a", steps=1024)
        self.client.send(id=4, op="cancel", beam=3)
        answers = {}
        while len(answers) < 2:
            answer = self.client.receive()
            if isinstance(answer, dict):
                answers[answer["id"]] = answer
        self.assertEqual(answers[3]["reason"], "cancelled")
        self.assertTrue(answers[4]["was_running"])

    def test_too_many_avoid_strings_are_refused(self):
        answer = self.client.ask(id=1, op="beam", text="x", avoid_base64=["YQ=="] * 65)
        self.assertEqual((answer["code"], answer["field"]), ("too_many", "avoid_base64"))

    def test_everything_forbidden_is_exhausted(self):
        # near temperature 0 only the likeliest bytes are possible, and all of those are forbidden
        state = self.client.ask(id=1, op="create", text="x")["state"]
        top = self.client.ask(id=2, op="top", states=[state], top=64)["top"][0]
        avoid = [base64.b64encode(bytes([byte])).decode() for byte, _ in top]
        answer, texts = self.client.grow(id=3, text="x", steps=2, temperature=0.05,
                                         avoid_base64=avoid)
        self.assertEqual((answer["reason"], answer["steps"], texts), ("exhausted", 0, [b""]))

    def test_bad_requests_are_told_what_is_wrong(self):
        big = "x" * 70000
        cases = [
            (dict(id=1), "bad_request", "op"), (dict(op="step"), "bad_request", "id"),
            (dict(id=-1, op="stats"), "bad_request", "id"),
            (dict(id=1, op="step", states=[], bytes=[]), "bad_request", "states"),
            (dict(id=1, op="step", states=[1]), "bad_request", "bytes"),
            (dict(id=1, op="top", states=[123456]), "no_such_state", "states"),
            (dict(id=1, op="top", states=["1"]), "bad_request", "states"),
            (dict(id=1, op="fork", state=1, count=513), "no_such_state", "state"),
            (dict(id=1, op="create", text=3), "bad_request", "text"),
            (dict(id=1, op="create", text="a", text_base64="YQ=="), "bad_request", "text"),
            (dict(id=1, op="create", text_base64="?"), "bad_request", "text_base64"),
            (dict(id=1, op="create", text=big), "too_many", "text"),
            (dict(id=1, op="load", state_base64="", model_sha256="0"), "model_mismatch", "model_sha256"),
            (dict(id=1, op="load", state_base64="YWJj",
                  model_sha256=self.client.hello["model"]["sha256"]), "bad_request", "state_base64"),
            (dict(id=1, op="beam"), "bad_request", "text"),
            (dict(id=1, op="beam", text="a", width=0), "bad_request", "width"),
            (dict(id=1, op="beam", text="a", steps=1.5), "bad_request", "steps"),
            (dict(id=1, op="beam", text="a", temperature="hot"), "bad_request", "temperature"),
            (dict(id=1, op="beam", text="a", keep=1), "bad_request", "keep"),
            (dict(id=1, op="beam", text="a", avoid_base64=[""]), "bad_request", "avoid_base64"),
            (dict(id=1, op="cancel"), "bad_request", "beam"),
        ]
        for request, code, field in cases:
            self.client.send(**request)
            answer = self.client.receive()
            self.assertEqual((answer["type"], answer["code"], answer["field"]),
                             ("error", code, field), request)
            self.assertTrue(answer["message"])
        for raw in (b"", b"{", b"[1]", b"null", b'{"id":1,"id":2}', b"[" * 5000, b'{"op":"\\ud800"}'):
            self.client.send_raw(1, raw)
            self.assertEqual(self.client.receive()["code"], "bad_request", raw)
        self.client.send_raw(2, b"\x01\x02")
        self.assertIn("binary", self.client.receive()["message"])
        self.assertEqual(self.client.ask(id=9, op="stats")["type"], "stats")

    def test_fragments_are_joined_and_too_long_ones_refused(self):
        text = json.dumps(dict(id=5, op="create", text="fragments")).encode()
        self.client.send_raw(1, text[:10], final=False)
        self.client.send_raw(0, text[10:], final=True)
        self.assertEqual(self.client.receive()["type"], "state")
        self.client.send_raw(1, b" " * ((1 << 20) + 1))
        self.assertEqual(self.client.receive()["code"], "bad_request")
        self.assertEqual(self.client.ask(id=6, op="stats")["type"], "stats")

    def test_sessions_do_not_see_each_other(self):
        state = self.client.ask(id=1, op="create", text="secret")["state"]
        other = Client(SERVER.port)
        for op in (dict(op="store", state=state), dict(op="top", states=[state], top=1),
                   dict(op="beam", state=state)):
            self.assertEqual(other.ask(id=2, **op)["code"], "no_such_state")
        other.close()

    def test_many_sessions_share_fairly(self):
        seconds, errors = [], []

        def grow(i):
            try:
                client = Client(SERVER.port)
                answer, texts = client.grow(id=1, text="Session %d " % i, steps=30)
                assert answer["reason"] == "done" and len(texts) == 512, answer
                seconds.append(i)
                client.close()
            except Exception as error:  # noqa: BLE001 - reported below
                errors.append(error)

        threads = [threading.Thread(target=grow, args=(i,)) for i in range(12)]
        for t in threads:
            t.start()
        answer = self.client.ask(id=1, op="create", text="small work beside it")
        self.assertEqual(answer["type"], "state")
        for t in threads:
            t.join()
        self.assertEqual((errors, len(seconds)), ([], 12))

    def test_beams_keep_to_patterns_and_words(self):
        answer, texts = self.client.grow(id=1, text="It was ", steps=12, pattern="(a|the) [a-z]+ .*")
        self.assertEqual(answer["reason"], "done")
        for text in texts:
            self.assertRegex(text, rb"^(a|the) ([a-z]+( |$))?")
        answer, texts = self.client.grow(id=2, text="", steps=9, words=["sea", "ship", "the"])
        allowed = {b"sea", b"ship", b"the", b"Sea", b"Ship", b"The"}
        for text in texts:
            whole = re.findall(rb"[A-Za-z]+(?=[^A-Za-z])", text)
            self.assertLessEqual(set(whole), allowed)
        answer, texts = self.client.grow(id=3, text="", steps=40, pattern="one|two")
        self.assertEqual((answer["reason"], answer["steps"]), ("exhausted", 3))
        for field, value, message in [("pattern", "a(b", "column 2"), ("pattern", 7, "text"),
                                      ("words", ["a b"], "a b"), ("words", "a", "list"),
                                      ("words", [], "no words")]:
            answer = self.client.ask(id=4, op="beam", text="", **{field: value})
            self.assertEqual((answer["code"], answer["field"]), ("bad_request", field))
            self.assertIn(message, answer["message"])

    def test_a_pattern_goes_on_where_the_text_ends(self):
        pattern = "(one|other) (sea|ship)"
        answer, texts = self.client.grow(id=1, text="It was o", steps=40, pattern=pattern,
                                         pattern_bytes=1)
        self.assertEqual(answer["reason"], "exhausted")
        answer, texts = self.client.grow(id=2, text="It was o", steps=2, pattern=pattern,
                                         pattern_bytes=1)
        self.assertEqual(set(texts), {b"ne", b"th"})
        answer, texts = self.client.grow(id=3, text="other s", steps=1, words=["sea", "ship", "other"],
                                         pattern_bytes=7)
        self.assertLessEqual(set(texts), {b"e", b"h"})
        for fields, message in [
                (dict(text="It was o", pattern=pattern, pattern_bytes=2), "last 2 bytes"),
                (dict(text="o", pattern=pattern, pattern_bytes=2), "0 to 1"),
                (dict(text="o", pattern_bytes=1), "neither pattern nor words")]:
            answer = self.client.ask(id=4, op="beam", **fields)
            self.assertEqual((answer["code"], answer["field"]), ("bad_request", "pattern_bytes"))
            self.assertIn(message, answer["message"])

    def test_diversity_spreads_the_lanes(self):
        def parents(**fields):
            self.client.grow(id=1, text="It was a ", steps=16, temperature=0, **fields)
            return [frame["parent"] for frame in self.client.frames]
        self.assertEqual(parents(), parents(diversity=0))
        n_kept = [len(set(parents(diversity=d)[-1])) for d in (0, 2, 64)]
        self.assertLess(n_kept[0], n_kept[1])
        self.assertEqual(n_kept[2], 512)
        answer = self.client.ask(id=2, op="beam", text="", diversity=65)
        self.assertEqual((answer["code"], answer["field"]), ("bad_request", "diversity"))

    def test_long_texts_do_not_starve_a_wide_beam(self):
        readers = [Client(SERVER.port) for _ in range(24)]
        for reader in readers:
            reader.send(id=1, op="create", text="All work and no play. " * 2900)
        answer, _ = self.client.grow(id=1, text="quick ", steps=40)
        self.assertEqual(answer["reason"], "done")
        steps = self.client.ask(id=2, op="stats")["steps"]
        for reader in readers:
            self.assertEqual(reader.receive()["type"], "state")
            reader.close()
        # these texts are about 3,000 runs of the reader, of which the beam needs some hundred
        self.assertGreater(self.client.ask(id=3, op="stats")["steps"], steps + 200)

    def test_vanishing_clients_leave_nothing_behind(self):
        for i in range(20):
            client = Client(SERVER.port)
            client.send(id=1, op="beam", text="x" * (i * 50), steps=1024)
            client.send(id=2, op="create", text="y" * 2000)
            client.close()
        deadline = time.time() + 20
        while time.time() < deadline:
            stats = self.client.ask(id=1, op="stats")
            if stats["sessions"] == 1:
                break
            time.sleep(0.01)
        self.assertEqual(stats["sessions"], 1)

    def test_noise_does_not_disturb_others(self):
        rng = random.Random(1)
        for _ in range(60):
            try:
                client = Client(SERVER.port)
                for _ in range(4):
                    client.send_raw(rng.choice([0, 1, 1, 2, 3, 9, 10, 15]), os.urandom(rng.randrange(120)))
                client.close()
            except (EOFError, OSError, Refused):
                pass
        self.assertEqual(self.client.ask(id=1, op="create", text="still here")["type"], "state")

    def test_a_client_that_asks_and_reads_late_gets_every_answer(self):
        client = Client(SERVER.port)
        for i in range(3000):
            client.send(id=i, op="stats")
        self.assertEqual([client.receive()["id"] for _ in range(3000)], list(range(3000)))
        client.close()

    def test_slow_readers_lose_nothing(self):
        client = Client(SERVER.port)
        client.send(id=1, op="beam", text="slow", steps=600)
        self.assertEqual(self.client.ask(id=1, op="create", text="quick")["type"], "state")
        steps = []
        while True:
            answer = client.receive()
            if isinstance(answer, dict):
                break
            steps.append(int.from_bytes(answer[8:12], "little"))
        self.assertEqual(steps, list(range(1, 601)))
        client.close()


class Http(unittest.TestCase):
    def get(self, path, headers=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (SERVER.port, path),
                                         headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def test_paths(self):
        status, headers, body = self.get("/")
        self.assertEqual(status, 200)
        self.assertIn("text/html", headers["content-type"])
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertIn(b"bitloom", body)
        self.assertEqual(json.loads(self.get("/api/model")[2])["name"], "tiny")
        self.assertEqual(json.loads(self.get("/health")[2]), {"status": "ok"})
        status, _, body = self.get("/../etc/passwd")
        self.assertEqual((status, json.loads(body)["error"]["code"]), (404, "not_found"))

    def test_pages_elsewhere_are_refused(self):
        port = SERVER.port
        status, _, body = self.get("/", {"Host": "evil.example"})
        self.assertEqual((status, json.loads(body)["error"]["code"]), (403, "forbidden"))
        for headers in (["Origin: http://evil.example"], ["Origin: null"],
                        ["Host: evil.example:%d" % port, "Origin: http://evil.example:%d" % port]):
            with self.assertRaises(Refused):
                Client(port, headers)
        Client(port, ["Origin: http://127.0.0.1:%d" % port]).close()
        Client(port, ["Host: localhost:%d" % port, "Origin: http://localhost:%d" % port]).close()

    def test_tls(self):
        openssl = shutil.which("openssl")
        if not openssl:
            self.skipTest("no openssl here to make a certificate with")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            files = [str(folder / "chain.pem"), str(folder / "key.pem")]
            subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                            "-out", files[0], "-keyout", files[1], "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=IP:127.0.0.1"], check=True,
                           capture_output=True)
            loom = folder / "t.loom"
            subprocess.run([BITLOOM, "melt", TINY, "-o", str(loom), "-q"], check=True)
            command = [BITLOOM, "serve", str(loom), "--listen", "127.0.0.1:0"]
            server = subprocess.Popen(command + ["--tls-certificate", files[0], "--tls-key",
                                                 files[1]], stderr=subprocess.PIPE, text=True)
            url = server.stderr.readline().split()[-1]
            self.assertTrue(url.startswith("https://"))
            trust = ssl.create_default_context(cafile=files[0])
            with urllib.request.urlopen(url + "/health", context=trust) as answer:
                self.assertEqual(json.load(answer), {"status": "ok"})
            server.terminate()
            server.communicate(timeout=30)
            for wrong in ([files[1], files[0]], ["nowhere.pem", files[1]]):
                done = subprocess.run(command + ["--tls-certificate", wrong[0], "--tls-key",
                                                 wrong[1]], capture_output=True, timeout=20)
                self.assertEqual(done.returncode, 1)
            self.assertEqual(subprocess.run(command + ["--tls-key", files[1]], timeout=20,
                                            capture_output=True).returncode, 2)

    def test_a_taken_port_is_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            loom = pathlib.Path(folder) / "t.loom"
            subprocess.run([BITLOOM, "melt", TINY, "-o", str(loom), "-q"], check=True)
            done = subprocess.run([BITLOOM, "serve", str(loom), "--listen",
                                   "127.0.0.1:%d" % SERVER.port], capture_output=True, text=True,
                                  timeout=20)
            self.assertEqual(done.returncode, 1)
            self.assertIn("cannot listen", done.stderr)
            done = subprocess.run([BITLOOM, "serve", str(loom), "--listen", "nonsense"],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    with Server() as SERVER:
        result = unittest.main(argv=sys.argv[:1], exit=False).result
    sys.exit(not result.wasSuccessful())
