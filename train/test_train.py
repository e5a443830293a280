#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the trainer: /usr/bin/python3 train/test_train.py (half a minute on one core).

The text is made here: sentences of a small grammar, so no data set is needed.
"""

import dataclasses
import itertools
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import curve_picture  # noqa: E402
import muxscan  # noqa: E402
import safetensors_file  # noqa: E402
import start  # noqa: E402
import training_text  # noqa: E402
import train  # noqa: E402
from muxrnn import Config, MuxRNN, integer_tensors  # noqa: E402


def grammar_text(n_bytes, seed):
    rng, words = random.Random(seed), []
    while sum(map(len, words)) < n_bytes:
        words.append("the %s %s %s the %s%s" % (
            rng.choice(["old", "red", "quiet"]), rng.choice(["ship", "fox", "garden"]),
            rng.choice(["sees", "finds"]), rng.choice(["sea", "moon", "river"]),
            rng.choice([".\n", ", and ", "; "])))
    return "".join(words).encode()[:n_bytes]


def integer_reference(tensors, unit, data):
    """The step of docs/formats/muxrnn.md in plain integers -> mean bits per byte."""
    symbol, code = tensors["byte_symbol"].long(), tensors["code"].long() * 2 - 1
    weights = [tensors[k].long() for k in sorted(tensors) if k.endswith(".weight") and "layers" in k]
    bounds = [tensors[k].long() for k in sorted(tensors) if k.endswith(".threshold")]
    n_state = weights[0].shape[1]
    n_window = weights[0].shape[2] // code.shape[1]
    bits = [torch.full((n_state,), -1) for _ in weights]
    window = [torch.full((code.shape[1],), -1) for _ in range(n_window)]
    total = 0.0
    for byte, following in zip(data, data[1:]):
        window = [code[symbol[byte]]] + window[:-1]
        for i, (w, t) in enumerate(zip(weights, bounds)):
            x = torch.cat(window) if i == 0 else torch.cat(bits[:i] + [window[0]])
            fires = (w @ x) >= t
            candidate = torch.where(fires[1], 1, -1)
            bits[i] = torch.where(fires[0], candidate, bits[i])
        logits = tensors["head.weight"].long() @ torch.cat(bits) + tensors["head.bias"].long()
        cost = F.log_softmax(logits.double() * unit, 0)[symbol[following]]
        total -= cost.item() / math.log(2)
    return total / (len(data) - 1)


def bits_of(model, symbols):
    """The state bits after each symbol, [layer, batch, time, neuron] for the layers of all."""
    kept = []
    hooks = [layer.register_forward_hook(lambda _, __, out: kept.append(out))
             for layer in model.layers]
    model(symbols, model.first_state(len(symbols)))
    for hook in hooks:
        hook.remove()
    return torch.stack(kept)


class Scan(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(3)
        n_batch, n_time, n_neurons, n_codes, n_symbols = 3, 37, 20, 4, 7
        self.dense = torch.randint(-9, 10, (n_batch, n_time, 2 * n_neurons)).to(torch.bfloat16)
        self.tables = torch.randint(-5, 6, (n_codes, n_symbols, 2 * n_neurons)).float()
        self.seen = torch.randint(n_symbols, (n_batch, n_codes - 1 + n_time))
        self.gain, self.bias = torch.rand(2, n_neurons) * 0.5 + 0.1, torch.randn(2, n_neurons)
        self.first = torch.where(torch.rand(n_batch, n_neurons) > 0.5, 1.0, -1.0)
        self.first = self.first.to(torch.bfloat16)

    def expected_sums(self, dense):
        n_codes, sums = len(self.tables), torch.zeros(self.dense.shape)
        for b, t, i in itertools.product(*map(range, self.dense.shape[:2]), range(n_codes)):
            sums[b, t] += self.tables[i, self.seen[b, n_codes - 1 + t - i]]
        return (sums if dense is None else sums + dense.float()).to(torch.bfloat16)

    def test_tensor_scan_equals_a_loop_over_time(self):
        sums = muxscan._sums(self.dense, self.tables, self.seen, torch.bfloat16)
        self.assertTrue(torch.equal(sums, self.expected_sums(self.dense)))
        got = muxscan._forward_tensors(sums, self.gain, self.bias, self.first)
        z, c, u, v = muxscan._affine(sums, self.gain, self.bias)
        state = self.first.float()
        for t in range(u.shape[1]):
            state = torch.where(u[:, t] > 0, torch.where(v[:, t] > 0, 1.0, -1.0), state)
            self.assertTrue(torch.equal(got[:, t].float(), state))

    def check_kernel(self, dense):
        if not muxscan.kernel():
            self.skipTest("no C compiler for muxscan.c")
        leaves = [t if t is None else t.clone().requires_grad_()
                  for t in (dense, self.tables, self.gain, self.bias)]
        state = muxscan.MuxScan.apply(*leaves[:2], self.seen, *leaves[2:], self.first)
        sums = self.expected_sums(dense)
        self.assertTrue(torch.equal(
            state, muxscan._forward_tensors(sums, self.gain, self.bias, self.first)))
        d_state = torch.randn(state.shape).to(torch.bfloat16)
        state.backward(d_state)
        d_sums, d_gain, d_bias = muxscan._backward_tensors(
            sums, self.gain, self.bias, self.first, state, d_state)
        d_tables = muxscan._d_tables(d_sums, self.tables, self.seen)
        for leaf, gradient in zip(leaves, (d_sums, d_tables, d_gain, d_bias)):
            if leaf is not None:
                error = (leaf.grad.float() - gradient.float()).abs().max()
                self.assertLess(float(error), 0.02 * float(gradient.float().abs().max()))

    def test_compiled_kernel_equals_tensor_scan(self):
        self.check_kernel(self.dense)

    def test_compiled_kernel_does_without_layers_below(self):
        self.check_kernel(None)


class Text(unittest.TestCase):
    def test_rare_bytes_share_the_last_symbol(self):
        table = training_text.byte_symbols(b"aaaabbbbc", 2)
        self.assertEqual([int(table[b]) for b in b"abcz"], [0, 1, 2, 2])

    def test_split_cuts_by_position_and_loses_nothing(self):
        parts = training_text.split(bytes(range(101)), "80/10/10")
        self.assertEqual([len(p) for p in parts], [80, 11, 10])
        self.assertEqual(b"".join(parts), bytes(range(101)))

    def test_split_that_does_not_sum_to_the_whole_is_refused(self):
        for shares in ("80/10", "80/10/20", "100/0/0", "a/b/c"):
            with self.assertRaisesRegex(SystemExit, "expected three whole numbers"):
                training_text.split(b"text", shares)

    def test_streams_cover_the_text_and_predict_the_next_byte(self):
        symbols = torch.arange(100, dtype=torch.uint8)
        streams = training_text.Streams(symbols, 3, 11, torch.Generator().manual_seed(0))
        x, y, is_fresh = streams.next()
        self.assertTrue(is_fresh)
        self.assertTrue(torch.equal(x[:, 1:], y[:, :-1]))
        self.assertEqual(x[:, 0].tolist(), [0, 33, 66])


def arguments(path, *more):
    sys.argv = ["train.py", "--preset", "tiny", "--train", str(path), "--valid", str(path),
                "-o", "unused", *more]
    return train.arguments()


class Training(unittest.TestCase):
    def run_trainer(self, folder, *more):
        command = [sys.executable, str(HERE / "train.py"), "--preset", "tiny", "--bytes", "400000",
                   "--train", str(folder / "text.txt"), "--split", "90/8/2",
                   "-o", str(folder / "m.safetensors"), *more]
        return subprocess.run(command, capture_output=True, text=True)

    def test_tiny_model_learns_exports_and_agrees_with_its_integers(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "text.txt").write_bytes(grammar_text(220_000, 1))
            done = self.run_trainer(folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            tensors, card = safetensors_file.read(folder / "m.safetensors")
            self.assertEqual(card["format"], "bitloom.muxrnn.1")
            measured = float(card["valid_bits_per_byte"])
            self.assertLess(measured, 1.0)  # the grammar has about 0.25 bits per byte
            test = (folder / "m.test.txt").read_bytes()
            self.assertEqual(test, grammar_text(220_000, 1)[-4400:])
            exact = integer_reference(tensors, float(card["logit_unit_nats"]), test[:3000])
            self.assertLess(abs(exact - measured), 0.1)
            xml.etree.ElementTree.fromstring((folder / "m.svg").read_text())
            other = self.run_trainer(folder, "--seed", "2")
            self.assertIn("belongs to another run", other.stderr)

    def test_stopped_training_goes_on_to_the_same_network(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "t.txt"
            path.write_bytes(grammar_text(50_000, 1))
            a = arguments(path, "--bytes", "20480", "--dropout", "0.1", "--nonzeros", "9000")
            straight = train.Run(a)
            for _ in range(20):
                straight.train_step()
            broken = train.Run(a)
            for _ in range(9):
                broken.train_step()
            broken.save(pathlib.Path(name) / "c.checkpoint")
            resumed = train.Run(a)
            resumed.resume(pathlib.Path(name) / "c.checkpoint")
            for _ in range(11):
                resumed.train_step()
            a, b = integer_tensors(straight.model)[0], integer_tensors(resumed.model)[0]
            self.assertTrue(all(torch.equal(a[k], b[k]) for k in a))

    def test_run_can_start_from_the_weights_of_a_checkpoint(self):
        with tempfile.TemporaryDirectory() as name:
            path, kept = pathlib.Path(name) / "t.txt", str(pathlib.Path(name) / "c.checkpoint")
            path.write_bytes(grammar_text(50_000, 1))
            first = train.Run(arguments(path))
            first.train_step()
            first.save(pathlib.Path(kept))
            second = train.Run(arguments(path, "--start", kept, "--dropout", "0.2", "--seed", "2"))
            a, b = integer_tensors(first.model)[0], integer_tensors(second.model)[0]
            self.assertTrue(all(torch.equal(a[k], b[k]) for k in a))
            self.assertEqual(second.seen, 0)

    def test_pruned_training_ends_with_the_wished_weights(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "t.txt"
            path.write_bytes(grammar_text(50_000, 1))
            run = train.Run(arguments(path, "--bytes", "102400", "--nonzeros", "8000"))
            before = run.model.n_nonzeros()
            for _ in range(100):
                run.train_step()
            self.assertGreater(before, 16_000)
            self.assertLess(abs(run.model.n_nonzeros() - 8000), 400)


class Scale(unittest.TestCase):
    def test_scale_makes_up_for_logits_that_are_too_large_or_too_small(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "t.txt"
            path.write_bytes(grammar_text(50_000, 1))
            run = train.Run(arguments(path, "--bytes", "40960"))
            for _ in range(40):
                run.train_step()
            head = run.model.head.data.clone()
            for factor, is_right in ((5, lambda scale: scale < 1), (0.2, lambda scale: scale > 1)):
                run.model.head.data = head * factor
                scale, bits = train.best_scale(run)
                self.assertTrue(is_right(scale), scale)
                self.assertLess(bits, train.bits_per_byte(run.model, run.valid, run.device))


class Presets(unittest.TestCase):
    def shape(self, name):
        return Config(n_symbols=50, **train.PRESETS[name][0])

    def test_latents_are_what_the_guide_says(self):
        sizes = {"tiny": 0.05e6, "small": 1.8e6, "medium": 24e6, "large": 154e6}
        for name, n_latents in sizes.items():
            c = self.shape(name)
            inputs = [c.n_window * c.n_code] + [c.n_state * i + c.n_code
                                                for i in range(1, c.n_layers)]
            self.assertLess(abs(2 * c.n_state * sum(inputs) / n_latents - 1), 0.1, name)

    def test_medium_makes_a_step(self):
        model = MuxRNN(self.shape("medium"))
        symbols = torch.randint(50, (1, 9))
        logits, state = model(symbols[:, :-1], model.first_state(1))
        F.cross_entropy(logits, symbols[0, 1:]).backward()
        self.assertEqual(list(logits.shape), [8, 50])
        self.assertTrue(all(p.grad.isfinite().all() for p in model.parameters()))


class Picture(unittest.TestCase):
    CURVE = [[1_000_000 * i, 2.5 - 0.1 * i, 2.6 - 0.08 * i] for i in range(1, 6)]

    def test_picture_names_the_last_values_and_escapes_its_title(self):
        drawn = curve_picture.svg(self.CURVE, "a<b")
        words = "".join(xml.etree.ElementTree.fromstring(drawn).itertext())
        for expected in ("a<b", "training 2.000", "validation 2.200", "megabytes read"):
            self.assertIn(expected, words)

    def test_one_point_is_enough(self):
        xml.etree.ElementTree.fromstring(curve_picture.svg(self.CURVE[:1], "one"))

    def test_grid_steps_are_round(self):
        self.assertEqual([round(v, 6) for v in curve_picture.grid(1.9, 2.3, 5)],
                         [1.9, 2.0, 2.1, 2.2, 2.3])


class Start(unittest.TestCase):
    OLD = Config(n_symbols=11, n_code=8, n_window=2, n_state=5, n_layers=2)

    def old_network(self):
        torch.manual_seed(5)
        model = MuxRNN(self.OLD)
        return model, *integer_tensors(model)

    def started(self, **shape):
        model, tensors, unit = self.old_network()
        grown = MuxRNN(Config(**{**dataclasses.asdict(self.OLD), **shape}))
        start.start_from(grown, tensors, self.OLD, unit)
        return tensors, integer_tensors(grown)[0], grown

    def test_same_shape_gives_the_same_integers(self):
        old, new, _ = self.started()
        for name in old:
            if name.endswith("threshold"):  # a neuron that never fires may never fire otherwise
                continue
            self.assertTrue(torch.equal(old[name], new[name]), name)

    def test_grown_network_keeps_its_old_bits(self):
        model, _, _ = self.old_network()
        _, _, grown = self.started(n_code=12, n_window=4, n_state=9, n_layers=3)
        symbols = torch.randint(11, (4, 50))
        self.assertTrue(torch.equal(bits_of(model, symbols),
                                    bits_of(grown, symbols)[:2, ..., :5]))

    def test_network_of_levels_starts_with_the_same_integers(self):
        config = dataclasses.replace(self.OLD, n_state=6, n_levels=4)
        torch.manual_seed(5)
        tensors, unit = integer_tensors(MuxRNN(config))
        again = MuxRNN(config)
        start.start_from(again, tensors, config, unit)
        new = integer_tensors(again)[0]
        self.assertTrue(all(torch.equal(tensors[name], new[name]) for name in tensors))
        with self.assertRaisesRegex(ValueError, "have 4 levels, this run's 2"):
            start.start_from(MuxRNN(self.OLD), tensors, config, unit)

    def test_another_alphabet_or_a_smaller_network_is_refused(self):
        for shape in ({"n_symbols": 12}, {"n_state": 4}):
            with self.assertRaises(ValueError):
                self.started(**shape)


class Export(unittest.TestCase):
    def test_integers_have_the_shapes_that_melt_reads(self):
        config = Config(n_symbols=11, n_code=8, n_window=3, n_state=5, n_layers=2)
        tensors, unit = integer_tensors(MuxRNN(config))
        self.assertGreater(unit, 0)
        self.assertEqual(list(tensors["layers.0.weight"].shape), [2, 5, 24])
        self.assertEqual(list(tensors["layers.1.weight"].shape), [2, 5, 13])
        self.assertEqual(list(tensors["head.weight"].shape), [11, 10])
        self.assertLessEqual(int(tensors["head.weight"].abs().max()), 7)


if __name__ == "__main__":
    unittest.main()
