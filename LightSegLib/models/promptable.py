"""What makes a 3D segmentation network promptable, without touching the network's file.

The network sees the image, what is alike (`models.likeness`) and the drawn prompts, and returns features on
a coarser grid. A thin head at full resolution then combines these features with the raw input, so that a
click or an edge moves single voxels; where the recipe asks for it, the border head follows. A last head
states how good the answer probably is. A text, where the recipe asks for one, changes what the network's
encoder sees (`models.film`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.models import likeness
from LightSegLib.models.border import BorderHead
from LightSegLib.models.cells import channels_to_space
from LightSegLib.models.decoder_features import decoder_features
from LightSegLib.models.expected import answer_numbers, confidence_head
from LightSegLib.models.film import FilmText
from LightSegLib.models.guidance import GUIDANCE_CHANNELS
from LightSegLib.networks.modulation import Modulate
from LightSegLib.networks.teaching import Teaching


class FeatureNetwork(Protocol):
    """What the wrapper asks of a network: coarse logits and the features they are made of."""

    def forward_features(self, x: Tensor, modulate: Modulate | None = None) -> Tensor:
        """Features (N, F, D/s, H/s, W/s) of an input (N, C, D, H, W); a network that is never told a text
        may lack the hook.
        """
        ...

    def decode_head(self, features: Tensor) -> Tensor:
        """Logits (N, 1, D, H, W) of those features."""
        ...


class TaughtNetwork(FeatureNetwork, Protocol):
    """A network that can learn from texture teachers beside it."""

    def forward_with_teachers(self, x: Tensor, modulate: Modulate | None = None) -> tuple[Tensor, Teaching]:
        """The features of `forward_features`, and what the teachers say about them."""
        ...


def _autocast_dtype(device: str) -> torch.dtype | None:
    """The number format autocast computes in, None without autocast;
    asked in the way each PyTorch version has.
    """
    if device == "meta":  # a rehearsal, see `runtime.memory`: nothing is computed
        return None
    if device == "cpu" and not hasattr(torch, "get_autocast_dtype"):
        return torch.get_autocast_cpu_dtype() if torch.is_autocast_cpu_enabled() else None
    if not hasattr(torch, "get_autocast_dtype"):
        return torch.get_autocast_gpu_dtype() if torch.is_autocast_enabled() else None
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None


class PromptableOutput(NamedTuple):
    """What one forward pass gives.

    Attributes:
        logits: (N, 1, D, H, W), the answer.
        expected: (N,), logit of the Dice coefficient expected of it.
        coarse: (N, 1, D, H, W), the network's own answer before the detail head, for deep supervision.
    """

    logits: Tensor
    expected: Tensor
    coarse: Tensor


class PromptableNetwork(nn.Module):
    """A network with guidance channels, a full-resolution detail head and an expected-Dice head.

    Args:
        network: any network with `forward_features` and `decode_head` that takes `INPUT_CHANNELS` channels
            for each image channel, and one class.
        features: channels of its features.
        stride: voxels per cell of the features' grid.
        detail: hidden channels of the full-resolution head.
        border: hidden channels of the border head; 0 builds none.
        channels: of the image. Each one is followed by what is alike in it and by all prompts, so that a
            network with a stream for each, as VeloxSeg has, hears the prompts in every stream.
        text: width of a text's embedding; 0 for a network that takes none.
        stages: channels of the network's encoder stages, finest first, which a text changes.

    Raises:
        ValueError: the network is to take a text, but has no stages.
    """

    INPUT_CHANNELS = 1 + likeness.CHANNELS + GUIDANCE_CHANNELS

    def __init__(
        self,
        network: FeatureNetwork,
        features: int,
        stride: int,
        detail: int = 48,
        border: int = 0,
        channels: int = 1,
        text: int = 0,
        stages: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if text and not stages:
            msg = "a text needs encoder stages whose features it can change, and there are none"
            raise ValueError(msg)
        self.network: FeatureNetwork = network
        self.stride = stride
        cells = stride**3
        inputs = channels * self.INPUT_CHANNELS
        self.detail_in = nn.Conv3d(inputs, detail, stride, stride=stride)
        self.detail_features = nn.Conv3d(features, detail, 1)
        self.detail_out = nn.Conv3d(detail, cells, 3, padding=1)
        self.border = BorderHead(inputs, features, border) if border else None
        self.film = FilmText(text, stages) if text else None
        self.confidence = confidence_head(features)
        nn.init.zeros_(self.detail_out.weight)
        nn.init.constant_(self.detail_out.bias, 0.0)  # type: ignore[arg-type]

    def forward(self, image: Tensor, guidance: Tensor, text: Tensor | None = None) -> PromptableOutput:
        """Segment a batch of regions.

        Args:
            image: (N, C, D, H, W), -1 to 1; a channel that was not acquired is -1 everywhere.
            guidance: (N, G, D, H, W), see `models.guidance`.
            text: (N, T), the embedding of a structure's name, zeros where there is none; None for no text at
                all.

        Raises:
            ValueError: the network takes no text, or embeddings of another width.
        """
        x = self._input(image, guidance)
        hook = self._hook(text)
        # A network that is never told a text need not know the hook.
        features = (
            self.network.forward_features(x) if hook is None else self.network.forward_features(x, hook)
        )
        return self._answer(x, features)

    @property
    def has_teachers(self) -> bool:
        """Whether the network was built with texture teachers, which only training needs."""
        return bool(getattr(self.network, "teachers", ()))

    def forward_with_teachers(
        self, image: Tensor, guidance: Tensor, text: Tensor | None = None
    ) -> tuple[PromptableOutput, Teaching]:
        """The same answer as `forward`'s, and what the teachers say; for networks that have teachers."""
        x = self._input(image, guidance)
        features, teaching = cast("TaughtNetwork", self.network).forward_with_teachers(x, self._hook(text))
        return self._answer(x, features), teaching

    def describe(self, image: Tensor) -> Tensor:
        """What the network sees where nothing is said: (N, F, D / stride, ...) of regions (N, C, D, H, W)."""
        guidance = image.new_zeros((len(image), GUIDANCE_CHANNELS, *image.shape[2:]))
        return decoder_features(self.network, self._input(image, guidance))

    def _hook(self, text: Tensor | None) -> Modulate | None:
        if text is None:
            return None
        if self.film is None:
            msg = "the network was built without text: its architecture has no `text` entry"
            raise ValueError(msg)
        return cast("Modulate", self.film(text))

    def _input(self, image: Tensor, guidance: Tensor) -> Tensor:
        dtype = _autocast_dtype(image.device.type) or image.dtype  # once, and not before every convolution
        count, channels, *cube = image.shape
        x = image.new_empty((count, channels * self.INPUT_CHANNELS, *cube), dtype=dtype)
        for channel, part in zip(image.split(1, dim=1), x.split(self.INPUT_CHANNELS, dim=1), strict=True):
            part[:, :1] = channel
            likeness.write_likeness(part[:, 1 : 1 + likeness.CHANNELS], channel, guidance)
            part[:, 1 + likeness.CHANNELS :] = guidance
        if torch.is_grad_enabled() and x.device.type == "cpu":
            x = x.contiguous(memory_format=torch.channels_last_3d)  # once for all strided convolutions
        return x

    def _answer(self, x: Tensor, features: Tensor) -> PromptableOutput:
        coarse = self.network.decode_head(features)
        logits = coarse + self._detail(x, features)
        if self.border is not None:
            logits = logits + self.border(x, features, logits)
        return PromptableOutput(logits, self._expected(features, logits), coarse)

    def _detail(self, x: Tensor, features: Tensor) -> Tensor:
        """Full-resolution correction, computed on the coarse grid with every voxel of a cell as a channel.

        The same receptive field as convolutions at full resolution, but as a few wide matrix products, which
        a CPU does several times faster.
        """
        cells = self.detail_in(x) + self.detail_features(features)
        return channels_to_space(self.detail_out(functional.gelu(cells)), self.stride)

    def _expected(self, features: Tensor, logits: Tensor) -> Tensor:
        return self.confidence(answer_numbers(features, logits, self.stride))[:, 0]
