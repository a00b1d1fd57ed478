"""Our three 3D networks on torch's usual operations: what LightSeg's own are measured against.

`usual_operations` swaps, while it is entered, each operation that LightSeg computes in a form of its own:

- convolutions (`cpu_ops.Conv3d`, `DepthwiseConv3d`, `PointwiseConv`, `mix_channels`) for torch's `conv3d`;
- interpolation by matrix products (`resize_linear`, `resize_trilinear`, `enlarge`) for `interpolate`, and
  `enlarged_convolution` for the same, then a convolution;
- norms and activations (`instance_norm`, `norm_and_gelu`, `norm_and_relu`, `gelu`, `softmax`) for torch's;
- decoders that apply a linear map before they interpolate for those of the papers, which interpolate,
  concatenate and convolve;
- ghost convolutions in channels-last memory for the memory that torch gives them;
- windows gathered in one copy for a roll and a cut, feed-forward layers in slabs for whole ones, the products
  of VeloxSeg's small windows for `scaled_dot_product_attention`;
- the selective scan's blocks in reused memory for one tensor of all states.

What cannot be switched off is how the networks are built, so it is in both times: tokens with channels last
(`to_grid`, `to_tokens`, `PairedWindowAttention`), the weights of all modalities in one product
(`ModalityLinear`, `ModalityNorm`), one projection for query, key and value, windows pooled axis by axis
(`paired_window_attention.gather_windows`), windows of all scales in one batch, `pixel_shuffle_3d` (torch has
none in 3D), cached tables (`rotary._angles`, `_relative_index`, `_wrap_mask`), one residual sum per branch
(`addcmul` in `ScanBlock`), gates and output maps of a scan both ways applied once (`Scan`), and the chunks of
the scan (`chunked_scan`): torch has no recurrence, and one token at a time takes minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks import (
    blocks,
    cpu_ops,
    depthwise,
    ghost,
    paired_window_attention,
    refineformer3d,
    segmaformer,
    selective_scan,
    shifted_windows,
    spatial_norms,
)
from LightSegLib.networks.refineformer3d_decoder import AttentionFusion, ConcatFusion

Triple = shifted_windows.Triple


@contextmanager
def usual_operations() -> Iterator[None]:
    """Within it, networks that are built or were built before compute with torch's usual operations.

    For inference, and for one thread at a time: modules and classes are changed until it is left.
    """
    with ExitStack() as stack:
        for owner, name, usual in [*_methods(), *_functions()]:
            stack.enter_context(mock.patch.object(owner, name, usual))
        yield


def _methods() -> list[tuple[Any, str, Any]]:
    """(owner, name, usual) of what is swapped in one place."""
    return [
        (cpu_ops.Conv3d, "forward", nn.Conv3d.forward),
        (depthwise.DepthwiseConv3d, "forward", nn.Conv3d.forward),
        (blocks.PointwiseConv, "forward", _pointwise),
        (ghost.GhostConv3d, "complete", _ghost),
        (segmaformer.Decoder, "forward", segmaformer.Decoder.as_published),
        (ConcatFusion, "forward", ConcatFusion.as_published),
        (AttentionFusion, "forward", AttentionFusion.as_published),
        (selective_scan, "_in_blocks", selective_scan._with_gradients),
        (refineformer3d, "SLAB", sys.maxsize),
        (paired_window_attention, "FUSED_TOKENS", 0),
    ]


def _functions() -> list[tuple[Any, str, Any]]:
    """The same of functions, in every module that has imported them."""
    usual: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
        (cpu_ops.mix_channels, _mix_channels),
        (cpu_ops.resize_linear, _resize_linear),
        (cpu_ops.resize_trilinear, _resize_trilinear),
        (cpu_ops.enlarge, _resize_linear),
        (cpu_ops.enlarged_convolution, _enlarged_convolution),
        (cpu_ops.instance_norm, functional.instance_norm),
        (cpu_ops.softmax, _softmax),
        (cpu_ops.gelu, functional.gelu),
        (spatial_norms.norm_and_gelu, _norm_and_gelu),
        (spatial_norms.norm_and_relu, _norm_and_relu),
        (shifted_windows.gather_windows, _gather_windows),
        (shifted_windows.scatter_windows, _scatter_windows),
    ]
    ours = [module for name, module in sorted(sys.modules.items()) if name.startswith("LightSegLib.")]
    return [
        (module, fast.__name__, plain)
        for fast, plain in usual
        for module in ours
        if vars(module).get(fast.__name__) is fast
    ]


def _pointwise(layer: blocks.PointwiseConv, x: Tensor) -> Tensor:
    return _mix_channels(x, layer.weight, layer.bias)


def _ghost(layer: ghost.GhostConv3d, primary: Tensor) -> Tensor:
    return torch.cat([primary, layer.cheap(primary)], dim=1)


def _mix_channels(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return functional.conv3d(x, weight[:, :, None, None, None], bias)


def _resize_linear(x: Tensor, size: Sequence[int], part: Sequence[slice] | None = None) -> Tensor:
    whole = functional.interpolate(x, tuple(size), mode="trilinear", align_corners=False)
    return whole if part is None else whole[(slice(None), slice(None), *part)]


def _resize_trilinear(x: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(x, tuple(size), mode="trilinear", align_corners=True)


def _enlarged_convolution(x: Tensor, size: Sequence[int], layer: nn.Conv3d) -> Tensor:
    return cast(Tensor, layer(_resize_linear(x, size)))


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


def _norm_and_gelu(x: Tensor, layer: nn.GroupNorm | nn.InstanceNorm3d) -> Tensor:
    return functional.gelu(layer(x))


def _norm_and_relu(x: Tensor, layer: nn.GroupNorm | nn.InstanceNorm3d) -> Tensor:
    return functional.relu(layer(x))


def _gather_windows(tokens: Tensor, grid: Triple, window: Triple, shift: Triple) -> Tensor:
    x = tokens.unflatten(1, grid)
    x = x.roll([-s for s in shift], dims=(1, 2, 3)) if any(shift) else x
    return shifted_windows.to_windows(x, window)


def _scatter_windows(windows: Tensor, grid: Triple, window: Triple, shift: Triple, batch: int) -> Tensor:
    x = shifted_windows.from_windows(windows, window, grid, batch)
    x = x.roll(list(shift), dims=(1, 2, 3)) if any(shift) else x
    return x.flatten(1, 3)
