"""Number formats of training, and convolutions that suit them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from LightSegLib.training import mixed_precision


def test_bfloat16_is_for_devices_that_multiply_it_in_hardware(monkeypatch):
    for capability, expected in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, c=capability: c)
        assert mixed_precision.prefers_bfloat16(torch.device("cuda")) is expected
    for fast in (True, False):
        monkeypatch.setattr(mixed_precision, "has_fast_bfloat16", lambda fast=fast: fast)
        assert mixed_precision.prefers_bfloat16(torch.device("cpu")) is fast
        assert mixed_precision.prefers_bfloat16(torch.device("mps")) is False


class Watched(nn.Conv3d):
    """A convolution that remembers the number formats it was run with."""

    def forward(self, x):
        self.seen = x.dtype
        return super().forward(x)


def test_only_grouped_convolutions_on_small_grids_are_kept_exact():
    network = nn.ModuleList([Watched(4, 4, 5, padding=2, groups=2), Watched(4, 4, 5, padding=2)])
    mixed_precision.prepare_grouped_convolutions(network)
    grouped, plain = network
    small, large = torch.ones(1, 4, 3, 3, 3), torch.ones(1, 4, 6, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert grouped(small).dtype == torch.float32
        assert plain(small).dtype == torch.bfloat16
        assert grouped(large).dtype == torch.bfloat16


def test_a_wide_grouped_convolution_keeps_its_own_forward():
    wide = Watched(32, 32, 3, padding=1, groups=8)
    mixed_precision.prepare_grouped_convolutions(wide)
    wide(torch.ones(1, 32, 4, 4, 4))
    assert wide.seen == torch.float32


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(8, 8, 4), (12, 6, 3), (4, 8, 2)])
def test_a_dense_convolution_equals_the_grouped_one(inputs, outputs, groups):
    convolution = nn.Conv3d(inputs, outputs, 3, padding=1, groups=groups).double()
    x = torch.randn(2, inputs, 5, 6, 7, dtype=torch.float64)
    weight = mixed_precision.dense_weight(convolution.weight, groups)
    dense = nn.functional.conv3d(x, weight, convolution.bias, padding=1)
    torch.testing.assert_close(dense, convolution(x))


def test_a_prepared_convolution_answers_and_learns_as_before():
    torch.manual_seed(0)
    usual = nn.Conv3d(8, 8, 3, padding=1, groups=2).double()
    prepared = nn.Conv3d(8, 8, 3, padding=1, groups=2).double()
    prepared.load_state_dict(usual.state_dict())
    mixed_precision.prepare_grouped_convolutions(prepared)
    x = torch.randn(1, 8, 6, 6, 6, dtype=torch.float64)
    for convolution in (usual, prepared):
        convolution(x).square().sum().backward()
    torch.testing.assert_close(prepared(x), usual(x))
    torch.testing.assert_close(prepared.weight.grad, usual.weight.grad)
    torch.testing.assert_close(prepared.bias.grad, usual.bias.grad)
