# SPDX-License-Identifier: MIT
"""Write and read .safetensors: u64 header length, JSON header, raw little-endian tensors.

Debian 12 has no package of the safetensors library; the format is this small on purpose
(https://github.com/huggingface/safetensors, "Format").
"""

import json
import struct

import torch

NAMES = {torch.uint8: "U8", torch.int8: "I8", torch.int32: "I32", torch.float32: "F32"}
TYPES = {name: dtype for dtype, name in NAMES.items()}
LONGEST_HEADER = 100_000_000   # as the library has it


def write(path, tensors, metadata):
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name, tensor in sorted(tensors.items()):
        blob = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for blob in blobs:
            out.write(blob)


def read(path):
    """-> tensors by name, metadata; ValueError for a file of another kind."""
    with open(path, "rb") as f:
        length = f.read(8)
        n_header = struct.unpack("<Q", length)[0] if len(length) == 8 else 0
        if not 2 <= n_header <= LONGEST_HEADER:
            raise ValueError("not a .safetensors file: its header would have %d bytes" % n_header)
        header = json.loads(f.read(n_header))
        data = f.read()
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        if entry["dtype"] not in TYPES:
            raise ValueError("tensor \"%s\" has type %s; known are %s"
                             % (name, entry["dtype"], ", ".join(sorted(TYPES))))
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=TYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, metadata
