# SPDX-License-Identifier: MIT
"""MuxRNN: a byte-level language model whose step is pure logic once trained.

    symbol -> learned code of n_code bits; layer 0 reads the codes of the last n_window bytes,
    layer l reads [bits of all layers below | code of the current byte];
    per state bit:  z = [W_z x >= t_z],  c = [W_c x >= t_c],  h' = z ? c : h
    logits = head over the bits of all layers, small signed integers.

With L > 2 levels a layer has "cells" of L - 1 state bits: one gate, and one candidate sum with L - 1
thresholds, so that the bits write a number from 0 to L - 1 as a thermometer. For whoever reads them,
and in the file, these are L - 1 ordinary bits whose neurons have the same weights.

Bits are -1/+1 while training. Weights are ternary {-1, 0, +1} by a threshold on real "latents";
gain and bias of a neuron become its integer threshold on export. Gates depend on the layer's
input alone, so all time steps of a layer are computed at once (muxscan.py).
"""

import dataclasses

import torch
import torch.nn.functional as F
from torch import nn

from muxscan import MuxScan

TERNARY_THRESHOLD = 1.0   # a latent is zeroed up to this multiple of its neuron's mean |latent|
LATENT_LIMIT = 3.0        # latents are clamped to this after every step
HEAD_MULTIPLE = 32        # products of other widths take 5 times as long
LEVEL_RANGE = 1.0         # the outer thresholds of a cell's levels lie there at first
HEAD_RANGE = 3.0          # the largest head weight is this multiple of the mean |weight|


@dataclasses.dataclass(frozen=True)
class Config:
    n_symbols: int
    n_code: int = 256      # code bits of a byte
    n_window: int = 4      # bytes that layer 0 sees
    n_state: int = 256     # state bits of a layer
    n_layers: int = 3
    head_bits: int = 4     # bits of a head weight, sign included
    n_levels: int = 2      # of a cell

    @property
    def n_cells(self):
        return self.n_state // (self.n_levels - 1)

    @property
    def n_features(self):
        return self.n_state * self.n_layers


def ternary(latent, threshold):
    """{-1, 0, +1}, 0 up to `threshold` times the neuron's mean |latent|; the last dimension but
    one holds the inputs of a neuron."""
    scale = latent.abs().mean(-2, keepdim=True)
    return (latent.abs() > threshold * scale).to(latent.dtype) * latent.sign()


def threshold_for(latent, share):
    """The threshold that leaves `share` of the weights of a layer."""
    multiple = (latent.abs() / latent.abs().mean(-2, keepdim=True)).flatten()
    n_zeros = max(1, round((1 - share) * len(multiple)))
    return float(multiple.kthvalue(n_zeros).values)


def head_unit(weight, head_bits):
    return float(weight.abs().mean()) * HEAD_RANGE / (2 ** (head_bits - 1) - 1)


def head_integers(weight, head_bits):
    limit = 2 ** (head_bits - 1) - 1
    return (weight / head_unit(weight, head_bits)).round().clamp(-limit, limit)


class StraightThrough(torch.autograd.Function):
    """Forward: the quantised value; backward: the gradient as if nothing had been quantised."""

    @staticmethod
    def forward(ctx, real, quantised):
        return quantised

    @staticmethod
    def backward(ctx, gradient):
        return gradient.float(), None


def dropped(bits, shape, share):
    """`bits` with a random share of them 0, neither -1 nor +1, the others larger in turn.
    shape: that of the random choice; where it has a 1, one choice holds for all."""
    if share == 0:
        return bits
    keep = torch.rand(shape, device=bits.device) >= share
    return bits * (keep.to(bits.dtype) / (1 - share))


class CodeBits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, latent):
        ctx.save_for_backward(latent)
        return torch.where(latent > 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, gradient):
        latent, = ctx.saved_tensors
        return gradient * (latent.abs() < 1.5)


class Layer(nn.Module):
    """One layer of mux cells over [n_features bits of the layers below | n_codes byte codes].

    A code depends on its byte alone, so its share of a sum is looked up, not multiplied: a table
    of [symbol, neuron] for each code that the layer reads. Two thirds of a step's work go away.
    """

    def __init__(self, n_features, n_codes, config):
        super().__init__()
        self.n_features, self.n_codes = n_features, n_codes
        self.n_bits = config.n_levels - 1  # of a cell
        n_inputs = n_features + n_codes * config.n_code
        self.latent = nn.Parameter(torch.randn(n_inputs, 2 * config.n_cells))
        self.register_buffer("threshold", torch.tensor(TERNARY_THRESHOLD))
        density = 0.42  # of N(0, 1) latents under TERNARY_THRESHOLD = 1
        self.gain = nn.Parameter(torch.full((2, config.n_cells), (density * n_inputs) ** -0.5))
        self.bias = nn.Parameter(torch.zeros(2, config.n_cells))
        self.bias.data[0] = torch.randn(config.n_cells) * 0.7
        if self.n_bits > 1:
            steps = torch.linspace(LEVEL_RANGE, -LEVEL_RANGE, self.n_bits)
            self.steps = nn.Parameter(steps.repeat(config.n_cells, 1))

    def weight(self):
        return ternary(self.latent.detach(), self.threshold)

    def of_bits(self, of_cells):
        """[.., 2 * cell] -> [.., 2 * bit]: gates and candidates of a cell's bits."""
        if self.n_bits == 1:
            return of_cells
        return of_cells.repeat_interleave(self.n_bits, -1)

    def bit_bias(self):
        """-> [2, bit]"""
        bias = self.of_bits(self.bias)
        if self.n_bits == 1:
            return bias
        return torch.stack([bias[0], bias[1] + self.steps.flatten()])

    def forward(self, features, code, seen, first):
        """features: bits of the layers below, or None; code [symbol, bit];
        seen: symbols [batch, n_codes - 1 + time], the last one that of the newest byte."""
        weight = StraightThrough.apply(self.latent, self.weight())
        from_codes = weight[self.n_features:].view(self.n_codes, code.shape[1], -1)
        tables = self.of_bits(torch.matmul(code, from_codes))
        dense = None if features is None else self.of_bits(
            features @ weight[:self.n_features].to(features.dtype))
        return MuxScan.apply(dense, tables, seen, self.of_bits(self.gain), self.bit_bias(), first)


