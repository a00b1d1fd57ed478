"""RefSAM3D with its weights on a device, as a model of volumes: what `load_model` returns for its folders."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from LightSegLib.models.cards import ModelCard
from LightSegLib.models.network_model import NetworkModel
from LightSegLib.models.promptable_refsam3d import PromptableRefSAM3D
from LightSegLib.models.region_embeddings import RegionEmbeddings, content_key, joined
from LightSegLib.runtime.precision import Plan


class RefSAM3DModel(NetworkModel):
    """One region in, logits and expected Dice out; a region that was seen lately is not encoded again.

    Args:
        card: what the model is.
        network: a `PromptableRefSAM3D` with its weights.
        device: where to run it.

    Raises:
        OutOfMemoryError: one forward pass needs more memory than is free.
    """

    def __init__(self, card: ModelCard, network: PromptableRefSAM3D, device: torch.device) -> None:
        self.embeddings = RegionEmbeddings()
        super().__init__(card, network, device)

    def warm_up(self) -> Plan:
        """Find the fastest way to run on this device; see `NetworkModel.warm_up`."""
        self.forget()  # embeddings are of the number format in use
        return super().warm_up()

    def forget(self) -> None:
        """Drop what is kept of regions; see `models.base.KeepsRegions`."""
        self.embeddings.clear()

    def _answer(self, network: nn.Module, image: Tensor, guidance: Tensor, *text: Tensor) -> Any:
        own = cast(PromptableRefSAM3D, network)
        parts = []
        for region in image.split(1):
            key = (content_key(region), str(image.device))
            embedding = self.embeddings.get(key)
            if embedding is None:
                embedding = own.encode(region)
                self.embeddings.put(key, embedding)
            parts.append(embedding)
        return own.decode(joined(parts), guidance, *text)
