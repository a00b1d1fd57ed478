"""VeloxSeg: a light network for 3D segmentation with several modalities.

Source: Lu, Cai, Chen, Tang, Jiang, Shi, Xiong, "Johnson-Lindenstrauss Lemma Guided Network for Efficient 3D
Medical Segmentation", ICLR 2026, arXiv 2509.22307. Written from the description of the network, not from its
code.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from LightSegLib.networks.blocks import initialise
from LightSegLib.networks.modulation import Modulate
from LightSegLib.networks.teaching import Teaching
from LightSegLib.networks.veloxseg_config import PUBLISHED, VeloxSegConfig
from LightSegLib.networks.veloxseg_decoder import SegmentationDecoder, Teacher
from LightSegLib.networks.veloxseg_encoder import Encoder


class VeloxSegTrainingOutput(NamedTuple):
    """Result of a forward pass in training mode.

    The published network returns the list of 4 + 1 + 1 + M tensors that `as_list` gives: four segmentation
    maps, the stacked reconstruction, the Gram matrix of the segmentation decoder and that of each teacher.
    """

    logits: list[Tensor]
    """(N, n_classes, D, H, W) each: full resolution, then the coarser heads, if any, resized to the input."""
    reconstruction: Tensor | None
    """(N, reconstructed channels, D, H, W), see `VeloxSeg.reconstruction_target`; None without teachers."""
    student_gram: Tensor
    """(N, base_ch, base_ch) float32 of the segmentation decoder."""
    teacher_grams: list[Tensor]
    """(N, base_ch, base_ch) float32 of each teacher, in the order of the modalities that have one."""

    def as_list(self) -> list[Tensor]:
        """All tensors in the published order; without teachers the reconstruction is left out."""
        stacked = [] if self.reconstruction is None else [self.reconstruction]
        return [*self.logits, *stacked, self.student_gram, *self.teacher_grams]


class VeloxSeg(nn.Module):
    """Encoder with paired-window attention and grouped convolutions, light decoder, teachers for training.

    Args:
        config: Settings; the published AutoPET-II network when None.
        **settings: Single settings of `VeloxSegConfig` by name, which replace those of `config`.

    Raises:
        ValueError: Settings do not fit together; see `VeloxSegConfig`.
    """

    def __init__(self, config: VeloxSegConfig | None = None, **settings: Any) -> None:
        super().__init__()
        self.config = replace(config or VeloxSegConfig(), **settings)
        self.encoder = Encoder(self.config)
        self.decoder = SegmentationDecoder(self.config)
        taught = [m for m, channels in enumerate(self.config.reconstructed) if channels]
        self.teachers = nn.ModuleList(Teacher(self.config, m) for m in taught)
        initialise(self)

    def forward(self, x: Tensor, modulate: Modulate | None = None) -> Tensor | VeloxSegTrainingOutput:
        """Segment a batch.

        Args:
            x: (N, sum(in_ch), D, H, W), the modalities one after the other; any size whose stage grids the
                configured windows tile, usually `config.input_size`.
            modulate: Hook applied to the encoder features after each stage.

        Returns:
            In evaluation mode the logits (N, n_classes, D, H, W); in training mode a
            `VeloxSegTrainingOutput`.

        Raises:
            ValueError: The number of channels or the size does not fit the configuration.
        """
        if not self.training:
            return self.decode_head(self.forward_features(x, modulate))
        self._check_input(x)
        encoding = self.encoder(x, modulate)
        decoding = self.decoder(encoding)
        coarse = self.decoder.coarse_logits(encoding, decoding, x.shape[2:])
        taught = [teacher(encoding) for teacher in self.teachers]
        return VeloxSegTrainingOutput(
            logits=[self.decode_head(decoding.up1), *coarse],
            reconstruction=torch.cat([image for image, _ in taught], dim=1) if taught else None,
            student_gram=gram_matrix(decoding.up1),
            teacher_grams=[gram_matrix(features) for _, features in taught],
        )

    def forward_features(self, x: Tensor, modulate: Modulate | None = None) -> Tensor:
        """Finest decoder features (N, base_ch, D / s, H / s, W / s) with s = patch_size, before the head."""
        self._check_input(x)
        features: Tensor = self.decoder(self.encoder(x, modulate)).up1
        return features

    def forward_with_teachers(self, x: Tensor, modulate: Modulate | None = None) -> tuple[Tensor, Teaching]:
        """The features of `forward_features`, and what the teachers say about them.

        Raises:
            ValueError: The network has no teachers, or the input does not fit the configuration.
        """
        if not self.teachers:
            msg = "the network was built without teachers: its `reconstruction` setting is off"
            raise ValueError(msg)
        self._check_input(x)
        encoding = self.encoder(x, modulate)
        features: Tensor = self.decoder(encoding).up1
        taught = [teacher(encoding) for teacher in self.teachers]
        return features, Teaching(
            student_gram=gram_matrix(features),
            teacher_grams=[gram_matrix(textures) for _, textures in taught],
            reconstruction=torch.cat([image for image, _ in taught], dim=1),
            target=self.reconstruction_target(x),
        )

    def decode_head(self, features: Tensor) -> Tensor:
        """Logits (N, n_classes, D, H, W) from the features of `forward_features`."""
        logits: Tensor = self.decoder.head(features)
        return logits

    def reconstruction_target(self, x: Tensor) -> Tensor:
        """The channels of an input (N, sum(in_ch), D, H, W) that the teachers reconstruct."""
        return x[:, list(self.config.reconstructed_channels)]

    def inference_copy(self) -> VeloxSeg:
        """A copy of the weights without teachers and deep-supervision heads, in evaluation mode."""
        light = VeloxSeg(self.config.for_inference())
        weights = self.state_dict()
        light.load_state_dict({name: weights[name] for name in light.state_dict()})
        return light.to(next(self.parameters()).device).eval()

    def _check_input(self, x: Tensor) -> None:
        channels = sum(self.config.in_ch)
        if x.dim() != 5 or x.shape[1] != channels:
            msg = f"input must be (N, {channels}, D, H, W), got {tuple(x.shape)}"
            raise ValueError(msg)
        size = tuple(int(n) for n in x.shape[2:])
        if size != self.config.input_size:
            self.config.check_size(size)


def gram_matrix(features: Tensor) -> Tensor:
    """Channel products X X^T / (C V) of features (N, C, D, H, W) with V voxels: (N, C, C) in float32.

    Independent of where a texture is, which is what a teacher passes on. Always float32: the sum over a whole
    crop is too long for half precision.
    """
    flat = features.flatten(2).float()
    kind = features.device.type
    with torch.autocast(device_type=kind, enabled=False) if kind in ("cpu", "cuda") else nullcontext():
        return torch.matmul(flat, flat.transpose(1, 2)) / (flat.shape[1] * flat.shape[2])


def published(name: str, **settings: Any) -> VeloxSeg:
    """Build a network of the paper: "autopet2", "hecktor" or "brats"; `settings` replace single fields.

    Raises:
        ValueError: The name is unknown.
    """
    if name not in PUBLISHED:
        msg = f"unknown configuration {name!r}; known: {', '.join(PUBLISHED)}"
        raise ValueError(msg)
    return VeloxSeg(PUBLISHED[name], **settings)
