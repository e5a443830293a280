#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keys, credit and limits of a running server: accounts.py BITLOOM TINY.safetensors"""

import concurrent.futures
import csv
import http.client
import io
import json
import pathlib
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from websocket import Client, Refused

BITLOOM, TINY = sys.argv[1:3]
PROMPT = "It was a "
N_READ = len(PROMPT) + 1  # once more, to ask what comes first


class Server:
    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        self.file = str(self.folder / "accounts.db")
        self.loom = str(self.folder / "tiny.loom")
        self.n_accounts = 0
        subprocess.run([BITLOOM, "melt", TINY, "-o", self.loom, "-q"], check=True)
        self.account("create", "first")
        self.start()

    def start(self):
        self.process = subprocess.Popen([BITLOOM, "serve", self.loom, "--listen", "127.0.0.1:0",
                                         "--accounts", self.file], stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self, kind=signal.SIGTERM):
        self.process.send_signal(kind)
        errors = self.process.communicate(timeout=30)[1]
        assert kind == signal.SIGKILL or self.process.returncode == 0, errors

    def account(self, *words, status=0):
        done = subprocess.run([BITLOOM, "account", "--file", self.file, "-q", *map(str, words)],
                              capture_output=True, text=True)
        assert done.returncode == status, (words, done.returncode, done.stderr)
        return done.stdout

    def new(self, credit, *limits):
        """-> the name of a new account and a key of it."""
        self.n_accounts += 1
        name = "user%d" % self.n_accounts
        self.account("create", name, *limits)
        if credit:
            self.account("credit", name, credit)
        return name, self.account("key", name).strip()

    def balance(self, name):
        found = [a for a in json.loads(self.account("list", "--json")) if a["account"] == name][0]
        return found["available_lane_steps"], found["reserved_lane_steps"]

    def settled(self, name):
        """The balance once nothing is reserved any more."""
        for _ in range(200):
            available, reserved = self.balance(name)
            if not reserved:
                return available
            time.sleep(0.05)
        raise AssertionError("%s still has %d reserved" % (name, reserved))

    def usage(self, name):
        return list(csv.DictReader(io.StringIO(self.account("usage", name))))


def ask(path, body=None, key=None, headers=()):
    """-> status, headers, parsed answer (text where it is no JSON)."""
    connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
    sent = dict(headers)
    if key:
        sent["Authorization"] = "Bearer " + key
    connection.request("POST" if body is not None else "GET", path,
                       json.dumps(body) if body is not None else None, sent)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    try:
        return answer.status, answer.headers, json.loads(text)
    except ValueError:
        return answer.status, answer.headers, text


def complete(key, n_bytes=10, **fields):
    return ask("/v1/completions", {"prompt": PROMPT, "max_tokens": n_bytes, "seed": 1, **fields}, key)


OPEN, STEP, KEEP, RESUME, ANSWER, ERROR = 1, 6, 19, 20, 0x80, 0xFF  # docs/formats/lanes.md
HEAD = struct.Struct("<IBBHII")


class Lanes:
    def __init__(self, port, key):
        self.client = Client(port, greet=False, protocol="bitloom.lanes.2, bitloom.key." + key)
        self.client.receive()

    def ask(self, op, payload=b"", n_lanes=0):
        """-> op and payload of the answer."""
        self.client.send_raw(2, HEAD.pack(len(payload), op, 0, n_lanes, 1, 1) + payload)
        answer = self.client.receive()
        return HEAD.unpack(answer[:16])[1], answer[16:]


