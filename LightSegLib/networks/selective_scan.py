"""The selective scan of Mamba in plain PyTorch: parallel over chunks, without a loop over tokens.

For every channel e and state s, with the step dt, the input x and the projections B and C of token t,

    h_t[e, s] = exp(dt_t[e] A[e, s]) h_(t-1)[e, s] + dt_t[e] B_t[s] x_t[e]
    y_t[e] = sum over s of C_t[s] h_t[e, s] + D[e] x_t[e].

The sequence is cut into about as many chunks as a chunk has tokens. All chunks advance together, first from
zero to find what each adds and by how much it damps what came before, then from their true first states.
A sequence of 13,824 tokens takes 2 x 117 vectorised steps, and every exponent is at most zero, so nothing
can overflow. Without gradients, what the steps need is made for blocks of steps small enough to stay in a
processor's cache, always in the same memory.

Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces" (2023), section 3.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

LARGEST_CHUNK = 128
"""Tokens per chunk at most; beyond it more chunks are cheaper than longer ones."""
BLOCK = 2**18
"""Numbers that are made at once in inference: 1 MiB, which stays in a processor's cache."""


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
    dtype, length, kind = x.dtype, x.shape[1], x.device.type
    x, step, b, c = x.float(), step.float(), b.float(), c.float()
    chunk = min(LARGEST_CHUNK, max(1, math.isqrt(length)))
    # Tokens that fill up the last chunk have step 0: they neither decay nor add.
    drive, steps, b, c = (_chunks(part, chunk) for part in (step * x, step, b, c))
    parts = _Parts(drive, steps, b, c, a.float().t().contiguous())
    # States are sums over long times, too long for half precision.
    with torch.autocast(kind, enabled=False) if kind in ("cpu", "cuda") else nullcontext():
        outputs = _with_gradients(parts) if torch.is_grad_enabled() else _in_blocks(parts)
    y = outputs.permute(1, 2, 0, 3).flatten(1, 2)[:, :length]
    return torch.addcmul(y, x, d.float()).to(dtype)


class _Parts(NamedTuple):
    """What the chunks of a sequence are made of; entry t of the first four holds token t of each chunk.

    States are (N, M, S, E), channels last: there are more of them than states, so that the processor's
    vectors are full.

    Attributes:
        drive: (T, N, M, E), step times input.
        steps: (T, N, M, E).
        b, c: (T, N, M, S).
        a: (S, E).
    """

    drive: Tensor
    steps: Tensor
    b: Tensor
    c: Tensor
    a: Tensor

    def whole_decay(self) -> Tensor:
        """By how much each chunk damps what came before it: (N, M, S, E)."""
        return torch.exp(self.steps.sum(0).unsqueeze(-2) * self.a)


def _with_gradients(parts: _Parts) -> Tensor:
    """Outputs (T, N, M, E) of all tokens, by operations that autograd can follow."""
    decays = torch.exp(parts.steps.unsqueeze(-2) * parts.a).unbind(0)
    inputs = (parts.drive.unsqueeze(-2) * parts.b.unsqueeze(-1)).unbind(0)
    ends = inputs[0]
    for decay, added in zip(decays[1:], inputs[1:], strict=True):
        ends = torch.addcmul(added, decay, ends)
    state = _before_each_chunk(parts.whole_decay(), ends)
    states = []
    for decay, added in zip(decays, inputs, strict=True):
        state = torch.addcmul(added, decay, state)
        states.append(state)
    return torch.matmul(parts.c.unsqueeze(-2), torch.stack(states)).squeeze(-2)


def _in_blocks(parts: _Parts) -> Tensor:
    """The same without gradients, a block of steps at a time."""
    blocks = _Blocks(parts)
    count = len(parts.steps)
    ends = torch.zeros_like(blocks.decays[0])
    for start in range(0, count, blocks.size):
        for decay, added in zip(*blocks.at(start), strict=True):
            ends.mul_(decay).add_(added)
    state = _before_each_chunk(parts.whole_decay(), ends)
    outputs = torch.empty_like(parts.drive)
    for start in range(0, count, blocks.size):
        decays, states = blocks.at(start)
        for decay, entry in zip(decays, states, strict=True):
            state = entry.addcmul_(decay, state)  # the entry held what the token adds
        some = slice(start, start + len(states))
        torch.matmul(parts.c[some].unsqueeze(-2), states, out=outputs[some].unsqueeze(-2))
        state = state.clone()  # the next block comes into the same memory
    return outputs


class _Blocks:
    """Decays and inputs of `size` steps at a time, always in the same memory."""

    def __init__(self, parts: _Parts) -> None:
        count, n, chunks, channels = parts.steps.shape
        states = parts.b.shape[-1]
        self.size = min(count, max(1, BLOCK // (n * chunks * states * channels)))
        self.decays, self.inputs = parts.steps.new_empty(2, self.size, n, chunks, states, channels)
        self._parts, self._start = parts, -1

    def at(self, start: int) -> tuple[Tensor, Tensor]:
        """Decays and inputs (at most `size`, N, M, S, E) of the steps from `start` on. Who comes last may
        overwrite them.
        """
        parts, some = self._parts, slice(start, start + self.size)
        steps = parts.steps[some]
        decays, inputs = self.decays[: len(steps)], self.inputs[: len(steps)]
        if start != self._start:
            torch.mul(steps.unsqueeze(-2), parts.a, out=decays).exp_()
            torch.mul(parts.drive[some].unsqueeze(-2), parts.b[some].unsqueeze(-1), out=inputs)
            self._start = start
        return decays, inputs


def _chunks(values: Tensor, chunk: int) -> Tensor:
    """(N, L, F) as (chunk, N, M, F), filled up with zeros at the end: entry t holds token t of each chunk."""
    values = functional.pad(values, (0, 0, 0, -values.shape[1] % chunk))
    return values.unflatten(1, (-1, chunk)).permute(2, 0, 1, 3).contiguous()


def _before_each_chunk(decay: Tensor, added: Tensor) -> Tensor:
    """First states of all chunks (N, M, S, E), from what each chunk keeps (0 to 1) and what it adds.

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
