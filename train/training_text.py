# SPDX-License-Identifier: MIT
"""Training text: plain or .xz files, and the alphabet of symbols that a model knows.

Bytes seen fewer than `min_count` times share one last symbol, "other"; a model spreads that
symbol's probability evenly over them, so every byte value keeps a finite cost.
"""

import hashlib
import lzma

import torch


def read_bytes(path):
    opener = lzma.open if str(path).endswith(".xz") else open
    with opener(path, "rb") as f:
        return f.read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def split(data, shares):
    """shares: "80/10/10" -> that many per cent of the text, from its beginning, each."""
    words = shares.split("/")
    parts = [int(p) for p in words if p.isdigit()]
    if len(words) != 3 or len(parts) != 3 or sum(parts) != 100 or not all(parts[:2]):
        raise SystemExit("--split %s: expected three whole numbers that sum to 100, like 80/10/10"
                         % shares)
    first = len(data) * parts[0] // 100
    second = first + (len(data) * parts[1] + 99) // 100
    return data[:first], data[first:second], data[second:]


def byte_symbols(data, min_count):
    """-> uint8[256]: the symbol of each byte value, in byte order; rare bytes get the last."""
    counts = torch.bincount(torch.frombuffer(bytearray(data), dtype=torch.uint8).long(),
                            minlength=256)
    known = [b for b in range(256) if counts[b] >= min_count]
    if not known:
        raise ValueError("no byte value occurs %d times in the training text" % min_count)
    table = torch.full((256,), len(known) if len(known) < 256 else 255, dtype=torch.uint8)
    for symbol, byte in enumerate(known):
        table[byte] = symbol
    return table


def n_symbols(table):
    return int(table.max()) + 1


def to_symbols(data, table):
    return table[torch.frombuffer(bytearray(data), dtype=torch.uint8).long()]


class Streams:
    """`n_batch` places in the text, read side by side, `n_time` symbols at a time.

    After a whole pass the cuts between the streams are laid elsewhere, so that no place of the
    text always begins with an empty state.
    """

    def __init__(self, symbols, n_batch, n_time, generator):
        self.symbols, self.n_batch, self.n_time = symbols, n_batch, n_time
        self.generator = generator
        self.length = (len(symbols) - 1) // n_batch
        if self.length <= n_time:
            raise ValueError("the text has %d bytes; %d streams of %d bytes need more"
                             % (len(symbols), n_batch, n_time))
        self.offset, self.position, self.n_epochs = 0, 0, 0

    def next(self):
        """-> x, y: long [n_batch, n_time]; is_fresh: the state must be reset before this one."""
        is_fresh = self.position == 0
        if self.position + self.n_time > self.length:
            self.position, self.n_epochs, is_fresh = 0, self.n_epochs + 1, True
            self.offset = int(torch.randint(len(self.symbols), (1,), generator=self.generator))
        start = torch.arange(self.n_batch).view(-1, 1) * self.length + self.offset + self.position
        index = (start + torch.arange(self.n_time + 1).view(1, -1)) % len(self.symbols)
        chunk = self.symbols[index].long()
        self.position += self.n_time
        return chunk[:, :-1].contiguous(), chunk[:, 1:].contiguous(), is_fresh

    def progress(self):
        return {"offset": self.offset, "position": self.position, "n_epochs": self.n_epochs}

    def resume(self, progress):
        self.offset, self.position = progress["offset"], progress["position"]
        self.n_epochs = progress["n_epochs"]
