#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of teachers: LSTMs, GRUs and MuxRNNs that another network learns from."""

import dataclasses
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

from test_train import HERE, arguments, bits_of, grammar_text, integer_reference

import torch
import torch.nn.functional as F

import safetensors_file
import teacher
import training_text
import train
from muxrnn import MuxRNN, integer_tensors

LETTERS = "\n ,.;adefghimnoqrstuvwx"


def gated_file(path, kind, n_hidden=24, prefix="rnn.", with_embedding=True, **changes):
    """A random network of two layers over LETTERS, as PyTorch names it -> its three parts."""
    torch.manual_seed(7)
    n = len(LETTERS)
    embedding = torch.nn.Embedding(n, 9) if with_embedding else None
    rnn = kind(9 if embedding else n, n_hidden, 2, batch_first=True)
    head = torch.nn.Linear(n_hidden, n)
    tensors = {prefix + name: t for name, t in rnn.state_dict().items()}
    tensors.update({"out." + name: t for name, t in head.state_dict().items()})
    if embedding:
        tensors["in.weight"] = embedding.weight.detach()
    card = {"alphabet": changes.pop("alphabet", json.dumps(list(LETTERS)))}
    for name, value in changes.items():
        tensors[name.replace("__", ".")] = value
    safetensors_file.write(path, {k: t for k, t in tensors.items() if t is not None}, card)
    return embedding, rnn, head


