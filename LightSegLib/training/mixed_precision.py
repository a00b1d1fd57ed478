"""Where training computes in bfloat16, and where it must not."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.runtime.processor import has_fast_bfloat16


def prefers_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 in hardware; elsewhere training runs in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and has_fast_bfloat16()


DENSE_CHANNELS = 16
"""Widest grouped convolution that is computed as a dense one."""


def prepare_grouped_convolutions(network: nn.Module) -> None:
    """Run grouped convolutions so that autocast on a CPU trains them exactly, and faster.

    Those whose kernel exceeds their grid run in float32: oneDNN's bfloat16 weight gradient is then now and
    then not finite (seen with PyTorch 2.13, kernel 5 on a grid of 3), and on grids that small the exact one
    costs nothing. Those of few channels run as dense convolutions with zeros between the groups: more
    products, but in matrix instructions, which take half the time forward and backward.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and module.groups > 1:
            module.forward = functools.partial(_forward, module)  # type: ignore[method-assign]


def _forward(module: nn.Conv3d, x: Tensor) -> Tensor:
    if any(kernel > length for kernel, length in zip(module.kernel_size, x.shape[2:], strict=True)):
        with torch.autocast(x.device.type, enabled=False):
            return nn.Conv3d.forward(module, x.float())
    if module.in_channels <= DENSE_CHANNELS and module.kernel_size[0] > 1:
        weight = dense_weight(module.weight, module.groups)
        return functional.conv3d(x, weight, module.bias, module.stride, module.padding, module.dilation)
    return type(module).forward(module, x)  # its own, which may be faster than PyTorch's


def dense_weight(weight: Tensor, groups: int) -> Tensor:
    """The weight (out, in, k, k, k) of the dense convolution that equals a grouped one.

    Args:
        weight: (out, in / groups, k, k, k).
        groups: how many groups it has.
    """
    blocks = weight.unflatten(0, (groups, -1)).movedim(0, -1)
    return torch.diag_embed(blocks).movedim((-2, -1), (0, 2)).flatten(0, 1).flatten(1, 2)