class Keys(unittest.TestCase):
    def test_the_page_health_and_metrics_are_open_and_nothing_else(self):
        for path in ("/", "/health", "/metrics", "/account"):
            self.assertEqual(ask(path)[0], 200, path)
        for path, body in (("/v1/models", None), ("/api/model", None), ("/api/account", None),
                           ("/tokenizer_info", None), ("/tokenize", {"prompt": "a"}), ("/v2", None),
                           ("/v1/completions", {}), ("/v1/chat/completions", {}),
                           ("/v2/models/tiny/infer", {})):
            status, headers, answer = ask(path, body)
            self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"), path)
            self.assertIn("key", answer["error"]["message"] if not path.startswith("/v2") else answer["error"])
        error = ask("/v1/models")[2]["error"]
        self.assertEqual((error["code"], error["type"]), ("no_key", "invalid_request_error"))

    def test_wrong_revoked_and_expired_keys_are_told_apart(self):
        name, key = SERVER.new(100)
        message = lambda k: ask("/v1/models", key=k)[2]["error"]["message"]
        self.assertEqual(ask("/v1/models", key=key)[0], 200)
        self.assertEqual(ask("/v1/models", headers={"authorization": "bearer " + key})[0], 200)
        self.assertIn("unknown", message(key[:-1] + ("0" if key[-1] != "0" else "1")))
        self.assertIn("unknown", message("x" * 5000))
        self.assertEqual(ask("/v1/models", headers={"Authorization": "Basic " + key})[0], 401)
        SERVER.account("revoke", key[:16])
        self.assertIn("revoked", message(key))

    def test_a_second_server_is_refused(self):
        done = subprocess.run([BITLOOM, "serve", SERVER.loom, "--listen", "127.0.0.1:0", "--accounts",
                               SERVER.file], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another server", done.stderr)

    def test_the_verb_names_what_is_wrong(self):
        SERVER.account("create", "first", status=2)
        SERVER.account("credit", "nobody", 5, status=2)
        SERVER.account("credit", "first", "five", status=2)
        SERVER.account("expire", "first", 5, status=1)
        SERVER.account("credit", status=2)
        SERVER.account("crdit", "first", 5, status=2)


class Credit(unittest.TestCase):
    def test_what_ran_is_charged_exactly(self):
        name, key = SERVER.new(100000)
        spent = 0
        for fields, steps in (({}, 10), ({"n": 3}, 30), ({"best_of": 4}, 40), ({"max_tokens": 0}, 0)):
            status, _, answer = complete(key, **fields)
            self.assertEqual(status, 200, answer)
            spent += N_READ + steps
        self.assertEqual(SERVER.settled(name), 100000 - spent)
        usage = SERVER.usage(name)
        self.assertEqual(sum(int(u["lane_steps"]) for u in usage), spent)
        self.assertEqual(sum(int(u["requests"]) for u in usage), 4)
        self.assertEqual({u["kind"] for u in usage}, {"completion"})

    def test_kinds_are_told_apart(self):
        name, key = SERVER.new(100000)
        self.assertEqual(ask("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}],
                                                      "max_tokens": 5}, key)[0], 200)
        tensor = {"name": "bytes", "datatype": "UINT8", "shape": [2], "data": [73, 116]}
        self.assertEqual(ask("/v2/models/tiny/infer", {"inputs": [tensor]}, key)[0], 200)
        self.assertEqual(ask("/tokenize", {"prompt": "abc"}, key)[0], 200)
        SERVER.settled(name)
        self.assertEqual(sorted(u["kind"] for u in SERVER.usage(name)), ["chat", "inference"])

    def test_without_credit_it_is_402_and_not_to_be_retried(self):
        name, key = SERVER.new(N_READ + 9)
        status, headers, answer = complete(key)
        self.assertEqual((status, headers["x-should-retry"]), (402, "false"))
        self.assertEqual((answer["error"]["code"], answer["error"]["type"]),
                         ("no_credit", "insufficient_quota"))
        self.assertEqual(complete(key, 9)[0], 200)
        self.assertEqual(SERVER.settled(name), 0)
        self.assertEqual(complete(key, 0)[0], 402)
        self.assertEqual(complete(key, stream=True)[0], 402)  # not a stream that breaks off
        SERVER.account("credit", name, 1000)
        self.assertEqual(complete(key)[0], 200)

    def test_fifty_at_once_on_credit_for_ten(self):
        name, key = SERVER.new(10 * (N_READ + 10))
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            statuses = [f.result()[0] for f in [pool.submit(complete, key) for _ in range(50)]]
        self.assertEqual((statuses.count(200), statuses.count(402)), (10, 40))
        self.assertEqual(SERVER.settled(name), 0)
        SERVER.account("check")

    def test_refused_and_wrong_requests_are_free(self):
        name, key = SERVER.new(1000)
        self.assertEqual(complete(key, temperature=9)[0], 400)
        self.assertEqual(complete(key, 100000)[0], 400)
        self.assertEqual(complete(key, 5000)[0], 402)
        self.assertEqual(ask("/v1/nothing", key=key)[0], 404)
        self.assertEqual(SERVER.settled(name), 1000)

    def test_who_leaves_pays_for_what_ran(self):
        name, key = SERVER.new(600000)
        for _ in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
            connection.request("POST", "/v1/completions", json.dumps(
                {"prompt": PROMPT, "max_tokens": 60000, "n": 2, "stream": True}),
                {"Authorization": "Bearer " + key})
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            answer.read(200)
            answer.close()
            connection.close()
        left = SERVER.settled(name)
        self.assertTrue(0 < left < 600000 - 5 * N_READ, left)
        self.assertEqual(sum(int(u["lane_steps"]) for u in SERVER.usage(name)), 600000 - left)

    def test_who_leaves_at_once_leaves_no_reservation(self):
        name, key = SERVER.new(600000)
        for _ in range(20):
            connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
            connection.request("POST", "/v1/completions", json.dumps(
                {"prompt": PROMPT, "max_tokens": 20000}), {"Authorization": "Bearer " + key})
            connection.close()
        time.sleep(0.2)
        SERVER.settled(name)
        SERVER.account("check")

    def test_what_cannot_be_settled_now_is_settled_later(self):
        name, key = SERVER.new(600000)
        connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
        connection.request("POST", "/v1/completions", json.dumps(
            {"prompt": PROMPT, "max_tokens": 60000, "stream": True}), {"Authorization": "Bearer " + key})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        answer.read(200)  # something ran
        other = sqlite3.connect(SERVER.file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer.close()
        connection.close()
        self.assertEqual(complete(key)[0], 503)  # after five seconds
        other.execute("ROLLBACK")
        other.close()
        self.assertTrue(0 < SERVER.settled(name) < 600000)
        SERVER.account("check")

    def test_credit_with_the_same_id_counts_once(self):
        name, _ = SERVER.new(0)
        for _ in range(3):
            SERVER.account("credit", name, 500, "--id", "order-" + name)
        self.assertEqual(SERVER.balance(name), (500, 0))
        SERVER.account("credit", name, 501, "--id", "order-" + name, status=2)

    def test_a_server_that_dies_leaves_no_reservation(self):
        name, key = SERVER.new(600000)
        connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
        connection.request("POST", "/v1/completions", json.dumps(
            {"prompt": PROMPT, "max_tokens": 60000, "n": 4, "stream": True}),
            {"Authorization": "Bearer " + key})
        self.assertEqual(connection.getresponse().status, 200)
        self.assertGreater(SERVER.balance(name)[1], 0)
        SERVER.stop(signal.SIGKILL)
        connection.close()
        SERVER.start()
        self.assertEqual(SERVER.balance(name), (600000, 0))
        self.assertEqual(complete(key)[0], 200)
        SERVER.account("check")

    def test_a_stop_settles_what_is_under_way(self):
        name, key = SERVER.new(600000)
        connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
        connection.request("POST", "/v1/completions", json.dumps(
            {"prompt": PROMPT, "max_tokens": 60000, "n": 4, "stream": True}),
            {"Authorization": "Bearer " + key})
        self.assertEqual(connection.getresponse().status, 200)
        SERVER.stop()
        connection.close()
        available, reserved = SERVER.balance(name)
        self.assertTrue(0 < available < 600000 and reserved == 0, (available, reserved))
        SERVER.start()


class Limits(unittest.TestCase):
    def test_a_day_has_its_quota(self):
        name, key = SERVER.new(100000, "--quota", N_READ + 10)
        self.assertEqual(complete(key)[0], 200)
        status, headers, answer = complete(key)
        self.assertEqual((status, headers["x-should-retry"], answer["error"]["code"]),
                         (429, "false", "over_quota"))
        self.assertTrue(0 < int(headers["retry-after-ms"]) <= 86400000)
        SERVER.account("limit", name, "--quota", 0)
        self.assertEqual(complete(key)[0], 200)

    def test_a_minute_has_its_requests(self):
        name, key = SERVER.new(100000, "--rate", 6)
        statuses = [ask("/v1/models", key=key) for _ in range(8)]
        self.assertEqual([s[0] for s in statuses], [200] * 6 + [429] * 2)
        headers, answer = statuses[-1][1:]
        self.assertEqual(answer["error"]["code"], "too_fast")
        self.assertTrue(0 < int(headers["retry-after-ms"]) <= 10000)

    def test_so_many_run_at_once(self):
        name, key = SERVER.new(600000, "--concurrent", 1)
        connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
        connection.request("POST", "/v1/completions", json.dumps(
            {"prompt": PROMPT, "max_tokens": 60000, "stream": True}), {"Authorization": "Bearer " + key})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        status, headers, refused = complete(key)
        self.assertEqual((status, refused["error"]["code"]), (429, "too_many_at_once"))
        self.assertTrue(int(headers["retry-after-ms"]) > 0)
        answer.close()
        connection.close()
        SERVER.settled(name)
        self.assertEqual(complete(key)[0], 200)

    def test_sequences_of_one_account_are_closed_to_others(self):
        keys = [SERVER.new(1000)[1] for _ in range(2)]
        tensor = {"name": "bytes", "datatype": "UINT8", "shape": [2], "data": [73, 116]}
        infer = lambda key, start: ask("/v2/models/tiny/infer", {"inputs": [tensor], "parameters": {
            "sequence_id": 7, "sequence_start": start}}, key)[0]
        self.assertEqual([infer(keys[0], True), infer(keys[1], False), infer(keys[0], False)],
                         [200, 400, 200])


class Connections(unittest.TestCase):
    def test_a_websocket_needs_a_key(self):
        for protocol in ("bitloom.lanes.1", "bitloom.lanes.2", "bitloom.lanes.1, bitloom.key.bl_live_0"):
            with self.assertRaises(Refused) as refused:
                Client(SERVER.port, protocol=protocol)
            self.assertIn(b" 401 ", refused.exception.args[0])

    def test_a_session_is_charged_for_what_ran(self):
        name, key = SERVER.new(100000)
        client = Client(SERVER.port, protocol="bitloom.lanes.1, bitloom.key." + key)
        state = client.ask(id=1, op="create", text="abcde")["state"]
        stepped = client.ask(id=2, op="step", states=[state], bytes=[ord("x")])
        self.assertEqual(stepped["type"], "stepped")
        self.assertEqual(client.ask(id=3, op="top", states=stepped["states"], top=3)["type"], "top")
        end, _ = client.grow(id=4, state=state, width=16, steps=8)
        self.assertEqual(end["type"], "beam_end", end)
        self.assertGreater(SERVER.balance(name)[1], 0)
        client.close()
        spent = 100000 - SERVER.settled(name)
        self.assertTrue(6 + 2 + 1 < spent <= 6 + 2 + 1 + 2 + 9 * 16, spent)
        self.assertEqual([(u["kind"], int(u["lane_steps"])) for u in SERVER.usage(name)],
                         [("session", spent)])

    def test_a_session_out_of_credit_is_told_and_goes_on_with_new_credit(self):
        name, key = SERVER.new(10)
        client = Client(SERVER.port, protocol="bitloom.lanes.1, bitloom.key." + key)
        state = client.ask(id=1, op="create", text="abc")["state"]
        self.assertEqual(client.ask(id=2, op="create", text="abcdefghijk")["code"], "no_credit")
        for i in range(3):
            self.assertEqual(client.ask(id=3, op="step", states=[state], bytes=[97])["type"], "stepped")
        self.assertEqual(client.ask(id=4, op="step", states=[state], bytes=[97])["code"], "no_credit")
        SERVER.account("credit", name, 1000)
        self.assertEqual(client.ask(id=5, op="create", text="abcdefghijk")["type"], "state")
        client.close()
        self.assertEqual(SERVER.settled(name), 1010 - 4 - 6 - 12)

    def test_a_revoked_key_gets_no_more(self):
        name, key = SERVER.new(10)
        client = Client(SERVER.port, protocol="bitloom.lanes.1, bitloom.key." + key)
        state = client.ask(id=1, op="create", text="abc")["state"]
        SERVER.account("credit", name, 1000)
        SERVER.account("revoke", key[:16])
        self.assertEqual(client.ask(id=2, op="create", text="abcdefghijk")["code"], "no_key")
        client.close()

    def test_lanes_are_charged_and_told_when_credit_ends(self):
        name, key = SERVER.new(512 * 3)
        lanes = Lanes(SERVER.port, key)
        lanes.ask(OPEN)
        step = lambda: lanes.ask(STEP, b"\0\0\0\0a", n_lanes=1)
        self.assertEqual({step()[0] for _ in range(512 * 3)}, {ANSWER | STEP})
        op, payload = step()
        self.assertEqual((op, payload[:2]), (ERROR, bytes([STEP, 7])))
        self.assertIn(b"no_credit", payload)
        lanes.client.close()
        self.assertEqual(SERVER.settled(name), 0)

    def test_kept_lanes_are_open_to_their_account_alone_and_reserve_nothing(self):
        (name, key), (_, other_key) = SERVER.new(1000), SERVER.new(1000)
        second_key = SERVER.account("key", name).strip()
        lanes = Lanes(SERVER.port, key)
        lanes.ask(OPEN)
        token = lanes.ask(KEEP)[1][:16]
        lanes.ask(STEP, b"\0\0\0\0a", n_lanes=1)
        self.assertGreater(SERVER.balance(name)[1], 0)
        lanes.client.close()
        self.assertEqual(SERVER.settled(name), 999)
        other = Lanes(SERVER.port, other_key)
        refused = other.ask(RESUME, token)
        self.assertEqual(refused, other.ask(RESUME, bytes(16)))
        self.assertEqual((refused[0], refused[1][:2]), (ERROR, bytes([RESUME, 8])))
        other.client.close()
        again = Lanes(SERVER.port, second_key)  # any key of the account
        self.assertEqual(again.ask(RESUME, token)[0], ANSWER | RESUME)
        self.assertEqual(again.ask(STEP, b"\0\0\0\0b", n_lanes=1)[0], ANSWER | STEP)
        again.client.close()
        self.assertEqual(SERVER.settled(name), 998)

    def test_connections_that_vanish_leave_no_reservation(self):
        name, key = SERVER.new(3000000)
        for _ in range(10):
            client = Client(SERVER.port, protocol="bitloom.lanes.1, bitloom.key." + key)
            for i in range(8):
                client.send(id=i, op="create", text="abcdefgh" * 900)
            client.close()
        time.sleep(0.2)
        left = SERVER.settled(name)
        self.assertEqual(sum(int(u["lane_steps"]) for u in SERVER.usage(name)), 3000000 - left)
        SERVER.account("check")


class Owner(unittest.TestCase):
    def test_an_owner_sees_the_account_and_revokes_keys(self):
        name, key = SERVER.new(1000)
        second = SERVER.account("key", name, "--expires", 3).strip()
        other = SERVER.new(1000)[1]
        self.assertEqual(complete(key)[0], 200)
        SERVER.settled(name)
        status, _, account = ask("/api/account", key=key)
        self.assertEqual((status, account["account"]), (200, name))
        self.assertEqual(account["available_lane_steps"], 1000 - N_READ - 10)
        self.assertEqual({k["prefix"] for k in account["keys"]}, {key[:16], second[:16]})
        self.assertEqual(account["usage"][0]["lane_steps"], N_READ + 10)
        self.assertNotIn(key, json.dumps(account))
        status, headers, text = ask("/api/account/usage.csv", key=key)
        self.assertEqual((status, headers["Content-Type"]), (200, "text/csv; charset=utf-8"))
        self.assertEqual(list(csv.DictReader(io.StringIO(text)))[0]["account"], name)
        revoke = lambda prefix: ask("/api/account/revoke", {"prefix": prefix}, key)[0]
        self.assertEqual((revoke(other[:16]), revoke(""), revoke(second[:16])), (400, 400, 200))
        self.assertEqual(ask("/v1/models", key=second)[0], 401)
        self.assertEqual(ask("/v1/models", key=other)[0], 200)


if __name__ == "__main__":
    SERVER = Server()
    try:
        failed = not unittest.main(argv=sys.argv[:1] + sys.argv[3:], exit=False).result.wasSuccessful()
        SERVER.account("check")
    finally:
        SERVER.stop()
        SERVER.scratch.cleanup()
    sys.exit(failed)