class Teacher(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.path = str(self.folder / "teacher.safetensors")

    def predictions(self, taught_by, data, n_cuts):
        """The text in n_cuts parts, the state carried along -> log-probabilities."""
        symbols = training_text.to_symbols(data, taught_by.table).long()
        state, parts = taught_by.first_state(1), []
        for part in symbols.view(1, -1).chunk(n_cuts, 1):
            logits, state = taught_by(part, state)
            parts.append(logits.log_softmax(-1))
        return torch.cat(parts)

    def test_gated_teacher_says_what_pytorch_says(self):
        data = b"the quiet fox sees the sea"
        numbers = torch.tensor([LETTERS.index(chr(b)) for b in data])
        for kind, with_embedding in ((torch.nn.LSTM, True), (torch.nn.GRU, False)):
            embedding, rnn, head = gated_file(self.path, kind, with_embedding=with_embedding)
            inputs = embedding(numbers) if embedding else F.one_hot(numbers, len(LETTERS)).float()
            expected = head(rnn(inputs.unsqueeze(0))[0])[0].log_softmax(-1)
            got = self.predictions(teacher.read(self.path), data, 5)
            self.assertLess(float((got[:, :-1] - expected).abs().max()), 1e-4)
            self.assertLess(float(got[:, -1].max()), -13)

    def mux_file(self, *more):
        """A MuxRNN after 30 steps -> its model, its integers, nats of a logit."""
        run = train.Run(arguments(self.text_file(), *more))
        for _ in range(30):
            run.train_step()
        tensors, unit = integer_tensors(run.model)
        tensors["byte_symbol"] = run.table
        safetensors_file.write(self.path, tensors, {
            "format": "bitloom.muxrnn.1", "logit_unit_nats": repr(unit * 0.9),
            "config": json.dumps(dataclasses.asdict(run.config))})
        return run.model, tensors, unit * 0.9

    def test_mux_teacher_says_what_its_integers_say(self):
        for n_levels in "2", "5":
            _, tensors, unit = self.mux_file("--levels", n_levels)
            data = grammar_text(600, 9)
            taught_by = teacher.read(self.path)
            said = self.predictions(taught_by, data, 3)[:-1]
            target = training_text.to_symbols(data[1:], taught_by.table).long()
            bits = F.nll_loss(said.double(), target).item() / math.log(2)
            self.assertAlmostEqual(bits, integer_reference(tensors, unit, data), places=4)

    def test_bits_of_levels_are_ordinary_bits_of_the_file(self):
        model, _, _ = self.mux_file("--levels", "5")
        as_file_has_it = teacher.read(self.path).model
        symbols = training_text.to_symbols(grammar_text(900, 9), teacher.read(self.path).table)
        symbols = symbols.long().view(3, -1)
        bits = bits_of(model.eval(), symbols)
        self.assertTrue(torch.equal(bits, bits_of(as_file_has_it, symbols)))
        cells = bits.unflatten(-1, (16, 4)).sum(-1)
        self.assertGreater(len(cells.unique()), 3)

    def text_file(self):
        path = self.folder / "t.txt"
        path.write_bytes(grammar_text(50_000, 1))
        return path

    def taught(self, *more):
        return train.Run(arguments(self.text_file(), "--teacher", self.path, "--bytes", "102400",
                                   *more))

    def divergence(self, run):
        """Mean nats from the teacher's predictions to the student's."""
        x = training_text.to_symbols(grammar_text(3000, 5), run.table).long().view(10, -1)
        with torch.no_grad():
            said, _ = run.model(x, run.model.first_state(10))
            taught, _ = run.teacher(x, run.teacher.first_state(10))
        return float(F.kl_div(said.log_softmax(-1), taught.softmax(-1), reduction="batchmean"))

    def test_student_comes_near_its_teacher(self):
        gated_file(self.path, torch.nn.LSTM, out__weight=torch.randn(len(LETTERS), 24) * 6)
        run = self.taught()
        before = self.divergence(run)
        for _ in range(100):
            run.train_step()
        self.assertLess(self.divergence(run), 0.6 * before)

    def test_weight_zero_is_training_on_the_text_alone(self):
        gated_file(self.path, torch.nn.LSTM)
        run = self.taught("--teacher-weight", "0")
        x, y, _ = run.streams.next()
        loss = run.loss(x, y.flatten())
        logits, _ = run.model(x, run.model.first_state(len(x)))
        self.assertEqual(float(loss), float(F.cross_entropy(logits, y.flatten())))

    def test_stopped_distilling_goes_on_to_the_same_network(self):
        gated_file(self.path, torch.nn.GRU)
        straight, broken, resumed = (self.taught("--teacher-weight", "0.7") for _ in range(3))
        for _ in range(14):
            straight.train_step()
        for _ in range(6):
            broken.train_step()
        broken.save(self.folder / "c.checkpoint")
        resumed.resume(self.folder / "c.checkpoint")
        for _ in range(8):
            resumed.train_step()
        a, b = integer_tensors(straight.model)[0], integer_tensors(resumed.model)[0]
        self.assertTrue(all(torch.equal(a[k], b[k]) for k in a))

    def test_another_teacher_is_another_run(self):
        gated_file(self.path, torch.nn.GRU)
        self.taught().save(self.folder / "c.checkpoint")
        gated_file(self.path, torch.nn.LSTM)
        with self.assertRaisesRegex(SystemExit, "belongs to another run"):
            self.taught().resume(self.folder / "c.checkpoint")

    def test_teacher_writes_a_text_with_its_own_frequencies(self):
        bias = torch.full((len(LETTERS),), -30.0)
        bias[LETTERS.index("a")], bias[LETTERS.index("e")] = 0.0, math.log(3)
        gated_file(self.path, torch.nn.LSTM, out__bias=bias,
                   out__weight=torch.zeros(len(LETTERS), 24))
        taught_by = teacher.read(self.path)
        text = teacher.write_text(taught_by, 20_001, 4)
        self.assertEqual(len(text), 20_001)
        self.assertEqual(text, teacher.write_text(taught_by, 20_001, 4))
        self.assertEqual(set(text), set(b"ae"))
        self.assertLess(abs(text.count(b"e") / len(text) - 0.75), 0.02)

    def test_command_distils_without_a_text(self):
        gated_file(self.path, torch.nn.LSTM)
        output = self.folder / "m.safetensors"
        done = subprocess.run(
            [sys.executable, str(HERE / "train.py"), "--preset", "tiny", "--bytes", "20480",
             "--teacher", self.path, "--teacher-text", "60000", "--split", "80/20/0",
             "-o", str(output)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tensors, card = safetensors_file.read(output)
        self.assertEqual(card["teacher_sha256"], teacher.read(self.path).sha256)
        self.assertEqual(card["teacher_weight"], "1.0")
        self.assertEqual(int(tensors["byte_symbol"][ord(LETTERS[5])]), 5)
        self.assertEqual(len(list(self.folder.glob("m.teacher-*.txt"))), 1)

    def refused(self, expected, **changes):
        gated_file(self.path, torch.nn.LSTM, **changes)
        with self.assertRaisesRegex(ValueError, expected):
            teacher.read(self.path)

    def test_bad_teachers_are_refused_by_name(self):
        self.refused("no tensor \"rnn.weight_ih_l1\"", rnn__weight_ih_l1=None)
        self.refused(r"\"rnn.weight_hh_l1\" is \[5, 5\]", rnn__weight_hh_l1=torch.zeros(5, 5))
        self.refused("expected 4 .LSTM. or 3", rnn__weight_hh_l0=torch.zeros(50, 24))
        self.refused("0 output layers", out__bias=None)
        self.refused("read backwards", rnn__weight_ih_l0_reverse=torch.zeros(1, 1))
        self.refused("has 2 characters, the network 23", alphabet='["a", "b"]')
        self.refused("not one byte in windows-1252", alphabet=json.dumps(
            [chr(0x4e00 + i) for i in range(23)]))
        self.refused("number of its own", alphabet=json.dumps(dict.fromkeys(LETTERS, 3)))
        pathlib.Path(self.path).write_bytes(b"no")
        with self.assertRaisesRegex(ValueError, "not a .safetensors file"):
            teacher.read(self.path)


if __name__ == "__main__":
    unittest.main()
