# SPDX-License-Identifier: MIT
"""A finished network that a MuxRNN learns from: it predicts, the student imitates.

    teacher = read("lstm.safetensors")          an LSTM or GRU (docs/formats/gated.md), or a MuxRNN
    teacher.table                               uint8[256]: the symbol of each byte
    logits, state = teacher(symbols, state)     as MuxRNN.forward, so that train.costs scores it too
    text = write_text(teacher, 1_000_000, 1)    what it writes by itself

Bytes that an LSTM's alphabet lacks share one more symbol, the last: it moves no sum when read and
is predicted OTHER_NATS below certainty.
"""

import codecs
import dataclasses
import hashlib
import json
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

import safetensors_file
import start
from muxrnn import Config, MuxRNN

OTHER_NATS = 14.0
USUAL_ENCODING = "windows-1252"
N_WRITERS = 256       # streams that write a text side by side
N_WARM = 64           # bytes that each writes before its text begins


# ------------------------------------------------------------------------------ LSTM and GRU

class Gated(nn.Module):
    """Tensors by PyTorch's names, with any prefix."""

    def __init__(self, tensors, table):
        super().__init__()
        prefix = _prefix(tensors)
        embedding, head = _ends(tensors, prefix)
        n = len(tensors[head + "weight"])
        first = tensors[embedding + "weight"] if embedding is not None else torch.eye(n)
        if len(first) != n:
            raise ValueError("the embedding knows %d symbols, the output layer %d"
                             % (len(first), n))
        self.table, self.n_symbols = table, int(table.max()) + 1
        self.register_buffer("embedding", F.pad(first, (0, 0, 0, self.n_symbols - n)))
        self.rnn = _recurrent(tensors, prefix, first.shape[1])
        self.head = nn.Linear(self.rnn.hidden_size, n)
        _load(self.head, {k: tensors[head + k] for k in ("weight", "bias")}, head)

    def first_state(self, n_batch):
        shape = self.rnn.num_layers, n_batch, self.rnn.hidden_size
        zeros = torch.zeros(shape, device=self.embedding.device)
        return (zeros, zeros) if self.rnn.mode == "LSTM" else zeros

    def forward(self, symbols, state):
        hidden, state = self.rnn(self.embedding[symbols], state)
        logits = self.head(hidden).flatten(0, 1)
        if self.n_symbols == logits.shape[1]:
            return logits, state
        return F.pad(logits.log_softmax(-1), (0, 1), value=-OTHER_NATS), state


def _prefix(tensors):
    """What stands before weight_hh_l0."""
    end = "weight_hh_l0"
    found = sorted(name[:-len(end)] for name in tensors if name.endswith(end))
    if len(found) != 1:
        raise ValueError("%d tensors end in %s; expected a MuxRNN, or one LSTM or GRU"
                         % (len(found), end))
    for foreign in ("weight_ih_l0_reverse", "weight_hr_l0"):
        if found[0] + foreign in tensors:
            raise ValueError("tensor \"%s\": networks that read backwards or project their hidden "
                             "values cannot teach" % (found[0] + foreign))
    return found[0]


def _ends(tensors, prefix):
    """-> the names, less "weight", of the embedding (or None) and of the output layer."""
    names = [name[:-len("weight")] for name, t in sorted(tensors.items())
             if t.dim() == 2 and name.endswith("weight")
             and not (prefix and name.startswith(prefix))]
    heads = [name for name in names if name + "bias" in tensors]
    embeddings = [name for name in names if name + "bias" not in tensors]
    if len(heads) != 1 or len(embeddings) > 1:
        raise ValueError("%d output layers (NAME.weight with NAME.bias) and %d embeddings; "
                         "expected 1 and at most 1" % (len(heads), len(embeddings)))
    return (embeddings + [None])[0], heads[0]


def _recurrent(tensors, prefix, n_inputs):
    rows, n_hidden = tensors[prefix + "weight_hh_l0"].shape
    if rows not in (3 * n_hidden, 4 * n_hidden):
        raise ValueError("tensor \"%sweight_hh_l0\" is [%d, %d]; expected 4 (LSTM) or 3 (GRU) rows "
                         "for each column" % (prefix, rows, n_hidden))
    n_layers = 1
    while "%sweight_hh_l%d" % (prefix, n_layers) in tensors:
        n_layers += 1
    kind = nn.LSTM if rows == 4 * n_hidden else nn.GRU
    rnn = kind(n_inputs, n_hidden, n_layers, batch_first=True)
    own = {name: tensors.get(prefix + name, torch.zeros_like(value) if "bias" in name else None)
           for name, value in rnn.state_dict().items()}
    _load(rnn, own, prefix)
    return rnn


