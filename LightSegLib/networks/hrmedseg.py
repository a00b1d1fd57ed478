"""HRMedSeg: a linear-attention encoder for large slices, and SAM's decoder behind it. Two-dimensional.

The image is encoded once; each prompt re-runs the decoder only, a fifth of the cost.

Source: Xu et al., "HRMedSeg" (arXiv 2504.06205, 2025; in its second version "HER-Seg"). Where the released
network and the paper differ, `HRMedSegConfig` has a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.hrmedseg_config import PUBLISHED, HRMedSegConfig
from LightSegLib.networks.hrmedseg_decoder import MaskDecoder
from LightSegLib.networks.hrmedseg_encoder import LGViT, Neck
from LightSegLib.networks.hrmedseg_prompts import PromptEncoder


class HRMedSeg(nn.Module):
    """The network. Images of any size work whose edges are multiples of the patch.

    Args:
        config: its settings; the published network by default.
    """

    def __init__(self, config: HRMedSegConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HRMedSegConfig()
        self.image_encoder = LGViT(config)
        self.neck = Neck(config)
        self.prompt_encoder = PromptEncoder(config.embedding_ch, config.patch_size)
        self.mask_decoder = MaskDecoder(config)

    def forward(
        self,
        image: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        previous_logits: Tensor | None = None,
    ) -> Tensor:
        """Logits (B, 1, H, W) of an image: `encode`, `decode` and `enlarge` in one.

        Args:
            image: (N, in_ch, H, W), normalised as in training.
            points: as `decode` takes them; so are the others.
            labels: see `decode`.
            boxes: see `decode`.
            previous_logits: see `decode`.

        Raises:
            ValueError: a shape does not fit; the message says which does.
        """
        logits = self.decode(self.encode(image), points, labels, boxes, previous_logits)
        return self.enlarge(logits, image.shape[2:])

    def encode(self, image: Tensor) -> Tensor:
        """Embedding (N, embedding_ch, H / patch_size, W / patch_size) of an image (N, in_ch, H, W).

        It serves every later prompt on the image.

        Raises:
            ValueError: the channels differ from the settings', or an edge is no multiple of the patch.
        """
        return self.neck(self.image_encoder(image))

    def decode(
        self,
        embedding: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        previous_logits: Tensor | None = None,
    ) -> Tensor:
        """Logits (B, 1, 4 h, 4 w) for prompts on encoded images; above 0 is the object.

        Without any prompt the network segments what it was trained on.

        Args:
            embedding: (N, embedding_ch, h, w) from `encode`; N is B, or 1 for several prompts on one image.
            points: (B, P, 2), (x, y) in pixels of the image: indices, whose middles are meant.
            labels: (B, P), 1 for the object, 0 for the background, -1 for a place holder.
            boxes: (B, 4), one each, as (x, y) of the first and of the last corner, like points.
            previous_logits: (B, 1, 4 h, 4 w), what an earlier call returned.

        Raises:
            ValueError: a shape or a label does not fit; the message says which does.
        """
        if embedding.dim() != 4 or embedding.shape[1] != self.config.embedding_ch:
            msg = f"an embedding has the shape (N, {self.config.embedding_ch}, h, w)"
            raise ValueError(f"{msg}, not {tuple(embedding.shape)}")
        grid = (embedding.shape[2], embedding.shape[3])
        tokens = self.prompt_encoder.tokens(grid, points, labels, boxes)
        dense = self.prompt_encoder.dense(grid, previous_logits)
        counts = {len(embedding), len(dense), 1 if tokens is None else len(tokens)} - {1}
        if len(counts) > 1:
            msg = f"{len(embedding)} embeddings do not go with prompts for {' and '.join(map(str, counts))}"
            raise ValueError(msg)
        batch = max(counts, default=1)
        places = self.prompt_encoder.pe_layer.dense(grid).to(embedding.dtype)
        if tokens is not None:
            tokens = tokens.expand(batch, -1, -1)
        return self.mask_decoder((embedding + dense).expand(batch, -1, -1, -1), places, tokens)

    def enlarge(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        """Logits (B, 1, h, w) at another size (H, W), bilinear."""
        return functional.interpolate(logits, tuple(size), mode="bilinear", align_corners=False)


def published(name: str, **changes: Any) -> HRMedSeg:
    """A published network with random weights.

    Args:
        name: "hrmedseg", the network for 1024 x 1024 RGB images.
        changes: settings that shall differ, such as `dim` (24, 48 and 192 are the paper's other widths).

    Raises:
        ValueError: an unknown name or setting.
    """
    if name not in PUBLISHED:
        msg = f"HRMedSeg has no configuration {name!r}; published are {', '.join(PUBLISHED)}"
        raise ValueError(msg)
    return HRMedSeg(HRMedSegConfig.from_dict({**PUBLISHED[name], **changes}))
