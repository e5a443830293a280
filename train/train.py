#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Train a MuxRNN on a text and write it as integers, ready for `bitloom melt`.

    /usr/bin/python3 train/train.py --preset tiny --train book.txt --valid other.txt -o m.safetensors
    /usr/bin/python3 train/train.py --preset tiny --train book.txt --split 80/10/10 -o m.safetensors
    /usr/bin/python3 train/train.py --teacher lstm.safetensors --train book.txt ... -o m.safetensors

Runs on Debian's python3-torch (1.13) with libopenblas0-pthread, and unchanged on a newer PyTorch
with a GPU (--device cuda). Interrupt it at will: the same command goes on from its checkpoint.
"""

import argparse
import ctypes
import dataclasses
import json
import math
import os
import pathlib
import platform
import signal
import sys
import time

# Debian's OpenBLAS picks a slow generic kernel on recent CPUs: naming an AVX-512 core makes
# matrix products 30 times faster. Must be set before torch is imported.
if "avx512" in (pathlib.Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""):
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
# One thread unless the caller says more (OMP_NUM_THREADS=2 train.py ...).
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", os.environ["OMP_NUM_THREADS"])

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import curve_picture  # noqa: E402
import safetensors_file  # noqa: E402
import start  # noqa: E402
import teacher  # noqa: E402
import training_text  # noqa: E402
from muxrnn import Config, MuxRNN, integer_tensors  # noqa: E402

# The rate of the ternary latents is the most important knob of all: docs/design/007-training.md.
PRESETS = {
    #          model                                                      bytes to see, rate, batch
    "tiny":   (dict(n_code=64, n_window=4, n_state=64, n_layers=2), 2_000_000, 0.16, 8),
    "small":  (dict(n_code=256, n_window=6, n_state=320, n_layers=3), 110_000_000, 0.05, 32),
    # For a GPU: 24 M latents and 20 minutes of an H100, 150 M latents and an hour, by estimate.
    "medium": (dict(n_code=512, n_window=6, n_state=1024, n_layers=4), 1_500_000_000, 0.04, 256),
    "large":  (dict(n_code=512, n_window=8, n_state=2048, n_layers=6), 1_500_000_000, 0.04, 256),
}
OTHER_RATE = 1.5e-3      # of everything that is not a latent
WARM_UP_STEPS = 200      # of a short run, a tenth of its steps
LAST_RATE = 0.02         # the rates' last value, as a share of their largest
PRUNING = (0.0, 0.2)     # between these shares of a run the weights get fewer
PRUNING_STEPS = 20       # from one choice of thresholds to the next
SCALES = [0.8 + 0.025 * i for i in range(13)]   # of the logits, tried when all is done
CHECKPOINT_SECONDS = 120
N_EVALUATIONS = 40       # points of the validation curve


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--preset", choices=PRESETS, default="small")
    p.add_argument("--train", metavar="FILE", help="training text, plain or .xz")
    p.add_argument("--valid", metavar="FILE", help="validation text, plain or .xz")
    p.add_argument("--split", metavar="A/B/C", help="in place of --valid, cut the training text: "
                   "A %% to train on, the next\nB %% to validate, the last C %% go to OUTPUT.test.txt")
    p.add_argument("--teacher", metavar="FILE", help="imitate this network: an LSTM, a GRU\n"
                   "(docs/formats/gated.md) or a MuxRNN in .safetensors")
    p.add_argument("--teacher-weight", type=float, default=1.0, metavar="X",
                   help="its share of the loss; the rest is the text's (default 1)")
    p.add_argument("--teacher-text", type=int, default=0, metavar="N",
                   help="let it write N bytes of training text, beside or instead of --train")
    p.add_argument("--alphabet", metavar="FILE", help="the teacher's characters, JSON; default: its metadata")
    p.add_argument("--encoding", metavar="NAME", help="in which one is a byte; default: its metadata")
    p.add_argument("-o", "--output", required=True, metavar="FILE", help="the .safetensors file")
    p.add_argument("--bytes", type=int, metavar="N", help="training bytes to see (preset decides)")
    p.add_argument("--n-code", type=int, metavar="N", help="code bits of a byte")
    p.add_argument("--n-window", type=int, metavar="N", help="bytes that layer 0 sees")
    p.add_argument("--n-state", type=int, metavar="N", help="state bits of a layer")
    p.add_argument("--n-layers", type=int, metavar="N")
    p.add_argument("--levels", type=int, default=2, metavar="N",
                   help="of a cell, which then has N - 1 of the state bits (default 2)")
    p.add_argument("--rate", type=float, metavar="X", help="the latents' largest rate")
    p.add_argument("--dropout", type=float, default=0.0, metavar="P",
                   help="share of the bits hidden from their readers, for small texts (default 0)")
    p.add_argument("--nonzeros", type=int, metavar="N",
                   help="prune to about N weights that are not zero")
    p.add_argument("--batch", type=int, metavar="N", help="streams (preset decides)")
    p.add_argument("--time", type=int, default=128, metavar="N", help="bytes a step (default 128)")
    p.add_argument("--head-bits", type=int, metavar="N", help="of a head weight (default 4)")
    p.add_argument("--start", metavar="FILE",
                   help="begin from this network, of this shape or a smaller one, or from the\n"
                   "weights in a checkpoint of this shape")
    p.add_argument("--min-count", type=int, default=64, metavar="N",
                   help="rarer bytes share one symbol (default 64)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--device", default="cpu")
    p.add_argument("--origin", default="", metavar="TEXT", help="where the text is from, its licence")
    a = p.parse_args()
    if not a.teacher and (a.teacher_text or a.alphabet or a.encoding or a.teacher_weight != 1):
        p.error("--teacher-weight, --teacher-text, --alphabet and --encoding need --teacher FILE")
    if not 0 <= a.teacher_weight <= 1 or a.teacher_text < 0:
        p.error("--teacher-weight lies between 0 and 1, --teacher-text is a number of bytes")
    if not a.train and not a.teacher_text:
        p.error("give --train FILE, or a --teacher that writes a --teacher-text")
    if (a.valid is None) == (a.split is None):
        p.error("give either --valid FILE or --split A/B/C")
    return a


def keep_freed_memory():
    """Tell glibc to keep large freed blocks: PyTorch asks for the same sizes each step, and
    fresh pages from the kernel cost as much as the additions done in them."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library: only slower
    trim_threshold, mmap_max, arena_max = -1, -4, -8
    mallopt(trim_threshold, 2 ** 31 - 1)
    mallopt(mmap_max, 0)
    mallopt(arena_max, 1)  # the backward pass has a thread of its own


