"""From a card's or recipe's description of an architecture to a promptable RefSAM3D."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from LightSegLib.models.promptable_refsam3d import PromptableRefSAM3D

NAME = "refsam3d"
"""The network's name in an architecture."""


def build_refsam3d(
    architecture: Mapping[str, Any], patch: int, channels: int, text: int
) -> PromptableRefSAM3D:
    """Build the network with random weights.

    Args:
        architecture: {"network": "refsam3d", "config": settings where they differ from those of the
            configuration "small", "border": channels of the border head, none without}.
        patch: samples along the edge of the cube it sees.
        channels: of the image.
        text: width of a text's embedding, 0 for none.

    Raises:
        ValueError, TypeError: the settings are unknown, do not fit the patch or each other, or ask for what
            the network does not have.
    """
    from LightSegLib.models.promptable_refsam3d import PromptableRefSAM3D, dense_channels
    from LightSegLib.networks.refsam3d import RefSAM3D
    from LightSegLib.networks.refsam3d_config import CONFIGURATIONS, RefSAM3DConfig

    if "detail" in architecture:
        msg = "RefSAM3D has no detail head; leave `detail` out, `border` is its head at full resolution"
        raise ValueError(msg)
    usual = {
        **CONFIGURATIONS["small"],
        "in_ch": channels,
        "patch_channels": channels,
        "text_width": text or 1,
        "dense": dense_channels(channels),
        "sampled": True,
    }
    settings = RefSAM3DConfig.from_dict({**usual, **architecture.get("config", {})})
    if settings.n_classes != 1 or settings.in_ch != channels or settings.dense != usual["dense"]:
        msg = f"n_classes is 1, in_ch {channels} and dense {usual['dense']} for every promptable model"
        raise ValueError(msg)
    settings.grid((patch,) * 3)
    return PromptableRefSAM3D(RefSAM3D(settings), int(architecture.get("border", 0)), text)
