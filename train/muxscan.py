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


class _Lookup(ctypes.Structure):
    _fields_ = [("n_codes", ctypes.c_int), ("n_symbols", ctypes.c_int),
                ("tables", ctypes.c_void_p), ("seen", ctypes.c_void_p)]


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
    assert tensor is None or tensor.is_contiguous()
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())


def _neurons(gain, bias):
    rows = [gain[0], bias[0], gain[1], bias[1]]
    return ctypes.byref(_Neurons(*[row.data_ptr() for row in rows]))


def _lookup(tables, seen):
    return ctypes.byref(_Lookup(*tables.shape[:2], tables.data_ptr(), seen.data_ptr()))


def _rows(tables, seen):
    """-> the row numbers that each place looks up, an index [batch, time] for each code, into
    tables flattened to [n_codes * n_symbols, 2 * neuron]."""
    n_codes, n_symbols = tables.shape[:2]
    n_time = seen.shape[1] - n_codes + 1
    return [seen[:, n_codes - 1 - i:n_codes - 1 - i + n_time] + i * n_symbols
            for i in range(n_codes)]


def _sums(dense, tables, seen, dtype):
    flat = tables.flatten(0, 1)
    total = sum(flat[rows] for rows in _rows(tables, seen))
    return (total if dense is None else total + dense.float()).to(dtype)


def _d_tables(d_sums, tables, seen):
    flat = torch.zeros_like(tables).flatten(0, 1)
    for rows in _rows(tables, seen):
        flat.index_add_(0, rows.flatten(), d_sums.float().flatten(0, 1))
    return flat.view_as(tables)


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
    """state = MuxScan.apply(dense, tables, seen, gain, bias, first)

    dense: [batch, time, 2 * neuron], what the layers below add to the sums, all gates before all
    candidates, or None; tables: [code, symbol, 2 * neuron], float32, what code i of a symbol adds;
    seen: [batch, n_codes - 1 + time], symbols, the last one that of the newest byte;
    gain, bias: [2, neuron], float32; first: [batch, neuron], -1 or +1.
    Result: [batch, time, neuron] of -1 or +1, the dtype of `first`. No gradient flows into
    `first` (truncated back-propagation).
    """

    @staticmethod
    def forward(ctx, dense, tables, seen, gain, bias, first):
        ctx.fused = tables.device.type == "cpu" and first.dtype == torch.bfloat16 and kernel()
        ctx.has_dense = dense is not None
        tables, seen, first = tables.contiguous(), seen.contiguous(), first.contiguous()
        if ctx.fused:
            n_batch, n_neurons = first.shape
            n_time = seen.shape[1] - len(tables) + 1
            state = torch.empty(n_batch, n_time, n_neurons, dtype=first.dtype)
            sums = torch.empty(n_batch, n_time, 2 * n_neurons, dtype=first.dtype)
            scratch = torch.empty(2 * n_neurons)
            kernel().mux_forward(
                n_batch, n_time, n_neurons, _neurons(gain, bias), _lookup(tables, seen),
                _pointer(dense), _pointer(first), _pointer(sums), _pointer(state),
                _pointer(scratch))
        else:
            sums = _sums(dense, tables, seen, first.dtype)
            state = _forward_tensors(sums, gain, bias, first)
        ctx.save_for_backward(sums, tables, seen, gain, bias, first, state)
        return state

    @staticmethod
    def backward(ctx, d_state):
        sums, tables, seen, gain, bias, first, state = ctx.saved_tensors
        if not ctx.fused:
            d_sums, d_gain, d_bias = _backward_tensors(sums, gain, bias, first, state, d_state)
            d_tables = _d_tables(d_sums, tables, seen)
            return d_sums if ctx.has_dense else None, d_tables, None, d_gain, d_bias, None
        n_batch, n_time, n_neurons = state.shape
        d_state = d_state.to(torch.bfloat16).contiguous()
        d_sums = torch.empty_like(sums) if ctx.has_dense else None
        d_tables, rows = torch.zeros_like(tables), torch.zeros(4, n_neurons)
        scratch = torch.empty(3 * n_neurons)
        kernel().mux_backward(
            n_batch, n_time, n_neurons, _neurons(gain, bias), _lookup(tables, seen),
            _pointer(sums), _pointer(first), _pointer(state), _pointer(d_state),
            ctypes.c_float(SLOPE), ctypes.c_float(WINDOW), _pointer(d_sums), _pointer(d_tables),
            _pointer(rows), _pointer(scratch))
        return d_sums, d_tables, None, rows[0::2].contiguous(), rows[1::2].contiguous(), None
