"""A text conditions a network: its embedding scales and shifts the features of every encoder stage.

Source: Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer" (arXiv 1709.07871), here
without biases, and behind a fixed map that tells the names of structures apart: to a text encoder "L3
vertebra" and "L4 vertebra" are nearly the same. Scale and shift also depend on the place in the cube, as a
structure has its place in the body; a convolution alone knows of none.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from LightSegLib.networks.modulation import Modulate

CODE = 128
"""Numbers that stand for a text after the fixed map."""
PLACES = 7
"""Functions of the place: one, three coordinates and their squares."""


class FilmText(nn.Module):
    """Linear maps from a text's embedding, by way of its code, to scale and shift of each stage's channels,
    for each of the functions of the place.

    They are zero before training, so that a text can join a trained model silently. They have no bias, so
    that no text, which is an embedding of zeros, leaves every feature exactly as it is, trained or not.

    Args:
        text: width of the embedding.
        channels: of the features after each encoder stage, finest first.
    """

    def __init__(self, text: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.width = text
        self.codes = nn.Linear(text, CODE, bias=False).requires_grad_(False)
        nn.init.eye_(self.codes.weight)
        self.stages = nn.ModuleList(nn.Linear(CODE, PLACES * 2 * count, bias=False) for count in channels)
        for stage in self.stages:
            nn.init.zeros_(stage.weight)  # type: ignore[arg-type]

    def set_codes(self, codes: Tensor) -> None:
        """Set the fixed map (`CODE` or fewer, T); training does so before it begins."""
        with torch.no_grad():
            self.codes.weight.zero_()[: len(codes)] = codes

    def forward(self, text: Tensor) -> Modulate:
        """The hook that tells a network the text.

        Args:
            text: (N, T), an embedding for each item of the batch; zeros for an item without text.

        Returns:
            x * (1 + scale) + shift, per item, channel and place.

        Raises:
            ValueError: the embeddings have another width.
        """
        if text.dim() != 2 or text.shape[1] != self.width:
            msg = f"the text must be (N, {self.width}), got {tuple(text.shape)}"
            raise ValueError(msg)
        code = self.codes(text)
        parts = [stage(code).unflatten(1, (PLACES, -1)).transpose(1, 2) for stage in self.stages]

        def modulate(stage: int, features: Tensor) -> Tensor:
            grid = features.shape[2:]
            places = _places(tuple(grid), features.dtype, features.device)
            both = torch.matmul(parts[stage].to(features.dtype), places).unflatten(2, grid)
            scale, shift = both.chunk(2, dim=1)
            return features * (1 + scale) + shift

        return modulate


@functools.lru_cache(maxsize=32)
def _places(grid: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The functions of the place on a grid, (PLACES, D * H * W): 1, then each coordinate from -1 to 1 over
    the cube, then the squares less their mean.
    """
    with torch.inference_mode(False), torch.no_grad():
        along = [(2 * torch.arange(length) + 1) / length - 1 for length in grid]
        coordinates = torch.stack(torch.meshgrid(*along, indexing="ij")).flatten(1)
        squares = coordinates**2 - 1 / 3
        ones = torch.ones(1, coordinates.shape[1])
        return torch.cat([ones, coordinates, squares]).to(device, dtype)
