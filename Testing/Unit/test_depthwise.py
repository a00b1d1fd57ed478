"""The fast depthwise convolution is torch's convolution, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from LightSegLib.networks.depthwise import DepthwiseConv3d


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kernel", "shape"), [(3, (2, 5, 4, 6, 7)), (5, (1, 3, 8, 5, 6))])
def test_values_and_gradients_are_those_of_torch(bias, kernel, shape):
    torch.manual_seed(0)
    ours = DepthwiseConv3d(shape[1], kernel, bias)
    theirs = nn.Conv3d(shape[1], shape[1], kernel, padding=kernel // 2, groups=shape[1], bias=bias)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(shape)
    weights = torch.randn(shape)
    gradients = []
    for layer in (ours, theirs):
        given = x.clone().requires_grad_()
        y = layer(given)
        (y * weights).sum().backward()
        gradients.append([y.detach(), given.grad, *(p.grad for p in layer.parameters())])
        with torch.inference_mode():
            torch.testing.assert_close(layer(x), y.detach().clone())
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_under_autocast_it_computes_in_half_precision_as_torch_does():
    torch.manual_seed(0)
    ours = DepthwiseConv3d(4)
    x = torch.randn(2, 4, 6, 6, 6, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = ours(x)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    assert x.grad.dtype == torch.float32
    assert ours.weight.grad.dtype == torch.float32
    exact = nn.functional.conv3d(x.detach(), ours.weight, ours.bias, padding=1, groups=4)
    torch.testing.assert_close(y.float(), exact, atol=0.05, rtol=0.05)
