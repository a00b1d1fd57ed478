"""Operations that are fast on a CPU say what torch's usual ones say, in either layout of memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks import spatial_norms
from LightSegLib.networks.cpu_ops import (
    Conv3d,
    add_resized,
    enlarge,
    enlarged_convolution,
    gelu,
    is_channels_last,
    resize_linear,
)

LAYOUTS = [torch.contiguous_format, torch.channels_last_3d]


def random(*shape: int, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))
    return x.contiguous(memory_format=layout)


def interpolate(x: Tensor, size: tuple[int, ...]) -> Tensor:
    return functional.interpolate(x, size, mode="trilinear", align_corners=False)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_kernel_of_one_voxel_keeps_the_layout_and_is_torchs(layout, gradients: bool, bias: bool) -> None:
    torch.manual_seed(0)
    layer = Conv3d(5, 3, 1, bias=bias)
    x = random(2, 5, 4, 3, 6, layout=layout)
    with torch.set_grad_enabled(gradients):
        y = layer(x)
    torch.testing.assert_close(y, functional.conv3d(x, layer.weight, layer.bias))
    assert is_channels_last(y) == (layout is torch.channels_last_3d)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_resizing_keeps_the_layout_and_is_torchs_interpolation(layout) -> None:
    x, size = random(2, 3, 4, 3, 6, layout=layout), (8, 5, 18)
    y = resize_linear(x, size)
    torch.testing.assert_close(y, interpolate(x, size))
    assert is_channels_last(y) == (layout is torch.channels_last_3d)
    part = (slice(3, 8), slice(None), slice(0, 2))
    torch.testing.assert_close(resize_linear(x, size, part), y[(slice(None), slice(None), *part)])


def test_maps_of_several_grids_are_resized_and_added() -> None:
    x = random(2, 5, 6, 4, 8)
    others = [random(2, 5, 3, 2, 4), random(2, 5, 2, 1, 3, layout=torch.channels_last_3d)]
    expected = x + sum(interpolate(other, (6, 4, 8)) for other in others)
    torch.testing.assert_close(add_resized(x, others), expected)


def test_logits_are_enlarged_in_float32_even_under_autocast() -> None:
    x = random(1, 2, 3, 4, 5)
    with torch.autocast("cpu", torch.bfloat16):
        y = enlarge(x, (6, 8, 10))
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, interpolate(x, (6, 8, 10)))


@pytest.mark.parametrize("depth", [7, 16, 19])
def test_a_convolution_of_an_enlarged_map_never_needs_the_whole_of_it(depth: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv3d(4, 3, 3, padding=1)
    x, size = random(1, 4, 8, 3, 5), (depth, 6, 10)
    with torch.inference_mode():
        torch.testing.assert_close(enlarged_convolution(x, size, layer), layer(interpolate(x, size)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gelu_does_not_mind_the_layout(layout) -> None:
    x = random(2, 3, 4, 3, 5, layout=layout)
    torch.testing.assert_close(gelu(x), functional.gelu(x))
    assert gelu(x).stride() == x.stride()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("layer", [nn.GroupNorm(3, 6), nn.InstanceNorm3d(6, affine=True)])
def test_norms_over_space_are_torchs(layout, gradients: bool, layer, monkeypatch) -> None:
    monkeypatch.setattr(spatial_norms, "BLOCK", 2 * 6 * 7)  # blocks of seven cells, the last one shorter
    torch.manual_seed(0)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    x = 3 + random(2, 6, 4, 3, 5, layout=layout)
    for ours, activation in (
        (spatial_norms.norm_and_gelu, functional.gelu),
        (spatial_norms.norm_and_relu, functional.relu),
    ):
        expected = activation(layer(x.contiguous()))
        with torch.set_grad_enabled(gradients):
            given = x.clone(memory_format=torch.preserve_format)
            torch.testing.assert_close(ours(given, layer), expected, atol=1e-5, rtol=1e-5)


def test_the_norm_of_a_large_grid_is_exact() -> None:
    x = 2 + random(1, 8, 48, 48, 48, layout=torch.channels_last_3d)
    layer = nn.GroupNorm(4, 8)
    with torch.inference_mode():
        exact = functional.relu(nn.GroupNorm(4, 8).double()(x.double().contiguous()))
        ours = spatial_norms.norm_and_relu(x, layer).double()
    torch.testing.assert_close(ours, exact, atol=3e-6, rtol=0)


def test_under_autocast_a_norm_gives_half_precision() -> None:
    x = random(1, 6, 4, 4, 4, layout=torch.channels_last_3d).bfloat16()
    layer = nn.InstanceNorm3d(6, affine=True)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        y = spatial_norms.norm_and_gelu(x.clone(memory_format=torch.preserve_format), layer)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), functional.gelu(layer(x.float())), atol=0.02, rtol=0.02)
