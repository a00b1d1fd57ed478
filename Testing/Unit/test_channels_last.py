"""Decoder steps in cells, with the channels last, give what the usual modules give, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks import channels_last
from LightSegLib.networks.channels_last import as_cells, convolve_to_few, normalise_and_gelu, placed, spread


def last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 4, 1)


def first(x: Tensor) -> Tensor:
    return x.permute(0, 4, 1, 2, 3)


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 6, 4, 6, 2)


def test_doubling_is_the_transposed_convolution(x: Tensor) -> None:
    layer = nn.ConvTranspose3d(6, 5, 2, stride=2)
    torch.testing.assert_close(first(placed(spread(last(x), layer))), layer(x))


@pytest.mark.parametrize("rows", [3, 2048])
@pytest.mark.parametrize("gradient", [True, False])
def test_the_norm_is_the_instance_norm(
    x: Tensor, gradient: bool, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels_last, "ROWS", rows)
    layer = nn.InstanceNorm3d(6, affine=True)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    wanted = functional.gelu(layer(20 + 3 * x))
    with torch.set_grad_enabled(gradient):
        answer = normalise_and_gelu(as_cells(last(20 + 3 * x)).contiguous(), layer)
    torch.testing.assert_close(first(placed(answer)), wanted, rtol=1e-4, atol=1e-4)


def test_with_gradient_nothing_is_overwritten(x: Tensor) -> None:
    layer, given = nn.InstanceNorm3d(6, affine=True), as_cells(last(x)).contiguous().requires_grad_()
    before = given.detach().clone()
    normalise_and_gelu(given, layer).square().sum().backward()
    assert torch.equal(given, before)
    usual = x.clone().requires_grad_()
    functional.gelu(layer(usual)).square().sum().backward()
    assert given.grad is not None
    assert usual.grad is not None
    torch.testing.assert_close(first(placed(given.grad)), usual.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("slab", [2, 6, 8])
@pytest.mark.parametrize("outputs", [1, 2])
@torch.no_grad()
def test_few_channels_come_from_the_same_convolution(
    x: Tensor, slab: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels_last, "SLAB", slab)
    layer = nn.Conv3d(6, outputs, 3, padding=1)
    torch.testing.assert_close(
        convolve_to_few(as_cells(last(x[:, :4])), last(x[:, 4:]), layer), layer(x), rtol=1e-4, atol=1e-5
    )


@torch.no_grad()
def test_under_autocast_the_sums_are_exact(x: Tensor) -> None:
    layer = nn.Conv3d(6, 1, 3, padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        answer = convolve_to_few(as_cells(last(x[:, :4])), last(x[:, 4:]), layer)
    assert answer.dtype == torch.float32
    torch.testing.assert_close(answer, layer(x), rtol=1e-4, atol=1e-5)
