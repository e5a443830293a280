# SPDX-License-Identifier: MIT
"""Begin a training run from a finished network, of the same shape or a smaller one.

A neuron, code bit or byte of the window that the old network had keeps its weights and its
threshold; what is new reads with random weights and is read with none, so that the old state bits
go on as before. The head gets small weights for new bits, which costs some hundredths of a bit at first.

Integers become latents again: a weight of +-1 a latent of +-2, a weight of 0 a small random one.
"""

import torch

KEPT = 2.0      # the |latent| of a weight that is not zero
UNUSED = 0.5    # the largest |latent| of a zero
HEAD_NOISE = 0.02


def _zeros(shape, density):
    """Latents that ternary() turns into zeros: below the mean |latent| of their neuron."""
    limit = torch.minimum(KEPT * density, torch.tensor(UNUSED))
    return (torch.rand(shape) * 2 - 1) * limit


def _old_inputs(layer, old, new):
    """-> for the old layer's inputs in their order, their numbers among the new layer's."""
    below = [i * new.n_state + torch.arange(old.n_state) for i in range(layer)]
    n_codes = old.n_window if layer == 0 else 1
    first = layer * new.n_state
    codes = [first + i * new.n_code + torch.arange(old.n_code) for i in range(n_codes)]
    return torch.cat(below + codes)


def _start_layer(layer, number, tensors, old, new):
    weight = tensors["layers.%d.weight" % number].float()           # [2, neuron, input]
    threshold = tensors["layers.%d.threshold" % number].float()
    weight = weight[:, ::layer.n_bits]  # the bits of a cell share them
    inputs = _old_inputs(number, old, new)
    latent = layer.latent.data.view(-1, 2, new.n_cells)
    n_inputs = len(latent)
    density = weight.abs().sum(-1) / n_inputs                       # [2, cell]
    column = _zeros((n_inputs, 2, old.n_cells), density)
    known = weight.permute(2, 0, 1)
    column[inputs] = torch.where(known == 0, column[inputs], known * KEPT)
    latent[:, :, :old.n_cells] = column
    gain = (weight.abs().sum(-1) + 1) ** -0.5
    bias = -gain.unsqueeze(-1) * (threshold.view(2, old.n_cells, -1) - 0.5)
    layer.gain.data[:, :old.n_cells] = gain
    layer.bias.data[:, :old.n_cells] = bias[:, :, 0]
    if layer.n_bits > 1:
        layer.steps.data[:old.n_cells] = bias[1] - bias[1, :, :1]


def start_from(model, tensors, old, unit):
    """Overwrite `model` by the network in `tensors`, whose Config is `old`; unit: nats a logit."""
    new = model.config
    if old.n_symbols != new.n_symbols:
        raise ValueError("it knows %d symbols, this text has %d; give both the same training text"
                         % (old.n_symbols, new.n_symbols))
    if old.n_levels != new.n_levels:
        raise ValueError("its cells have %d levels, this run's %d" % (old.n_levels, new.n_levels))
    for name in ("n_code", "n_window", "n_state", "n_layers"):
        if getattr(old, name) > getattr(new, name):
            raise ValueError("its %s is %d, this run's %d; a network can grow, not shrink"
                             % (name, getattr(old, name), getattr(new, name)))
    model.code.data[:, :old.n_code] = tensors["code"].float() * 2 - 1
    for number in range(old.n_layers):
        _start_layer(model.layers[number], number, tensors, old, new)
    head = torch.randn(new.n_layers, new.n_state, new.n_symbols) * HEAD_NOISE
    known = tensors["head.weight"].float().T.view(old.n_layers, old.n_state, -1) * unit
    head[:old.n_layers, :old.n_state] = known
    model.head.data.copy_(head.view(-1, new.n_symbols))
    model.head_bias.data.copy_(tensors["head.bias"].float() * unit)
