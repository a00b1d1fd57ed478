"""The convolution blocks of VeloxSeg, and the CPU routines that must equal torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.networks.blocks import JLC, Down, PointwiseConv, Up
from LightSegLib.networks.cpu_ops import Conv3d, drop, instance_norm, pixel_shuffle_3d, resize_trilinear

LAYERS = [
    (16, 24, 3, 1, 1),
    (16, 16, 5, 1, 4),
    (16, 16, 1, 1, 4),
    (4, 16, 5, 3, 1),
    (8, 16, 3, 2, 1),
    (3, 8, 4, 4, 1),
]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("sources", "targets", "kernel", "stride", "groups"), LAYERS)
def test_a_convolution_and_its_gradients_equal_those_of_torch(
    batch: int, sources: int, targets: int, kernel: int, stride: int, groups: int
) -> None:
    torch.manual_seed(0)
    rim = 0 if kernel == stride else (kernel - 1) // 2
    ours = Conv3d(sources, targets, kernel, stride, rim, groups=groups)
    x = torch.randn(batch, sources, 12, 12, 12, requires_grad=True)

    def with_gradients(y: Tensor) -> tuple[Tensor, ...]:
        return (y, *torch.autograd.grad(y.square().sum(), [x, *ours.parameters()]))

    plain = functional.conv3d(x, ours.weight, ours.bias, stride, rim, groups=groups)
    torch.testing.assert_close(with_gradients(ours(x)), with_gradients(plain), rtol=1e-3, atol=1e-3)
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), plain.detach(), rtol=1e-4, atol=1e-4)


def test_instance_norm_equals_that_of_torch() -> None:
    x = 3.0 + 2.0 * torch.randn(2, 5, 4, 6, 8)
    torch.testing.assert_close(instance_norm(x), functional.instance_norm(x))


@pytest.mark.parametrize(("old", "new"), [((3, 3, 3), (72, 72, 72)), ((2, 3, 1), (8, 7, 4))])
def test_resizing_equals_the_corner_aligned_interpolation_of_torch(
    old: tuple[int, ...], new: tuple[int, ...]
) -> None:
    x = torch.randn(2, 3, *old)
    plain = functional.interpolate(x, size=new, mode="trilinear", align_corners=True)
    torch.testing.assert_close(resize_trilinear(x, new), plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (7,), (33, 5, 1)])
def test_drop_keeps_shape_and_leaves_values_alone_outside_training(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert drop(x, 0.5, training=False) is x
    assert drop(x, 0.0, training=True) is x
    assert drop(x, 0.5, training=True).shape == x.shape


def test_drop_zeroes_the_asked_share_keeps_the_mean_and_repeats_under_a_seed() -> None:
    x = torch.ones(100_000)
    torch.manual_seed(0)
    first = drop(x, 0.1, training=True)
    torch.manual_seed(0)
    assert torch.equal(first, drop(x, 0.1, training=True))
    assert (first == 0).float().mean().item() == pytest.approx(0.1, abs=0.005)
    assert first.mean().item() == pytest.approx(1.0, abs=0.005)
    assert drop(x, 0.0001, training=True).mean().item() == pytest.approx(1.0, abs=0.005)


def test_drop_passes_gradients_only_through_kept_values() -> None:
    x = torch.ones(1000, requires_grad=True)
    y = drop(x, 0.3, training=True)
    y.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, y.detach())


def test_pixel_shuffle_orders_channels_as_class_then_offset_along_each_axis() -> None:
    s, classes, grid = 2, 3, (2, 3, 4)
    x = torch.randn(1, classes * s**3, *grid)
    y = pixel_shuffle_3d(x, s)
    assert y.shape == (1, classes, 4, 6, 8)
    for c, a, b, e in torch.cartesian_prod(torch.arange(classes), *(torch.arange(s),) * 3).tolist():
        assert torch.equal(y[:, c, a::s, b::s, e::s], x[:, ((c * s + a) * s + b) * s + e])


def test_a_group_of_channels_is_independent_of_the_other_groups() -> None:
    block = JLC(16, 4, (1, 3, 5), 3, 0.0)
    x = torch.randn(2, 16, 6, 6, 6)
    changed = x.clone()
    changed[:, 5] += 1.0
    for conv in block.convs:
        moved = (conv(x) - conv(changed)).abs().amax(dim=(0, 2, 3, 4)) > 1e-6
        assert moved.tolist() == [4 <= channel < 8 for channel in range(16)]


def test_jlc_equals_its_formula() -> None:
    block = JLC(8, 4, (1, 3), 2, 0.1).eval()
    x = torch.randn(2, 8, 4, 4, 4)
    y = x
    for conv in block.convs:
        z = functional.conv3d(x, conv.weight, conv.bias, padding=conv.padding, groups=2)
        y = y + functional.gelu(functional.instance_norm(z))
    wide = functional.gelu(block.widen(functional.instance_norm(y)))
    torch.testing.assert_close(block(x), y + block.mix(wide), rtol=1e-4, atol=1e-5)


def test_jlc_with_one_kernel_adds_the_bare_convolution() -> None:
    block = JLC(8, 4, (3,), 2, 0.0)
    torch.nn.init.zeros_(block.mix.weight)
    x = torch.randn(1, 8, 4, 4, 4)
    torch.testing.assert_close(block(x), x + block.convs[0](x))


def test_a_pointwise_convolution_mixes_channels_at_each_cell() -> None:
    conv, x = PointwiseConv(5, 7), torch.randn(2, 5, 3, 4, 5)
    torch.nn.init.normal_(conv.bias)
    plain = functional.conv3d(x, conv.weight[:, :, None, None, None], conv.bias)
    torch.testing.assert_close(conv(x), plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_down_divides_and_up_doubles_the_grid(stride: int) -> None:
    down = Down(3, 8, stride)
    assert down.conv.kernel_size == (2 * stride - 1,) * 3
    assert down(torch.randn(1, 3, 12, 24, 12)).shape == (1, 8, 12 // stride, 24 // stride, 12 // stride)
    assert Up(8, 4)(torch.randn(1, 8, 2, 3, 4)).shape == (1, 4, 4, 6, 8)
