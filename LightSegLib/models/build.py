"""From a card's or recipe's description of an architecture to a network: the one place that knows which
networks exist.

A new architecture is one file in `networks`, one entry here, and one card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from LightSegLib.errors import ModelError
from LightSegLib.models.build_refsam3d import NAME as REFSAM3D
from LightSegLib.models.build_refsam3d import build_refsam3d

if TYPE_CHECKING:
    from LightSegLib.models.promptable import FeatureNetwork, PromptableNetwork
    from LightSegLib.models.promptable_refsam3d import PromptableRefSAM3D


class Built(NamedTuple):
    """A network and what its wrapper has to know of it.

    Attributes:
        network: with random weights.
        features: channels of its features.
        stride: voxels per cell of the features' grid.
        stages: channels after each encoder stage, finest first.
    """

    network: FeatureNetwork
    features: int
    stride: int
    stages: Sequence[int]


def _veloxseg(config: Mapping[str, Any], patch: int, streams: Sequence[int]) -> Built:
    from LightSegLib.networks.veloxseg import VeloxSeg
    from LightSegLib.networks.veloxseg_config import VeloxSegConfig

    settings = VeloxSegConfig.from_dict(
        {"input_size": [patch] * 3, "in_ch": list(streams), "n_classes": 1, "reconstruction": False, **config}
    )
    return Built(VeloxSeg(settings), settings.base_ch, settings.patch_size, settings.conv_channels)


def _segmaformer(config: Mapping[str, Any], patch: int, streams: Sequence[int]) -> Built:
    from LightSegLib.networks.segmaformer import SegMaFormer
    from LightSegLib.networks.segmaformer_config import SegMaFormerConfig

    settings = SegMaFormerConfig.from_dict({"in_ch": sum(streams), "n_classes": 1, **config})
    settings.stage_grids((patch,) * 3)
    stride = _cubic(settings.stride, patch)
    return Built(SegMaFormer(settings), settings.decoder_width, stride, settings.channels)


def _refineformer3d(config: Mapping[str, Any], patch: int, streams: Sequence[int]) -> Built:
    from LightSegLib.networks.refineformer3d import RefineFormer3D
    from LightSegLib.networks.refineformer3d_config import RefineFormer3DConfig

    settings = RefineFormer3DConfig.from_dict({"in_ch": sum(streams), "n_classes": 1, **config})
    settings.stage_grids((patch,) * 3)
    network = RefineFormer3D(settings)
    return Built(network, settings.decoder[2], settings.first_stride, settings.channels)


def _cubic(stride: tuple[int, int, int], patch: int) -> int:
    """The stride along every axis; ValueError if it differs, or does not divide the patch."""
    if len(set(stride)) > 1 or patch % stride[0]:
        msg = f"the first stride {stride} must be alike on all axes and divide the patch {patch}"
        raise ValueError(msg)
    return stride[0]


Builder: TypeAlias = "Callable[[Mapping[str, Any], int, Sequence[int]], Built]"
"""From settings, edge of the cube and input channels per image channel to the network."""

BUILDERS: dict[str, Builder] = {
    "refineformer3d": _refineformer3d,
    "segmaformer": _segmaformer,
    "veloxseg": _veloxseg,
}
TRAINING_ONLY: dict[str, dict[str, Any]] = {"veloxseg": {"reconstruction": False, "deep_supervision": False}}
"""Settings that turn off the parts of a network which only its training needs."""


def build_network(architecture: Mapping[str, Any], patch: int) -> PromptableNetwork | PromptableRefSAM3D:
    """Build a promptable network with random weights.

    Args:
        architecture: {"network": a name in `BUILDERS`, or `REFSAM3D`, "config": its settings, "detail":
            channels of the detail head, which RefSAM3D does not have, "border": channels of the border head,
            none without, "channels": of the image, one without, "text": width of a text's embedding, no text
            without}.
        patch: samples along the edge of the cube it sees.

    Raises:
        ModelError: the network is unknown or its settings do not fit the patch.
    """
    from LightSegLib.models.promptable import PromptableNetwork

    name = architecture.get("network")
    known = sorted([*BUILDERS, REFSAM3D])
    if name not in known:
        raise ModelError(
            f"Unknown network {name!r}",
            "this version of LightSeg has no network of that name",
            f"Known networks are {', '.join(known)}; update LightSeg if the model is newer",
        )
    try:
        detail, border = int(architecture.get("detail", 48)), int(architecture.get("border", 0))
        channels, text = image_channels(architecture), text_width(architecture)
        if name == REFSAM3D:
            return build_refsam3d(architecture, patch, channels, text)
        built = BUILDERS[name](
            architecture.get("config", {}), patch, [PromptableNetwork.INPUT_CHANNELS] * channels
        )
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"The settings of the network {name} cannot be used", str(error), "Correct the recipe or the card"
        ) from error
    return PromptableNetwork(
        built.network, built.features, built.stride, detail, border, channels, text, built.stages
    )


def image_channels(architecture: Mapping[str, Any]) -> int:
    """How many image channels an architecture takes.

    Raises:
        ValueError, TypeError: its entry is no number above 0.
    """
    channels = int(architecture.get("channels", 1))
    if channels < 1:
        raise ValueError(f"a network of {channels} image channels sees nothing")
    return channels


def text_width(architecture: Mapping[str, Any]) -> int:
    """Width of the text embeddings that an architecture takes; 0 if it takes no text.

    Raises:
        ValueError, TypeError: its entry is no number, or a negative one.
    """
    width = int(architecture.get("text", 0))
    if width < 0:
        raise ValueError(f"a text cannot have {width} numbers")
    return width


def for_inference(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """The same architecture without what only training needs; its weights are a part of the trained ones."""
    off = TRAINING_ONLY.get(architecture.get("network", ""), {})
    return {**architecture, "config": {**architecture.get("config", {}), **off}}
