#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An LSTM of TensorFlow's BasicLSTMCell as raw tensors -> PyTorch's names in .safetensors.

    python3 train/from_tensorflow.py FOLDER -o lstm.safetensors
    bitloom melt lstm.safetensors --calibrate text.txt -o lstm.loom

FOLDER holds manifest.json (name -> file and shape), little-endian float32 files and vocab.json
(character -> number), as ml5.js keeps its character networks. Needs no library.
"""

import argparse
import array
import json
import pathlib
import re
import struct
import sys

FORGET_BIAS = 1.0  # BasicLSTMCell adds it while running; PyTorch does not
GATE_ORDER = (0, 2, 1, 3)  # i j f o -> i f g o


def read_tensors(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, entry in manifest.items():
        shape = entry["shape"]
        n = 1
        for size in shape:
            n *= size
        data = array.array("f")
        data.frombytes((folder / entry["filename"]).read_bytes() if shape else b"")
        if sys.byteorder == "big":
            data.byteswap()
        if shape and len(data) != n:
            raise SystemExit("%s: %s has %d numbers; its shape %s needs %d"
                             % (folder, entry["filename"], len(data), shape, n))
        if shape:
            yield name, shape, data


def transposed(data, shape, first_row=0, n_rows=None):
    """Rows of a [rows, columns] matrix, as columns: [columns, rows]."""
    n_rows, width = n_rows or shape[0], shape[1]
    return [[data[(first_row + r) * width + c] for r in range(n_rows)] for c in range(width)]


def reordered(rows):
    """Four groups of rows, one a gate, in PyTorch's order."""
    n = len(rows) // 4
    return [row for gate in GATE_ORDER for row in rows[gate * n:(gate + 1) * n]]


def convert(folder):
    out = {}
    for name, shape, data in read_tensors(folder):
        cell = re.search(r"cell_(\d+)/basic_lstm_cell/(kernel|bias)$", name)
        if cell and cell[2] == "kernel":
            n_hidden = shape[1] // 4
            n_inputs = shape[0] - n_hidden
            out["rnn.weight_ih_l" + cell[1]] = reordered(transposed(data, shape, 0, n_inputs))
            out["rnn.weight_hh_l" + cell[1]] = reordered(transposed(data, shape, n_inputs, n_hidden))
        elif cell:
            n = shape[0] // 4
            bias = [v + (FORGET_BIAS if 2 * n <= i < 3 * n else 0) for i, v in enumerate(data)]
            out["rnn.bias_ih_l" + cell[1]] = reordered(bias)
        elif name.endswith("embedding"):
            width = shape[1]
            out["embedding.weight"] = [list(data[i * width:(i + 1) * width]) for i in range(shape[0])]
        elif name.endswith("softmax_w"):
            out["head.weight"] = transposed(data, shape)
        elif name.endswith("softmax_b"):
            out["head.bias"] = list(data)
    if not {"embedding.weight", "head.weight", "head.bias", "rnn.weight_hh_l0"} <= out.keys():
        raise SystemExit("%s: expected tensors embedding, softmax_w, softmax_b and "
                         "cell_N/basic_lstm_cell; found only what gives %s"
                         % (folder, ", ".join(sorted(out)) or "nothing"))
    return out


def write(path, tensors, metadata):
    header, blocks, at = {"__metadata__": metadata}, [], 0
    for name, rows in sorted(tensors.items()):
        is_matrix = isinstance(rows[0], list)
        flat = array.array("f", [v for row in rows for v in row] if is_matrix else rows)
        if sys.byteorder == "big":
            flat.byteswap()
        block = flat.tobytes()
        shape = [len(rows), len(rows[0])] if is_matrix else [len(rows)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(block)]}
        blocks.append(block)
        at += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("-o", "--output", required=True, metavar="FILE")
    a = p.parse_args()
    alphabet = json.loads((a.folder / "vocab.json").read_text(encoding="utf-8"))
    write(a.output, convert(a.folder), {"alphabet": json.dumps(alphabet),
                                        "origin": "TensorFlow BasicLSTMCell, " + a.folder.name})


if __name__ == "__main__":
    main()