def learning_rate(step, n_steps):
    """Warm-up, then exponential decay, as a multiple of the base rate."""
    warm_up = max(1, min(WARM_UP_STEPS, n_steps // 10))
    return min(1.0, step / warm_up) * LAST_RATE ** (step / n_steps)


def share_left(share, fraction):
    """The share of weights to keep while a run that is to end with `share` is `fraction` done."""
    begin, end = PRUNING
    return share ** min(max((fraction - begin) / (end - begin), 0.0), 1.0)


def costs(model, symbols, device, scales, n_streams=32, n_time=256, limit=None):
    """Mean bits of a byte for each scale of the logits; each stream starts cold."""
    length = (min(limit or len(symbols), len(symbols)) - 1) // n_streams
    x = symbols[:n_streams * length].view(n_streams, length)
    y = symbols[1:n_streams * length + 1].view(n_streams, length)
    totals, state = [0.0] * len(scales), model.first_state(n_streams)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for t in range(0, length, n_time):
            logits, state = model(x[:, t:t + n_time].long().to(device), state)
            target = y[:, t:t + n_time].long().reshape(-1).to(device)
            for i, scale in enumerate(scales):
                totals[i] += F.cross_entropy(logits * scale, target, reduction="sum").item()
    model.train(was_training)
    return [total / (n_streams * length) / math.log(2) for total in totals]


def bits_per_byte(model, symbols, device, limit=None):
    return costs(model, symbols, device, (1.0,), limit=limit)[0]


def best_scale(run):
    """What to multiply the logits with, by the validation text: a network that has read its text
    often is too sure of itself. -> scale, bits per byte"""
    bits = costs(run.model, run.valid, run.device, SCALES)
    return SCALES[bits.index(min(bits))], min(bits)


def read_teacher(a):
    if not a.teacher:
        return None
    try:
        return teacher.read(a.teacher, a.alphabet, a.encoding).to(a.device)
    except OSError as problem:
        raise SystemExit("%s: %s" % (problem.filename, problem.strerror))
    except ValueError as problem:
        raise SystemExit("%s: %s" % (a.teacher, problem))


def teacher_text(a, taught_by):
    """What the teacher writes for this run, kept beside the output for the next start."""
    if not a.teacher_text:
        return b""
    made_from = "%s %s %d %d" % (taught_by.sha256, training_text.sha256(bytes(taught_by.table.tolist())),
                                 a.teacher_text, a.seed)
    path = pathlib.Path(a.output).with_suffix(
        ".teacher-%s.txt" % training_text.sha256(made_from.encode())[:8])
    if not path.exists():
        print("the teacher writes %s" % path, flush=True)
        fresh = path.with_suffix(".tmp")
        fresh.write_bytes(teacher.write_text(taught_by, a.teacher_text, a.seed))
        fresh.replace(path)
    return path.read_bytes()


class Run:
    """Everything that a checkpoint keeps."""

    def __init__(self, a):
        torch.manual_seed(a.seed)
        self.teacher, self.teacher_weight = read_teacher(a), a.teacher_weight
        self.read_texts(a)
        self.table = self.teacher.table if self.teacher else training_text.byte_symbols(
            self.train_bytes, a.min_count)
        shape, self.goal_bytes, rate, n_batch = PRESETS[a.preset]
        rate, n_batch = a.rate or rate, a.batch or n_batch
        given = {k: getattr(a, k) for k in (*shape, "head_bits") if getattr(a, k) is not None}
        n_symbols = (self.teacher.n_symbols if self.teacher else
                     training_text.n_symbols(self.table))
        self.config = Config(n_symbols=n_symbols, n_levels=a.levels, **{**shape, **given})
        if a.levels < 2 or self.config.n_state % (a.levels - 1):
            raise SystemExit("--levels %d: cells of %d bits do not divide %d state bits"
                             % (a.levels, a.levels - 1, self.config.n_state))
        self.goal_bytes = a.bytes or self.goal_bytes
        self.device = torch.device(a.device)
        self.model = MuxRNN(self.config, dropout=a.dropout)
        if a.start:
            self.start_from(a.start)
        self.model.to(self.device)
        latents = self.model.latents()
        others = [p for p in self.model.parameters() if all(p is not q for q in latents)]
        self.optimizer = torch.optim.AdamW(
            [dict(params=latents, lr=0, base=rate),
             dict(params=others, lr=0, base=OTHER_RATE)], betas=(0.9, 0.99), weight_decay=0.0)
        self.streams = training_text.Streams(
            training_text.to_symbols(self.train_bytes, self.table), n_batch, a.time,
            torch.Generator().manual_seed(a.seed))
        self.valid = training_text.to_symbols(self.valid_bytes, self.table)
        self.state = self.model.first_state(n_batch)
        self.teacher_state = self.teacher and self.teacher.first_state(n_batch)
        self.n_nonzeros = a.nonzeros
        self.step, self.seen, self.seconds, self.curve, self.mean = 0, 0, 0.0, [], None
        self.identity = {"config": dataclasses.asdict(self.config), "seed": a.seed,
                         "batch": n_batch, "time": a.time, "goal_bytes": self.goal_bytes,
                         "rate": rate, "dropout": a.dropout, "nonzeros": a.nonzeros,
                         "start": a.start,
                         "table_sha256": training_text.sha256(bytes(self.table.tolist())),
                         "train_sha256": training_text.sha256(self.train_bytes)}
        if self.teacher:
            self.identity.update(teacher_sha256=self.teacher.sha256,
                                 teacher_weight=a.teacher_weight)

    def read_texts(self, a):
        text = training_text.read_bytes(a.train) if a.train else teacher_text(a, self.teacher)
        if a.split:
            text, self.valid_bytes, self.test_bytes = training_text.split(text, a.split)
        else:
            self.valid_bytes, self.test_bytes = training_text.read_bytes(a.valid), b""
        self.train_bytes = text + (teacher_text(a, self.teacher) if a.train else b"")

    def start_from(self, path):
        if path.endswith(".checkpoint"):
            self.model.load_state_dict(torch.load(path, map_location="cpu")["model"])
            return
        tensors, card = safetensors_file.read(path)
        try:
            start.start_from(self.model, tensors, Config(**json.loads(card["config"])),
                             float(card["logit_unit_nats"]))
        except ValueError as problem:
            raise SystemExit("%s: %s" % (path, problem))

    def save(self, path):
        fresh = path.with_suffix(".tmp")
        torch.save({"identity": self.identity, "model": self.model.state_dict(),
                    "optimizer": self.optimizer.state_dict(), "state": self.state,
                    "teacher_state": self.teacher_state,
                    "streams": self.streams.progress(),
                    "generator": self.streams.generator.get_state(),
                    "random": torch.get_rng_state(), "step": self.step,
                    "seen": self.seen, "seconds": self.seconds, "curve": self.curve,
                    "mean": self.mean}, fresh)
        fresh.replace(path)

    def resume(self, path):
        kept = torch.load(path, map_location=self.device)
        kept["identity"]["config"].setdefault("n_levels", 2)  # of checkpoints older than levels
        if kept["identity"] != self.identity:
            raise SystemExit("%s: belongs to another run (model, seed, text or length differ); "
                             "remove it or choose another output" % path)
        self.model.load_state_dict(kept["model"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.streams.resume(kept["streams"])
        self.streams.generator.set_state(kept["generator"].cpu())
        torch.set_rng_state(kept["random"].cpu())
        for name in ("state", "step", "seen", "seconds", "curve", "mean"):
            setattr(self, name, kept[name])
        self.teacher_state = kept.get("teacher_state")

    def prune(self):
        if self.n_nonzeros and self.step % PRUNING_STEPS == 0:
            share = self.n_nonzeros / self.model.n_latents()
            self.model.prune(share_left(share, self.seen / self.goal_bytes))

    def loss(self, x, y):
        """Nats a byte that the next bytes y cost, or what the teacher expects of them."""
        logits, self.state = self.model(x, self.state)
        if not self.teacher:
            return F.cross_entropy(logits, y)
        with torch.no_grad():
            taught, self.teacher_state = self.teacher(x, self.teacher_state)
        loss = self.teacher_weight * F.cross_entropy(logits, taught.softmax(-1))
        if self.teacher_weight < 1:
            loss = loss + (1 - self.teacher_weight) * F.cross_entropy(logits, y)
        return loss

    def train_step(self):
        x, y, is_fresh = self.streams.next()
        if is_fresh:
            self.state = self.model.first_state(self.streams.n_batch)
            self.teacher_state = self.teacher and self.teacher.first_state(self.streams.n_batch)
        rate = learning_rate(self.step, max(1, self.goal_bytes // x.numel()))
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * rate
        loss = self.loss(x.to(self.device), y.reshape(-1).to(self.device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.model.clamp_latents()
        self.prune()
        self.step += 1
        self.seen += x.numel()
        bits = loss.item() / math.log(2)
        self.mean = bits if self.mean is None else 0.98 * self.mean + 0.02 * bits


def show_progress(run, rate):
    left = (run.goal_bytes - run.seen) / max(rate, 1)
    line = "%5.1f %%  %6.1f MB  train %.3f  %5.1f kB/s  %d min %02d s left" % (
        100 * run.seen / run.goal_bytes, run.seen / 1e6, run.mean, rate / 1e3, left // 60,
        left % 60)
    if sys.stderr.isatty():
        print("\r" + line, end="", file=sys.stderr, flush=True)


def draw_curve(run, a):
    output = pathlib.Path(a.output)
    output.with_suffix(".svg").write_text(curve_picture.svg(run.curve, output.stem))


def teacher_card(run):
    if not run.teacher:
        return {}
    bits = bits_per_byte(run.teacher, run.valid, run.device)
    print("the teacher itself: %.4f bits per byte" % bits)
    return {"teacher_sha256": run.teacher.sha256, "teacher_weight": repr(run.teacher_weight),
            "teacher_valid_bits_per_byte": "%.4f" % bits}


def export(run, a):
    tensors, unit = integer_tensors(run.model)
    scale, bits = best_scale(run)
    tensors["byte_symbol"] = run.table
    card = {
        "format": "bitloom.muxrnn.1",
        "config": json.dumps(dataclasses.asdict(run.config)),
        "logit_unit_nats": repr(unit * scale),
        "valid_bits_per_byte": "%.4f" % bits,
        "n_nonzeros": str(run.model.n_nonzeros()),
        "train_sha256": training_text.sha256(run.train_bytes), "train_bytes": str(len(run.train_bytes)),
        "valid_sha256": training_text.sha256(run.valid_bytes), "valid_bytes": str(len(run.valid_bytes)),
        "seen_bytes": str(run.seen), "seconds": "%.0f" % run.seconds,
        "curve": json.dumps(run.curve),   # [bytes seen, train, valid bits per byte] each
        **teacher_card(run),
        "origin": a.origin, "seed": str(a.seed),
        "command": " ".join(["train/train.py"] + sys.argv[1:]),
        "machine": "torch %s, %s, %s" % (torch.__version__, a.device, platform.machine()),
    }
    safetensors_file.write(a.output, tensors, card)
    print("%s: %.4f bits per byte on all of the validation text, %d non-zero weights" % (
        a.output, bits, run.model.n_nonzeros()))


def main():
    a = arguments()
    keep_freed_memory()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    checkpoint = pathlib.Path(a.output).with_suffix(".checkpoint")
    run = Run(a)
    if checkpoint.exists():
        run.resume(checkpoint)
        print("going on from %s at %.1f MB" % (checkpoint, run.seen / 1e6), flush=True)
    print("%d symbols, %d parameters, %d training bytes, %d to see" % (
        run.config.n_symbols, sum(p.numel() for p in run.model.parameters()),
        len(run.train_bytes), run.goal_bytes), flush=True)

    stop = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.append(True))
    begun, base, first_seen = time.time(), run.seconds, run.seen
    saved = begun
    sample = max(20_000, min(200_000, run.goal_bytes // 100))
    while run.seen < run.goal_bytes and not stop:
        run.train_step()
        now = time.time()
        run.seconds = base + now - begun
        show_progress(run, (run.seen - first_seen) / (now - begun))
        if run.seen >= run.goal_bytes * (len(run.curve) + 1) / (N_EVALUATIONS + 1):
            valid = bits_per_byte(run.model, run.valid, run.device, limit=sample)
            run.curve.append([run.seen, round(run.mean, 4), round(valid, 4)])
            print("%8.2f MB  epoch %5.2f  train %.3f  valid %.3f  %.1f kB/s" % (
                run.seen / 1e6, run.seen / len(run.train_bytes), run.mean, valid,
                (run.seen - first_seen) / (now - begun) / 1e3), flush=True)
            draw_curve(run, a)
        if now - saved > CHECKPOINT_SECONDS:
            run.save(checkpoint)
            saved = now
    run.save(checkpoint)
    if stop:
        print("stopped; the same command goes on from %s" % checkpoint, flush=True)
        return 1
    if run.test_bytes:
        pathlib.Path(a.output).with_suffix(".test.txt").write_bytes(run.test_bytes)
    export(run, a)
    return 0


if __name__ == "__main__":
    sys.exit(main())
