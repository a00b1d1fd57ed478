"""The chunked scan equals the recurrence step by step, forwards and backwards, and looks only back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.networks.selective_scan import chunked_scan, selective_scan


def step_by_step(x: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """The definition, one token after the other."""
    state = torch.zeros(x.shape[0], x.shape[2], a.shape[1])
    outputs = []
    for t in range(x.shape[1]):
        decay = torch.exp(step[:, t, :, None] * a)
        state = decay * state + (step[:, t] * x[:, t])[..., None] * b[:, t, None]
        outputs.append((state * c[:, t, None]).sum(-1) + d * x[:, t])
    return torch.stack(outputs, dim=1)


def inputs(length: int, channels: int = 6, states: int = 4, batch: int = 2) -> tuple[Tensor, ...]:
    random = torch.Generator().manual_seed(length)
    x, step = (torch.randn(batch, length, channels, generator=random) for _ in range(2))
    b, c = (torch.randn(batch, length, states, generator=random) for _ in range(2))
    a = -torch.rand(channels, states, generator=random) * 8
    d = torch.randn(channels, generator=random)
    return x, functional.softplus(step), a, b, c, d


@pytest.mark.parametrize("length", [1, 2, 3, 16, 47, 300, 1000])
def test_the_scan_equals_the_recurrence(length: int) -> None:
    parts = inputs(length)
    torch.testing.assert_close(chunked_scan(*parts), step_by_step(*parts), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("length", [1, 3, 47, 300])
@pytest.mark.parametrize("block", [1, 500, 2**18])
def test_without_gradients_blocks_of_any_size_give_the_same(length: int, block: int, monkeypatch) -> None:
    monkeypatch.setattr("LightSegLib.networks.selective_scan.BLOCK", block)
    parts = inputs(length)
    with torch.inference_mode():
        y = chunked_scan(*parts)
    torch.testing.assert_close(y, chunked_scan(*parts), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("length", [5, 47, 130])
def test_its_gradients_equal_those_of_the_recurrence(length: int) -> None:
    weights = torch.randn(2, length, 6, generator=torch.Generator().manual_seed(1))
    gradients = []
    for scan in (chunked_scan, step_by_step):
        parts = [part.clone().requires_grad_() for part in inputs(length)]
        (scan(*parts) * weights).sum().backward()
        gradients.append([part.grad for part in parts])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_large_steps_neither_overflow_nor_become_nan() -> None:
    x, step, a, b, c, d = inputs(200)
    y = chunked_scan(x, step * 1000, a, b, c, d)
    assert torch.isfinite(y).all()


def test_what_comes_later_changes_nothing_before_it() -> None:
    x, *rest = inputs(100)
    changed = x.clone()
    changed[:, 60:] += 1
    before, after = chunked_scan(x, *rest), chunked_scan(changed, *rest)
    torch.testing.assert_close(after[:, :60], before[:, :60], atol=0, rtol=0)
    assert (after[:, 60:] != before[:, 60:]).any()


def test_half_precision_in_half_precision_out_and_states_exact() -> None:
    parts = inputs(300)
    halves = [part.to(torch.bfloat16) if part.ndim == 3 else part for part in parts]
    y = selective_scan(*halves)
    assert y.dtype == torch.bfloat16
    expected = step_by_step(*(part.float() for part in halves))
    torch.testing.assert_close(y.float(), expected, atol=0.05, rtol=0.02)


@pytest.mark.parametrize("gradients", [False, True])
def test_under_autocast_states_stay_exact_too(gradients: bool) -> None:
    parts = inputs(300)
    with torch.set_grad_enabled(gradients), torch.autocast("cpu", torch.bfloat16):
        y = chunked_scan(*parts)
    torch.testing.assert_close(y, step_by_step(*parts), atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="mamba_ssm's kernel needs a CUDA GPU")
def test_the_cuda_kernel_of_mamba_ssm_says_the_same() -> None:
    pytest.importorskip("mamba_ssm")
    parts = inputs(300)
    y = selective_scan(*(part.cuda() for part in parts)).cpu()
    torch.testing.assert_close(y, step_by_step(*parts), atol=1e-4, rtol=1e-4)
