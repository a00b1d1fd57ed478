"""SAM's weights in a RefSAM3D: what the 2D image encoder has learnt, carried over to the 3D one.

The neck and the mask decoder of SAM are not used: RefSAM3D has 3D ones, trained from nothing.

Source: RefSAM3D (arXiv 2412.05605, 2024); names of tensors as in the SAM of the transformers library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from LightSegLib.errors import ModelError
from LightSegLib.networks.refsam3d import RefSAM3D
from LightSegLib.networks.refsam3d_attention import resize_line, resize_plane
from LightSegLib.networks.refsam3d_encoder import Block

PREFIX = "vision_encoder."
_IN_BLOCK = {
    "norm1.weight": "layer_norm1.weight",
    "norm1.bias": "layer_norm1.bias",
    "attention.qkv.weight": "attn.qkv.weight",
    "attention.qkv.bias": "attn.qkv.bias",
    "attention.out.weight": "attn.proj.weight",
    "attention.out.bias": "attn.proj.bias",
    "attention.relative_height": "attn.rel_pos_h",
    "attention.relative_width": "attn.rel_pos_w",
    "norm2.weight": "layer_norm2.weight",
    "norm2.bias": "layer_norm2.bias",
    "mlp.widen.weight": "mlp.lin1.weight",
    "mlp.widen.bias": "mlp.lin1.bias",
    "mlp.narrow.weight": "mlp.lin2.weight",
    "mlp.narrow.bias": "mlp.lin2.bias",
}


def load_sam_weights(network: RefSAM3D, sam_model: nn.Module | Mapping[str, Tensor]) -> None:
    """Fill a network's encoder with the weights of SAM's, in place; nothing is changed if they do not fit.

    Tables of positions are fitted to the network's own, and its relative positions along depth start as the
    mean of those of height and width. A patch embedding of one channel gets the sum over SAM's three, which
    is the same for a grey image.

    Args:
        network: its encoder needs SAM's width, depth, heads, feed-forward width and patch.
        sam_model: a `SamModel` of transformers, its vision encoder, or the state dictionary of either.

    Raises:
        ModelError: a tensor is missing or has the wrong size, or SAM has more blocks than the network.
    """
    state = sam_model if isinstance(sam_model, Mapping) else sam_model.state_dict()
    if any(name.startswith(PREFIX) for name in state):
        state = {name[len(PREFIX) :]: value for name, value in state.items() if name.startswith(PREFIX)}
    _check_depth(network, state)
    own = network.encoder.state_dict()
    converted = {}
    for ours, theirs in _names(network.config.depth):
        if theirs not in state:
            raise ModelError(
                f"SAM's weights have no tensor {theirs!r}",
                "they are not, or not wholly, those of the vision encoder of a transformers SamModel",
                "Pass the SamModel itself, or the state dictionary of its vision encoder",
            )
        value = _fitted(theirs, state[theirs].detach(), own[ours])
        if value.shape != own[ours].shape:
            raise ModelError(
                f"SAM's tensor {theirs!r} has the size {tuple(state[theirs].shape)}, "
                f"the network's {ours!r} has {tuple(own[ours].shape)}",
                "SAM and network differ in width, depth, heads, feed-forward width or patch",
                'Use the SAM that the network was configured for (ViT-B for "base"), or change its settings',
            )
        converted[ours] = value
    with torch.no_grad():
        for ours, value in converted.items():
            own[ours].copy_(value)
    for block in network.encoder.blocks:
        if isinstance(block, Block):
            block.attention.start_depth()


def _check_depth(network: RefSAM3D, state: Mapping[str, Tensor]) -> None:
    blocks = {name.split(".")[1] for name in state if name.startswith("layers.")}
    if len(blocks) > network.config.depth:
        raise ModelError(
            f"SAM's encoder has {len(blocks)} blocks, the network's has {network.config.depth}",
            "a part of the encoder does not say what the whole does",
            "Use a smaller SAM, or set the network's depth to the number of SAM's blocks",
        )


def _names(depth: int) -> Iterator[tuple[str, str]]:
    """Names of each tensor in the network's encoder and in SAM's."""
    yield "embed.patch.weight", "patch_embed.projection.weight"
    yield "embed.patch.bias", "patch_embed.projection.bias"
    yield "embed.plane", "pos_embed"
    for block in range(depth):
        for ours, theirs in _IN_BLOCK.items():
            yield f"blocks.{block}.{ours}", f"layers.{block}.{theirs}"


def _fitted(name: str, value: Tensor, own: Tensor) -> Tensor:
    """SAM's tensor in the network's layout; left as it is where it cannot be."""
    if name == "patch_embed.projection.weight" and own.shape[1:2] == (1,) and value.dim() == 4:
        return value.sum(1, keepdim=True)
    if name == "pos_embed" and value.dim() == 4 and len(value) == 1:
        return resize_plane(value[0].float(), own.shape[:2])
    if name.endswith(("rel_pos_h", "rel_pos_w")) and value.dim() == 2:
        return resize_line(value.float(), len(own))
    return value