def _load(module, tensors, prefix):
    for name, value in module.state_dict().items():
        if tensors[name] is None:
            raise ValueError("no tensor \"%s%s\"" % (prefix, name))
        if tensors[name].shape != value.shape:
            raise ValueError("tensor \"%s%s\" is %s; expected %s" % (
                prefix, name, list(tensors[name].shape), list(value.shape)))
    module.load_state_dict(tensors)


def _byte_of(character, encoding):
    try:
        encoded = character.encode(encoding)
    except UnicodeEncodeError:
        encoded = b""
    if len(character) != 1 or len(encoded) != 1:
        raise ValueError("alphabet: \"%s\" is not one byte in %s; choose another --encoding"
                         % (character, encoding))
    return encoded[0]


def alphabet_table(alphabet, encoding, n):
    """A list of n characters or an object from character to number -> uint8[256]."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError("unknown encoding \"%s\"" % encoding)
    if not isinstance(alphabet, (list, dict)) or len(alphabet) != n:
        raise ValueError("the alphabet has %d characters, the network %d symbols"
                         % (len(alphabet) if isinstance(alphabet, (list, dict)) else 0, n))
    entries = list(enumerate(alphabet)) if isinstance(alphabet, list) else [
        (number, character) for character, number in alphabet.items() if isinstance(number, int)]
    characters = {number: str(character) for number, character in entries}
    if sorted(characters) != list(range(n)) or len(set(characters.values())) != n:
        raise ValueError("the alphabet does not give each of %d characters a number of its own "
                         "from 0 to %d" % (n, n - 1))
    table = torch.full((256,), min(n, 255), dtype=torch.uint8)
    for number, character in characters.items():
        table[_byte_of(character, encoding)] = number
    return table


def _read_gated(tensors, card, alphabet, encoding):
    text = card.get("alphabet")
    if alphabet:
        text = pathlib.Path(alphabet).read_bytes().decode("utf-8", "replace")
    if text is None:
        raise ValueError("no metadata \"alphabet\"; name the characters with --alphabet FILE")
    try:
        characters = json.loads(text)
    except json.JSONDecodeError as problem:
        raise ValueError("the alphabet is no JSON: %s" % problem)
    _, head = _ends(tensors, _prefix(tensors))
    table = alphabet_table(characters, encoding or card.get("encoding", USUAL_ENCODING),
                           len(tensors[head + "weight"]))
    return Gated(tensors, table)


# ------------------------------------------------------------------------------------ MuxRNN

class Quantised(nn.Module):
    """A MuxRNN with the integers of its file, thresholds and head among them."""

    def __init__(self, tensors, card):
        super().__init__()
        config, self.unit = Config(**json.loads(card["config"])), float(card["logit_unit_nats"])
        config = dataclasses.replace(config, n_levels=2)  # as the file has it: bit by bit
        self.table, self.n_symbols = tensors["byte_symbol"], config.n_symbols
        self.model = MuxRNN(config).eval()
        start.start_from(self.model, tensors, config, self.unit)
        self.register_buffer("head", tensors["head.weight"].T.float())
        self.register_buffer("bias", tensors["head.bias"].float())

    def first_state(self, n_batch):
        return self.model.first_state(n_batch)

    def forward(self, symbols, state):
        bits, state = self.model.bits(symbols, state)
        return (bits.float() @ self.head + self.bias) * self.unit, state


# -------------------------------------------------------------------------------------- both

def read(path, alphabet=None, encoding=None):
    """alphabet: a JSON file in place of the metadata; ValueError says what is wrong with `path`."""
    tensors, card = safetensors_file.read(path)
    is_ours = card.get("format") == "bitloom.muxrnn.1"
    teacher = Quantised(tensors, card) if is_ours else _read_gated(
        tensors, card, alphabet, encoding)
    teacher.sha256 = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    return teacher.requires_grad_(False).eval()


def write_text(teacher, n_bytes, seed):
    """n_bytes that the teacher writes, drawn from what it predicts, in N_WRITERS pieces."""
    counts = torch.bincount(teacher.table.long(), minlength=teacher.n_symbols)
    is_byte = (counts == 1).float()             # a symbol of several bytes is never written
    byte_of = torch.zeros(teacher.n_symbols, dtype=torch.uint8)
    byte_of[teacher.table.long()] = torch.arange(256, dtype=torch.uint8)
    random = torch.Generator().manual_seed(seed)
    symbol = torch.multinomial(is_byte.expand(N_WRITERS, -1), 1, generator=random)
    state, written = teacher.first_state(N_WRITERS), []
    device = next(teacher.buffers()).device
    with torch.no_grad():
        for i in range(N_WARM + -(-n_bytes // N_WRITERS)):
            logits, state = teacher(symbol.to(device), state)
            chances = logits.float().softmax(-1).cpu() * is_byte
            symbol = torch.multinomial(chances, 1, generator=random)
            if i >= N_WARM:
                written.append(byte_of[symbol])
    return torch.cat(written, 1).numpy().tobytes()[:n_bytes]
