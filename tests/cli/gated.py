#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`bitloom melt` reads LSTMs and GRUs as PyTorch means them. gated.py PROGRAM

Networks with large random weights are written under PyTorch's names and melted; the bits per byte
that melt computes in floating point must be those that PyTorch computes, and the logic, with as
many bits as there are, must be near. Skipped where there is no PyTorch.
"""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "train"))
os.environ.setdefault("OMP_NUM_THREADS", "1")
try:
    import torch
except ImportError:
    print("skipped: no PyTorch for", sys.executable)
    sys.exit(77)
from from_tensorflow import write  # noqa: E402

PROGRAM = sys.argv[1]
ALPHABET = "abcdefghijklmnopqrstuvwxyz .,\n"
STREAMS, STEPS, WARM = 64, 512, 32  # as docs/formats/gated.md says


class Network(torch.nn.Module):
    def __init__(self, kind, n_layers, n_embedding, n_hidden):
        super().__init__()
        self.embedding = torch.nn.Embedding(len(ALPHABET), n_embedding)
        self.rnn = kind(n_embedding, n_hidden, n_layers, batch_first=True)
        self.head = torch.nn.Linear(n_hidden, len(ALPHABET))
        for p in self.parameters():
            torch.nn.init.normal_(p, std=0.5)

    def forward(self, symbols):
        return self.head(self.rnn(self.embedding(symbols))[0])


def bits_per_byte(network, symbols):
    length = len(symbols) // STREAMS
    x = symbols[:STREAMS * length].view(STREAMS, length)[:, :STEPS]
    with torch.no_grad():
        logits = network(x[:, :-1])[:, WARM:]
    target = x[:, WARM + 1:]
    cost = torch.nn.functional.cross_entropy(logits.reshape(-1, len(ALPHABET)), target.reshape(-1))
    return cost.item() / math.log(2)


def main():
    torch.manual_seed(1)
    symbols = torch.randint(len(ALPHABET), (STREAMS * 140,))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "text").write_bytes(bytes(ALPHABET[s].encode()[0] for s in symbols.tolist()))
        for kind, n_layers, n_embedding, n_hidden in [(torch.nn.LSTM, 1, 7, 12), (torch.nn.LSTM, 3, 16, 20),
                                                      (torch.nn.GRU, 1, 9, 16), (torch.nn.GRU, 2, 16, 17)]:
            network = Network(kind, n_layers, n_embedding, n_hidden)
            tensors = {k: v.tolist() for k, v in network.state_dict().items()}
            write(folder / "n.safetensors", tensors, {"alphabet": json.dumps(list(ALPHABET))})
            run = subprocess.run(
                [PROGRAM, "melt", folder / "n.safetensors", "--calibrate", folder / "text", "-o",
                 folder / "n.loom", "--json", "--weight-bits", "8", "--hidden-bits", "8",
                 "--cell-bits", "14", "--gate-bits", "10", "--head-bits", "8"],
                capture_output=True, text=True)
            if run.returncode != 0:
                raise SystemExit(run.stderr)
            got, expected = json.loads(run.stdout), bits_per_byte(network, symbols)
            is_good = (abs(got["float_bits_per_byte"] - expected) < 2e-4
                       and abs(got["bits_per_byte"] - expected) < 0.15)
            failed += not is_good
            print("%s %s x %d, %d hidden: PyTorch %.4f, melt %.4f, logic %.4f" % (
                "ok" if is_good else "not ok", kind.__name__, n_layers, n_hidden, expected,
                got["float_bits_per_byte"], got["bits_per_byte"]))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
