"""Where training computes in bfloat16, and where it must not."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from LightSegLib.runtime.processor import has_fast_bfloat16


def prefers_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 in hardware; elsewhere training runs in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and has_fast_bfloat16()


def keep_small_grids_exact(network: nn.Module) -> None:
    """Run convolutions whose kernel exceeds their grid in float32 under autocast.

    oneDNN's bfloat16 weight gradient of such a grouped convolution is now and then not finite (seen with
    PyTorch 2.13, kernel 5 on a grid of 3); on grids that small the exact one costs nothing.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and module.groups > 1:
            module.forward = functools.partial(_forward_exactly_if_small, module)  # type: ignore[method-assign]


def _forward_exactly_if_small(module: nn.Conv3d, x: Tensor) -> Tensor:
    if all(kernel <= length for kernel, length in zip(module.kernel_size, x.shape[2:], strict=True)):
        return type(module).forward(module, x)  # its own, which may be faster than PyTorch's
    with torch.autocast(x.device.type, enabled=False):
        return nn.Conv3d.forward(module, x.float())
