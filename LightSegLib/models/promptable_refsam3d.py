"""What makes RefSAM3D a model to be trained and asked region by region, without touching the network's files.

The encoder sees the image alone, and a region is encoded once. Clicks, box and text are tokens; the previous
mask is the dense prompt, as in SAM, and with it what is drawn and what is alike (`models.likeness`). Where
the recipe asks for it, the border head follows at full resolution. A last head states how good the answer
probably is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from LightSegLib.models import likeness
from LightSegLib.models.border import BorderHead
from LightSegLib.models.drawn_prompts import read_prompts
from LightSegLib.models.expected import answer_numbers, confidence_head
from LightSegLib.models.guidance import GUIDANCE_CHANNELS
from LightSegLib.models.promptable import PromptableOutput
from LightSegLib.networks.channels_last import placed
from LightSegLib.networks.refsam3d import Embedding, RefSAM3D


class PromptableRefSAM3D(nn.Module):
    """RefSAM3D with the interface of `models.promptable.PromptableNetwork`, in two halves.

    Args:
        network: of one class, whose cells are cubes and `dense` is `dense_channels` of its image channels.
        border: hidden channels of the border head; 0 builds none.
        text: width of a text's embedding; 0 for a network that takes none.

    Raises:
        ValueError: the decoder is finer than the image, or its steps do not divide the cells.
    """

    has_teachers = False

    def __init__(self, network: RefSAM3D, border: int = 0, text: int = 0) -> None:
        super().__init__()
        config = network.config
        steps = 2 ** len(config.decoder)
        if len(set(config.cell)) > 1 or config.cell[0] % steps:
            msg = f"cells of {config.cell} voxels are no cubes that the decoder's {steps} steps divide"
            raise ValueError(msg)
        self.network = network
        self.stride = config.cell[0] // steps
        self.text = text
        features = config.decoder[-1]
        inputs = config.in_ch + config.dense
        self.border = BorderHead(inputs, features, border) if border else None
        self.confidence = confidence_head(features)

    def encode(self, image: Tensor) -> Embedding:
        """Embed regions (N, C, D, H, W), -1 to 1, whatever the prompts will be.

        Raises:
            ValueError: wrong channels, or the windows do not tile the region.
        """
        return self.network.encode(image)

    def decode(self, embedding: Embedding, guidance: Tensor, text: Tensor | None = None) -> PromptableOutput:
        """Answer the prompts on embedded regions.

        Args:
            embedding: of N regions, from `encode`.
            guidance: (N, G, D, H, W), see `models.guidance`.
            text: (N, T), the embedding of a structure's name, zeros where there is none; None for no text at
                all.

        Raises:
            ValueError: the network takes no text, or embeddings of another width.
        """
        image = embedding.image
        dense = torch.cat(
            [
                guidance,
                *(likeness.likeness_channels(channel, guidance) for channel in image.split(1, dim=1)),
            ],
            dim=1,
        )
        drawn = read_prompts(guidance)
        words, word_mask = self._words(text)
        cells = self.network.features(
            embedding, words, word_mask, drawn.points, drawn.labels, drawn.boxes, dense
        )
        features = placed(cells).permute(0, 4, 1, 2, 3)
        coarse = self.network.decoder.answer(cells, image)
        logits = coarse
        if self.border is not None:
            logits = logits + self.border(self._beside(image, dense), features, logits)
        expected = self.confidence(answer_numbers(features, logits, self.stride))[:, 0]
        return PromptableOutput(logits, expected, coarse)

    def forward(self, image: Tensor, guidance: Tensor, text: Tensor | None = None) -> PromptableOutput:
        """`encode` and `decode` in one."""
        return self.decode(self.encode(image), guidance, text)

    def describe(self, image: Tensor) -> Tensor:
        """What the network sees where nothing is said: (N, F, D / stride, ...) of regions (N, C, D, H, W)."""
        return placed(self.network.features(self.encode(image))).permute(0, 4, 1, 2, 3)

    def _words(self, text: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """The text as one word (N, 1, T) of variance 1, and whether there is one (N, 1)."""
        if text is None:
            return None, None
        if text.dim() != 2 or text.shape[1] != self.text or not self.text:
            takes = f"(N, {self.text})" if self.text else "none: its architecture has no `text` entry"
            msg = f"the network was given a text {tuple(text.shape)}; it takes {takes}"
            raise ValueError(msg)
        return (self.text**0.5 * text)[:, None], text.abs().amax(1, keepdim=True) > 0

    @staticmethod
    def _beside(image: Tensor, dense: Tensor) -> Tensor:
        x = torch.cat([image, dense], dim=1)
        if torch.is_grad_enabled() and x.device.type == "cpu":
            x = x.contiguous(memory_format=torch.channels_last_3d)  # a strided convolution is then faster
        return x


def dense_channels(channels: int) -> int:
    """Channels of the dense prompt for an image of so many channels."""
    return GUIDANCE_CHANNELS + channels * likeness.CHANNELS
