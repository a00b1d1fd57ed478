"""The selective scan of Mamba in plain PyTorch: parallel over chunks, without a loop over tokens.

For every channel e and state s, with the step dt, the input x and the projections B and C of token t,

    h_t[e, s] = exp(dt_t[e] A[e, s]) h_(t-1)[e, s] + dt_t[e] B_t[s] x_t[e]
    y_t[e] = sum over s of C_t[s] h_t[e, s] + D[e] x_t[e].

The sequence is cut into about as many chunks as a chunk has tokens. All chunks advance together, first from
zero to find what each adds and by how much it damps what came before, then from their true first states.
A sequence of 13,824 tokens takes 2 x 118 vectorised steps, and every exponent is at most zero, so nothing
can overflow.

Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces" (2023), section 3.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

LARGEST_CHUNK = 128
"""Tokens per chunk at most; beyond it more chunks are cheaper than longer ones."""


def selective_scan(x: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Run the scan over the token axis, left to right.

    Args:
        x: (N, L, E), the inputs of L tokens.
        step: (N, L, E), positive step sizes dt.
        a: (E, S), negative decay rates A.
        b: (N, L, S), input projections B.
        c: (N, L, S), output projections C.
        d: (E,), direct weights D.

    Returns:
        (N, L, E) in the number format of `x`; states are kept in float32.
    """
    kernel = _fused_kernel() if x.is_cuda else None
    if kernel is not None:
        turned = (part.transpose(1, 2).contiguous() for part in (x, step, b, c))
        u, delta, b_turned, c_turned = turned
        return kernel(u, delta, a.float(), b_turned, c_turned, d.float()).transpose(1, 2)
    return chunked_scan(x, step, a, b, c, d)


def chunked_scan(x: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """`selective_scan` on any device, in PyTorch alone."""
    dtype, length = x.dtype, x.shape[1]
    x, step, b, c = x.float(), step.float(), b.float(), c.float()
    chunk = min(LARGEST_CHUNK, max(1, math.isqrt(length)))
    # Tokens that fill up the last chunk have step 0: they neither decay nor add.
    drive, steps, b_chunks, c_chunks = (_chunks(part, chunk) for part in (step * x, step, b, c))
    decays = [torch.exp(steps[t, ..., None] * a.float()) for t in range(chunk)]
    inputs = [drive[t, ..., None] * b_chunks[t, ..., None, :] for t in range(chunk)]
    ends = inputs[0]
    for t in range(1, chunk):
        ends = torch.addcmul(inputs[t], decays[t], ends)
    state = _before_each_chunk(torch.exp(steps.sum(0)[..., None] * a.float()), ends)
    outputs = []
    for t in range(chunk):
        state = torch.addcmul(inputs[t], decays[t], state)
        outputs.append(torch.matmul(state, c_chunks[t, ..., None])[..., 0])
    y = torch.stack(outputs, dim=2).flatten(1, 2)[:, :length]
    return (y + d.float() * x).to(dtype)


def _chunks(values: Tensor, chunk: int) -> Tensor:
    """(N, L, F) as (chunk, N, M, F), filled up with zeros at the end: entry t holds token t of each chunk."""
    values = functional.pad(values, (0, 0, 0, -values.shape[1] % chunk))
    return values.unflatten(1, (-1, chunk)).permute(2, 0, 1, 3).contiguous()


def _before_each_chunk(decay: Tensor, added: Tensor) -> Tensor:
    """First states of all chunks (N, M, E, S), from what each chunk keeps (0 to 1) and what it adds.

    Chunk pairs twice as far apart are joined in each round, so M chunks take log2(M) rounds.
    """
    count, reach = added.shape[1], 1
    while reach < count:
        joined = torch.addcmul(added[:, reach:], decay[:, reach:], added[:, :-reach])
        kept = decay[:, reach:] * decay[:, :-reach]
        added = torch.cat([added[:, :reach], joined], dim=1)
        decay = torch.cat([decay[:, :reach], kept], dim=1)
        reach *= 2
    return torch.cat([torch.zeros_like(added[:, :1]), added[:, :-1]], dim=1)


@cache
def _fused_kernel() -> Callable[..., Tensor] | None:
    """The CUDA kernel of the package mamba_ssm where it is installed and loads, else None."""
    try:
        module = importlib.import_module("mamba_ssm.ops.selective_scan_interface")
    except (ImportError, OSError, RuntimeError):
        return None
    kernel: Callable[..., Tensor] | None = getattr(module, "selective_scan_fn", None)
    return kernel