class MuxRNN(nn.Module):
    def __init__(self, config, dtype=torch.bfloat16, dropout=0.0):
        super().__init__()
        self.config, self.dtype, self.dropout = config, dtype, dropout
        self.code = nn.Parameter(torch.randn(config.n_symbols, config.n_code))
        self.layers = nn.ModuleList(
            Layer(config.n_state * i, config.n_window if i == 0 else 1, config)
            for i in range(config.n_layers))
        self.head = nn.Parameter(torch.randn(config.n_features, config.n_symbols) * 0.02)
        self.head_bias = nn.Parameter(torch.zeros(config.n_symbols))

    def first_state(self, n_batch):
        """All bits 0, that is -1: ([batch, state] per layer, the symbols before the first).
        "No symbol yet" has the number n_symbols and a code of zeros."""
        c, device = self.config, self.code.device
        state = [torch.full((n_batch, c.n_state), -1.0, dtype=self.dtype, device=device)
                 for _ in self.layers]
        past = torch.full((n_batch, c.n_window - 1), c.n_symbols, device=device)
        return state, past

    def bits(self, symbols, state):
        """symbols [batch, time] -> bits of all layers [batch * time, n_features], next state."""
        before, past = state
        c, n_time = self.config, symbols.shape[1]
        seen = torch.cat([past, symbols], 1)
        share = self.dropout if self.training else 0.0
        code = CodeBits.apply(self.code)
        code = torch.cat([code, torch.full_like(code[:1], -1.0)])
        features, after = [], []
        for layer, first in zip(self.layers, before):
            below = torch.cat(features, -1) if features else None
            bits = layer(below, code, seen[:, c.n_window - layer.n_codes:], first)
            after.append(bits[:, -1].detach())
            features.append(dropped(bits, (len(bits), 1, c.n_state), share))
        return torch.cat(features, -1).reshape(-1, c.n_features), (after, seen[:, n_time:])

    def forward(self, symbols, state):
        """symbols [batch, time] -> logits [batch * time, n_symbols], next state."""
        c = self.config
        bits, state = self.bits(symbols, state)
        quantised = head_integers(self.head.detach(), c.head_bits)
        unit = head_unit(self.head.detach(), c.head_bits)
        head = StraightThrough.apply(self.head, quantised * unit)
        head = F.pad(head.to(self.dtype), (0, -c.n_symbols % HEAD_MULTIPLE))
        logits = (bits @ head)[:, :c.n_symbols].float() + self.head_bias
        return logits, state

    def latents(self):
        return [layer.latent for layer in self.layers]

    def clamp_latents(self):
        with torch.no_grad():
            for latent in self.latents():
                latent.clamp_(-LATENT_LIMIT, LATENT_LIMIT)

    def n_nonzeros(self):
        with torch.no_grad():
            return sum(int(layer.weight().count_nonzero()) for layer in self.layers)

    def n_latents(self):
        return sum(latent.numel() for latent in self.latents())

    def prune(self, share):
        """Raise the thresholds so that at most about `share` of each layer's weights are left."""
        with torch.no_grad():
            for layer in self.layers:
                wished = threshold_for(layer.latent, share)
                layer.threshold.fill_(max(TERNARY_THRESHOLD, wished))


def integer_tensors(model):
    """The network as integers, exactly what `bitloom melt` reads (docs/formats/muxrnn.md)."""
    c, tensors = model.config, {}
    tensors["code"] = (model.code.detach() > 0).to(torch.uint8).cpu()
    for i, layer in enumerate(model.layers):
        weight = layer.of_bits(layer.weight().cpu()).T.reshape(2, c.n_state, -1)
        gain = layer.of_bits(layer.gain.detach()).double().cpu()
        bias = layer.bit_bias().detach().double().cpu()
        weight = weight * torch.where(gain < 0, -1.0, 1.0).float().unsqueeze(-1)
        n = weight.abs().sum(-1).double()
        # gain * s + bias > 0 for the integer s becomes s >= floor(-bias / |gain|) + 1
        bound = torch.floor(-bias / gain.abs().clamp_min(1e-12)) + 1
        tensors["layers.%d.weight" % i] = weight.to(torch.int8)
        tensors["layers.%d.threshold" % i] = torch.minimum(torch.maximum(bound, -n), n + 1).int()
    unit = head_unit(model.head.detach(), c.head_bits)
    tensors["head.weight"] = head_integers(model.head.detach(), c.head_bits).T.to(torch.int8).cpu()
    tensors["head.bias"] = (model.head_bias.detach() / unit).round().int().cpu()
    return {name: t.contiguous() for name, t in tensors.items()}, unit
