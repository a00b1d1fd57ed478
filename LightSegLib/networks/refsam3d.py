"""RefSAM3D: SAM's image encoder adapted to volumes, prompted by words, clicks, boxes and the previous answer.

The encoder sees no prompt, so an image is encoded once and decoded for as many prompts as come.

Source: Gao and Lu, "RefSAM3D" (arXiv 2412.05605, 2024); written from the description of its parts. Clicks
and boxes, which the paper does not have, are tokens beside its word tokens. What the paper leaves open is a
setting in `RefSAM3DConfig`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from torch import Tensor, nn

from LightSegLib.networks.refsam3d_config import CONFIGURATIONS, RefSAM3DConfig, Triple
from LightSegLib.networks.refsam3d_decoder import MaskDecoder, PromptAttention
from LightSegLib.networks.refsam3d_encoder import Encoder
from LightSegLib.networks.refsam3d_prompts import PreviousAnswer, PromptTokens, shares
from LightSegLib.networks.refsam3d_sampler import ClickSampler


class Embedding(NamedTuple):
    """What is kept of an image between prompts.

    Attributes:
        levels: features (M, neck, D', H', W') at several depths of the encoder, the deepest last.
        image: (M, in_ch, D, H, W), the image itself, which the last convolution sees.
    """

    levels: tuple[Tensor, ...]
    image: Tensor


class RefSAM3D(nn.Module):
    """The network.

    Args:
        config: its settings; SAM's ViT-B by default.
    """

    def __init__(self, config: RefSAM3DConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RefSAM3DConfig()
        self.encoder = Encoder(config)
        self.prompts = PromptTokens(config)
        self.previous = PreviousAnswer(config.neck, config.dense)
        self.attentions = nn.ModuleList(
            PromptAttention(config.neck, config.prompt_heads) for _ in config.levels
        )
        self.samplers = nn.ModuleList(
            ClickSampler(config.neck) for _ in (config.levels if config.sampled else ())
        )
        self.decoder = MaskDecoder(config)

    def encode(self, image: Tensor) -> Embedding:
        """Embed images (M, in_ch, D, H, W), whatever the prompts will be.

        Raises:
            ValueError: wrong channels, or the windows do not tile the image; the message names sizes that
                work.
        """
        if image.dim() != 5 or image.shape[1] != self.config.in_ch:
            msg = f"image {tuple(image.shape)} is not (N, {self.config.in_ch}, D, H, W)"
            raise ValueError(msg)
        self.config.grid(image.shape[2:])
        return Embedding(tuple(self.encoder(image)), image)

    def decode(
        self,
        embedding: Embedding,
        words: Tensor | None = None,
        word_mask: Tensor | None = None,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        previous: Tensor | None = None,
    ) -> Tensor:
        """Answer N prompts; one image serves them all, one prompt serves all images, or both are N.

        Args:
            embedding: of one or N images, from `encode`.
            words: embeddings (N, T, text_width) of the words from a text encoder.
            word_mask: bool (N, T), False for padding; None if there is none.
            points: (N, P, 3) voxel indices along (D, H, W); whole numbers are centres of voxels.
            labels: (N, P), 1 for a point inside, 0 for one outside, -1 for padding.
            boxes: (N, B, 2, 3), lower and upper corner along (D, H, W) in voxels, half open; an empty box is
                padding.
            previous: (N, dense, D, H, W), 0 to 1, the answer so far as a mask or as probabilities, and
                whatever else `dense` holds.

        Returns:
            Logits (N, n_classes, D, H, W) at the image's resolution.

        Raises:
            ValueError: a prompt has the wrong shape, or their numbers do not go together.
        """
        cells = self.features(embedding, words, word_mask, points, labels, boxes, previous)
        return self.decoder.answer(cells, embedding.image)

    def features(
        self,
        embedding: Embedding,
        words: Tensor | None = None,
        word_mask: Tensor | None = None,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        previous: Tensor | None = None,
    ) -> Tensor:
        """What `decode` makes its answer of: the decoder's last features, (N, d, h, w, 2, 2, 2, C).

        Args, raised errors: as in `decode`.
        """
        size = cast(Triple, tuple(embedding.image.shape[2:]))
        tokens = self.prompts(size, words, word_mask, points, labels, boxes)
        deepest = embedding.levels[-1]
        grid = deepest.shape[2:]
        before = self.previous(previous, grid)
        counts = {len(deepest), len(tokens.mask), len(before)} - {1}
        if len(counts) > 1:
            msg = (
                f"{len(deepest)} images, {len(tokens.mask)} prompts and {len(before)} previous answers do "
                "not go together; each number must be 1 or the same"
            )
            raise ValueError(msg)
        count = max(counts, default=1)
        places = self.prompts.position.of_grid(grid).flatten(0, 2).to(deepest.dtype)
        fused, told = [], tokens
        for number, (level, attention) in enumerate(zip(embedding.levels, self.attentions, strict=True)):
            if self.samplers and points is not None:
                told = self.samplers[number](level, tokens, shares(points, size))
            voxels = (level + before).flatten(2).transpose(1, 2).expand(count, -1, -1)
            seen = attention(voxels, places, told)
            fused.append(seen.transpose(1, 2).unflatten(2, grid))
        return self.decoder.features(fused)

    def forward(
        self,
        image: Tensor,
        words: Tensor | None = None,
        word_mask: Tensor | None = None,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        previous: Tensor | None = None,
    ) -> Tensor:
        """Logits (N, n_classes, D, H, W) of images (M, in_ch, D, H, W): `encode`, then `decode`."""
        return self.decode(self.encode(image), words, word_mask, points, labels, boxes, previous)


def published(name: str, **changes: Any) -> RefSAM3D:
    """A configured network with random weights.

    Args:
        name: "base" (on SAM's ViT-B; 1 channel, 2 classes) or "small" (to be trained from nothing on cubes of
            64 to 96 voxels; 1 channel, 1 class).
        changes: settings that shall differ, such as `decoder`.

    Raises:
        ValueError: an unknown name or setting.
    """
    if name not in CONFIGURATIONS:
        msg = f"RefSAM3D has no configuration {name!r}; there are {', '.join(CONFIGURATIONS)}"
        raise ValueError(msg)
    return RefSAM3D(RefSAM3DConfig.from_dict({**CONFIGURATIONS[name], **changes}))
