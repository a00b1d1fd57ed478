"""From a card's or recipe's description of an architecture to a network of slices, or to any network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import ModelError
from LightSegLib.models.build import build_network, image_channels

if TYPE_CHECKING:
    from LightSegLib.models.promptable import PromptableNetwork
    from LightSegLib.models.promptable_refsam3d import PromptableRefSAM3D
    from LightSegLib.models.promptable_slices import PromptableSlices

SLICE_NETWORKS = frozenset({"hrmedseg"})
"""Networks that see one slice at a time; all others see volumes."""


def is_of_slices(architecture: Mapping[str, Any]) -> bool:
    """Whether an architecture's network sees slices."""
    return architecture.get("network") in SLICE_NETWORKS


def build_slices(architecture: Mapping[str, Any], patch: int) -> PromptableSlices:
    """Build a promptable network of slices with random weights.

    Args:
        architecture: {"network": "hrmedseg", "config": its settings; `in_ch` is 1 and `image_size` the patch
            where they are left out, "detail": channels of the head at full resolution, none without}.
        patch: pixels along the edge of the square it sees.

    Raises:
        ModelError: its settings are unknown or do not fit the patch, or it is to have several image channels.
    """
    from LightSegLib.models.promptable_slices import PromptableSlices
    from LightSegLib.networks.hrmedseg import HRMedSeg
    from LightSegLib.networks.hrmedseg_config import HRMedSegConfig

    try:
        if image_channels(architecture) > 1:
            msg = f"a network of slices takes one image channel, not {image_channels(architecture)}"
            raise ValueError(msg)
        usual = {"in_ch": 1, "image_size": patch, "stored_rotations": False}
        settings = HRMedSegConfig.from_dict({**usual, **architecture.get("config", {})})
        settings.grid(patch, patch)
        detail = int(architecture.get("detail", 0))
        if detail < 0 or detail % 2 or (detail and patch % 4):
            msg = f"detail {detail} must be an even number from 0 up, and the patch {patch} a multiple of 4"
            raise ValueError(msg)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"The settings of the network {architecture.get('network')} cannot be used",
            str(error),
            "Correct the recipe or the card",
        ) from error
    return PromptableSlices(HRMedSeg(settings), detail)


def build_any(
    architecture: Mapping[str, Any], patch: int
) -> PromptableNetwork | PromptableRefSAM3D | PromptableSlices:
    """Build a promptable network with random weights, of slices or of volumes.

    Args:
        architecture: see `build_slices` and `models.build.build_network`.
        patch: samples along the edge of the square or cube it sees.

    Raises:
        ModelError: the network is unknown or its settings do not fit the patch.
    """
    return (build_slices if is_of_slices(architecture) else build_network)(architecture, patch)
