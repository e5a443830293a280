# SPDX-License-Identifier: MIT
"""The recurrence of a MuxRNN layer, h[t] = u[t] > 0 ? sign(v[t]) : h[t-1], parallel over time.

Two implementations of the same formulas (see muxscan.c for them):
  * plain tensor operations, on any device: the forward pass gathers the candidate of the last
    opened gate, the backward pass is a linear recurrence by doubling (log2 T passes);
  * muxscan.c, built on demand with the system's C compiler, used for bfloat16 on a CPU.
"""

import ctypes
import hashlib
import os
import pathlib
import subprocess
import tempfile

import torch

SLOPE = 4.0    # steepness of the soft gate in the backward pass; 1 and 2 were measured worse
WINDOW = 1.5   # the straight-through window of the candidate


class _Neurons(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("gain_z", "bias_z", "gain_c", "bias_c")]


def _build_kernel():
    """Compile muxscan.c once per source text and user; None where there is no C compiler."""
    source = pathlib.Path(__file__).with_name("muxscan.c")
    name = "muxscan-%s.so" % hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    library = cache / "bitloom" / name
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
            fresh = pathlib.Path(scratch) / name
            command = [os.environ.get("CC", "cc"), "-O3", "-march=native", "-ffast-math",
                       "-shared", "-fPIC", str(source), "-o", str(fresh), "-lm"]
            try:
                subprocess.run(command, check=True)
            except (OSError, subprocess.CalledProcessError):
                return None
            fresh.replace(library)
    return ctypes.CDLL(str(library))


_kernel = None
_kernel_was_tried = False


def kernel():
    global _kernel, _kernel_was_tried
    if not _kernel_was_tried:
        _kernel, _kernel_was_tried = _build_kernel(), True
    return _kernel


def _pointer(tensor):
    assert tensor.is_contiguous()
    return ctypes.c_void_p(tensor.data_ptr())


def _neurons(gain, bias):
    rows = [gain[0], bias[0], gain[1], bias[1]]
    return _Neurons(*[row.data_ptr() for row in rows])


def _affine(sums, gain, bias):
    """-> gate sums z, candidate sums c, and u, v of the formulas; [batch, time, neuron] each."""
    z, c = sums.float().chunk(2, -1)
    return z, c, z * gain[0] + bias[0], c * gain[1] + bias[1]


def _forward_tensors(sums, gain, bias, first):
    _, _, u, v = _affine(sums, gain, bias)
    times = torch.arange(1, u.shape[1] + 1, device=u.device).view(1, -1, 1)
    written = torch.where(u > 0, times, torch.zeros_like(times)).cummax(1).values
    candidate = torch.where(v > 0, 1.0, -1.0).to(first.dtype)
    return torch.cat([first.unsqueeze(1), candidate], 1).gather(1, written)


def _sum_later(d_state, keep):
    """G[t] = d_state[t] + keep[t+1] * G[t+1], by doubling: after k passes the window is 2^k."""
    total = d_state.clone()
    factor = torch.cat([keep[:, 1:], torch.zeros_like(keep[:, :1])], 1)
    reach, n_time = 1, d_state.shape[1]
    while reach < n_time:
        total[:, :-reach] = total[:, :-reach] + factor[:, :-reach] * total[:, reach:]
        factor[:, :-reach] = factor[:, :-reach] * factor[:, reach:]
        factor[:, -reach:] = 0
        reach *= 2
    return total


def _backward_tensors(sums, gain, bias, first, state, d_state):
    z, c, u, v = _affine(sums, gain, bias)
    opened = torch.sigmoid(SLOPE * u)
    total = _sum_later(d_state.float(), 1 - opened)
    before = torch.cat([first.unsqueeze(1), state[:, :-1]], 1).float()
    jump = torch.where(v > 0, 1.0, -1.0) - before
    du = total * jump * SLOPE * opened * (1 - opened)
    dv = torch.where(v.abs() < WINDOW, opened * total, torch.zeros_like(total))
    d_sums = torch.cat([du * gain[0], dv * gain[1]], -1).to(sums.dtype)
    d_gain = torch.stack([(du * z).sum([0, 1]), (dv * c).sum([0, 1])])
    d_bias = torch.stack([du.sum([0, 1]), dv.sum([0, 1])])
    return d_sums, d_gain, d_bias


class MuxScan(torch.autograd.Function):
    """state = MuxScan.apply(sums, gain, bias, first)

    sums: [batch, time, 2 * neuron], integers, all gates before all candidates;
    gain, bias: [2, neuron], float32; first: [batch, neuron], -1 or +1.
    Result: [batch, time, neuron] of -1 or +1, the dtype of `first`. No gradient flows into
    `first` (truncated back-propagation).
    """

    @staticmethod
    def forward(ctx, sums, gain, bias, first):
        ctx.fused = sums.device.type == "cpu" and sums.dtype == torch.bfloat16 and kernel()
        if ctx.fused:
            sums, first = sums.contiguous(), first.contiguous()
            n_batch, n_time, n_neurons = sums.shape[0], sums.shape[1], sums.shape[2] // 2
            state = torch.empty(n_batch, n_time, n_neurons, dtype=sums.dtype)
            kernel().mux_forward(n_batch, n_time, n_neurons, ctypes.byref(_neurons(gain, bias)),
                                 _pointer(sums), _pointer(first), _pointer(state))
        else:
            state = _forward_tensors(sums, gain, bias, first)
        ctx.save_for_backward(sums, gain, bias, first, state)
        return state

    @staticmethod
    def backward(ctx, d_state):
        sums, gain, bias, first, state = ctx.saved_tensors
        if not ctx.fused:
            return (*_backward_tensors(sums, gain, bias, first, state, d_state), None)
        d_state = d_state.to(torch.bfloat16).contiguous()
        d_sums = torch.empty_like(sums)
        n_batch, n_time, n_neurons = state.shape
        rows, later = torch.zeros(4, n_neurons), torch.empty(n_neurons)
        kernel().mux_backward(n_batch, n_time, n_neurons, ctypes.byref(_neurons(gain, bias)),
                              _pointer(sums), _pointer(first), _pointer(state),
                              _pointer(d_state), ctypes.c_float(SLOPE), ctypes.c_float(WINDOW),
                              _pointer(d_sums), _pointer(rows), _pointer(later))
        return d_sums, rows[0::2].contiguous(), rows[1::2].contiguous(), None
