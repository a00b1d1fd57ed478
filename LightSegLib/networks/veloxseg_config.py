"""Settings of the VeloxSeg network: sizes, widths and windows, checked before any weight is made.

This module needs neither torch nor numpy, so a model card can read and check a configuration without loading
them. Every triple is in array order of the three spatial axes.

Source: Lu et al., "Johnson-Lindenstrauss Lemma Guided Network for Efficient 3D Medical Segmentation"
(VeloxSeg, ICLR 2026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

Triple = tuple[int, int, int]
WindowPair = tuple[Triple, Triple]

STAGES = 4
"""Number of encoder stages; the grid halves from each to the next."""


@dataclass(frozen=True)
class VeloxSegConfig:
    """All that is needed to build a `VeloxSeg`. Defaults are the AutoPET-II network of the paper.

    Attributes:
        input_size: Training crop in voxels, three spatial axes in array order.
        patch_size: Stride s of the first layer; features and logits live on a grid s times coarser than the
            image.
        in_ch: Channels of each modality; the network input has their sum. Each modality gets its own
            attention stream.
        n_classes: Output channels, background included.
        base_ch: Width of the first convolution stage; it doubles at each later stage.
        attn_base_ch: Width of the first attention stage, `base_ch` when None.
        conv_depths: JLC blocks per stage, in the encoder and in the decoders.
        kernel_sizes: Odd sizes of the parallel grouped kernels of a JLC block.
        min_dim_group: Channels per convolution group, per stage.
        conv_expansion_factor: Widening of the channel mixing inside a JLC block, per stage.
        depths: Attention blocks per stage.
        min_big_window_sizes: Smallest attention window per stage in grid cells. None derives it from the
            deepest grid n as the paper does: n, 2n, n, n.
        min_small_window_sizes: Cells pooled to one token in the smallest window, per stage.
        window_scale: Factor from one window pair to the next larger one.
        min_dim_head: Query width of one head, per stage.
        num_heads: Heads per window pair, per stage.
        attn_drop: Dropout of attention weights.
        proj_drop: Dropout after the patch embedding, the attention output and both feed-forward layers.
        drop_path: Chance that a whole attention or feed-forward branch is left out for a sample in training.
        ffn_expansion_ratio: Widening of the feed-forward layer, per stage.
        qkv_bias: Whether query, key and value projections have a bias.
        conv_drop: Dropout at the end of a JLC block.
        deep_supervision: Whether the three extra heads exist; they are used in training only.
        reconstruction: True builds one texture teacher per modality for all its channels, False none. A tuple
            gives the number of leading channels to reconstruct for each modality; 0 leaves that modality
            without a teacher, so that drawn guidance behind the image channels is not a target.
        doubled_residual: True adds the input of the attention twice, x' = 2x + attention(x), as the published
            configurations were trained; False adds it once.

    Raises:
        ValueError: A setting is out of range, or the windows do not tile the stage grids. The message names
            cubes that work.
    """

    input_size: Triple = (96, 96, 96)
    patch_size: int = 4
    in_ch: tuple[int, ...] = (1, 1)
    n_classes: int = 2
    base_ch: int = 16
    attn_base_ch: int | None = None
    conv_depths: tuple[int, ...] = (1, 1, 1, 1)
    kernel_sizes: tuple[int, ...] = (1, 3, 5)
    min_dim_group: tuple[int, ...] = (4, 8, 8, 16)
    conv_expansion_factor: tuple[int, ...] = (3, 3, 2, 2)
    depths: tuple[int, ...] = (1, 1, 1, 1)
    min_big_window_sizes: tuple[Triple, ...] | None = None
    min_small_window_sizes: tuple[Triple, ...] = ((1, 1, 1),) * STAGES
    window_scale: int = 2
    min_dim_head: tuple[int, ...] = (4, 8, 8, 16)
    num_heads: tuple[int, ...] = (1, 2, 2, 4)
    attn_drop: float = 0.1
    proj_drop: float = 0.1
    drop_path: float = 0.0
    ffn_expansion_ratio: tuple[int, ...] = (3, 3, 2, 2)
    qkv_bias: bool = True
    conv_drop: float = 0.1
    deep_supervision: bool = True
    reconstruction: bool | tuple[int, ...] = True
    doubled_residual: bool = True

    def __post_init__(self) -> None:
        for name, value in vars(self).copy().items():
            object.__setattr__(self, name, _as_tuples(value))
        _check_fields(self)
        _check_widths(self)
        self.check_size(self.input_size)

    @property
    def modalities(self) -> int:
        """Number of modalities, that is of attention streams."""
        return len(self.in_ch)

    @property
    def conv_channels(self) -> tuple[int, ...]:
        """Width of the convolution stream at each stage."""
        return tuple(self.base_ch * 2**i for i in range(STAGES))

    @property
    def attn_channels(self) -> tuple[int, ...]:
        """Width of one attention stream at each stage."""
        base = self.base_ch if self.attn_base_ch is None else self.attn_base_ch
        return tuple(base * 2**i for i in range(STAGES))

    @property
    def reconstructed(self) -> tuple[int, ...]:
        """Channels that the teacher of each modality reconstructs; 0 where there is no teacher."""
        if isinstance(self.reconstruction, bool):
            return tuple(c if self.reconstruction else 0 for c in self.in_ch)
        return self.reconstruction

    @property
    def reconstructed_channels(self) -> tuple[int, ...]:
        """Indices of the input channels that make up the stacked reconstruction, in its order."""
        starts = [sum(self.in_ch[:m]) for m in range(self.modalities)]
        return tuple(s + i for s, n in zip(starts, self.reconstructed, strict=True) for i in range(n))

    def stage_grids(self, size: Sequence[int] | None = None) -> tuple[Triple, ...]:
        """Grid in cells of each stage for an input of `size` voxels, `input_size` when None.

        Raises:
            ValueError: An axis is no multiple of 8 * `patch_size`, or the deepest grid is a single cell.
        """
        size = self.input_size if size is None else size
        step = self.patch_size * 2 ** (STAGES - 1)
        if len(size) != 3 or any(n <= 0 or n % step for n in size):
            msg = f"input size {tuple(size)} must be three multiples of {step}, 8 x patch_size"
            raise ValueError(msg)
        if all(n == step for n in size):
            msg = f"input size {tuple(size)} leaves one cell in the deepest stage, too few to normalise"
            raise ValueError(msg)
        first = [n // self.patch_size for n in size]
        return tuple((first[0] >> i, first[1] >> i, first[2] >> i) for i in range(STAGES))

    def big_windows(self) -> tuple[Triple, ...]:
        """Smallest attention window of each stage in cells, derived from the deepest grid if not given."""
        if self.min_big_window_sizes is not None:
            return self.min_big_window_sizes
        deepest = self.stage_grids()[-1]
        wide = (2 * deepest[0], 2 * deepest[1], 2 * deepest[2])
        return (deepest, wide, deepest, deepest)

    def window_pairs(self) -> tuple[tuple[WindowPair, ...], ...]:
        """(big, small) windows of each stage, both growing by `window_scale` while any axis fits the grid."""
        stages = zip(self.stage_grids(), self.big_windows(), self.min_small_window_sizes, strict=True)
        return tuple(_pairs(grid, big, small, self.window_scale) for grid, big, small in stages)

    def check_size(self, size: Sequence[int]) -> None:
        """Check that an input of `size` voxels can be computed.

        Raises:
            ValueError: A window does not tile its stage grid; the message names cubes that work.
        """
        grids = self.stage_grids(size)
        for stage, (grid, pairs) in enumerate(zip(grids, self.window_pairs(), strict=True), start=1):
            windows = [big for big, _ in pairs] or [self.big_windows()[stage - 1]]
            wrong = [big for big in windows if not _tiles(grid, big)]
            if wrong:
                works = ", ".join(f"{n}^3" for n in self.working_cubes()) or "none up to 256"
                msg = f"window {wrong[0]} does not tile grid {grid} of stage {stage} for input {tuple(size)}"
                raise ValueError(f"{msg}; cubes that work with these windows: {works}")

    def working_cubes(self, largest: int = 256) -> tuple[int, ...]:
        """Edges of the cubic inputs up to `largest` voxels that these windows tile.

        Where windows are given, an edge counts when a network configured for it works; where they are derived
        from `input_size`, when the network configured for `input_size` can compute it.
        """
        step = self.patch_size * 2 ** (STAGES - 1)
        return tuple(n for n in range(2 * step, largest + 1, step) if self._tiles_cube(n))

    def _tiles_cube(self, edge: int) -> bool:
        grids = self.stage_grids((edge, edge, edge))
        if self.min_big_window_sizes is None:
            stages = self.window_pairs()
        else:
            given = zip(grids, self.min_big_window_sizes, self.min_small_window_sizes, strict=True)
            stages = tuple(_pairs(grid, big, small, self.window_scale) for grid, big, small in given)
        tiled = [_tiles(g, big) for g, pairs in zip(grids, stages, strict=True) for big, _ in pairs]
        return all(stages) and all(tiled)

    def for_inference(self) -> VeloxSegConfig:
        """The same network without what only training uses: teachers and deep-supervision heads."""
        return replace(self, reconstruction=False, deep_supervision=False)

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON types: tuples become lists."""
        return {name: _as_lists(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> VeloxSegConfig:
        """Rebuild from `to_dict`, also after a JSON round trip.

        Raises:
            ValueError: A name is unknown or a value out of range.
        """
        unknown = sorted(set(settings) - {f.name for f in fields(cls)})
        if unknown:
            msg = f"unknown VeloxSeg settings: {', '.join(unknown)}"
            raise ValueError(msg)
        return cls(**settings)


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(v) for v in value) if isinstance(value, list | tuple) else value


def _as_lists(value: Any) -> Any:
    return [_as_lists(v) for v in value] if isinstance(value, list | tuple) else value


def _tiles(grid: Triple, window: Triple) -> bool:
    return all(n % w == 0 for n, w in zip(grid, window, strict=True))


def _pairs(grid: Triple, big: Triple, small: Triple, scale: int) -> tuple[WindowPair, ...]:
    pairs: list[WindowPair] = []
    while any(b <= n for b, n in zip(big, grid, strict=True)):
        pairs.append((big, small))
        big = (big[0] * scale, big[1] * scale, big[2] * scale)
        small = (small[0] * scale, small[1] * scale, small[2] * scale)
    return tuple(pairs)


def _check_fields(config: VeloxSegConfig) -> None:
    per_stage = (
        "conv_depths",
        "min_dim_group",
        "conv_expansion_factor",
        "depths",
        "min_dim_head",
        "num_heads",
    )
    for name in (*per_stage, "ffn_expansion_ratio", "min_small_window_sizes"):
        if len(getattr(config, name)) != STAGES:
            _refuse(config, name, f"one value for each of the {STAGES} stages")
    if config.min_big_window_sizes is not None and len(config.min_big_window_sizes) != STAGES:
        _refuse(config, "min_big_window_sizes", f"one window for each of the {STAGES} stages, or None")
    for name in ("in_ch", "kernel_sizes", *per_stage, "ffn_expansion_ratio"):
        values = getattr(config, name)
        if not values or any(v < 1 for v in values):
            _refuse(config, name, "positive numbers")
    if any(k % 2 == 0 for k in config.kernel_sizes):
        _refuse(config, "kernel_sizes", "odd")
    for name in ("patch_size", "n_classes", "base_ch"):
        if getattr(config, name) < 1:
            _refuse(config, name, "at least 1")
    if config.window_scale < 2:
        _refuse(config, "window_scale", "at least 2")
    for name in ("attn_drop", "proj_drop", "drop_path", "conv_drop"):
        if not 0.0 <= getattr(config, name) < 1.0:
            _refuse(config, name, "in [0, 1)")
    pairs = list(zip(config.reconstructed, config.in_ch, strict=False))
    if len(config.reconstructed) != config.modalities or any(not 0 <= r <= c for r, c in pairs):
        _refuse(config, "reconstruction", f"a flag, or at most {config.in_ch} channels per modality")


def _check_widths(config: VeloxSegConfig) -> None:
    for width, group in zip(config.conv_channels, config.min_dim_group, strict=True):
        if width % group:
            msg = f"base_ch {config.base_ch}: {width} channels do not divide into groups of {group}"
            raise ValueError(msg)
    for big, small in zip(config.big_windows(), config.min_small_window_sizes, strict=True):
        if len(big) != 3 or len(small) != 3 or min(*big, *small) < 1 or not _tiles(big, small):
            msg = f"small window {small} must tile big window {big}; both are triples of positive numbers"
            raise ValueError(msg)


def _refuse(config: VeloxSegConfig, name: str, rule: str) -> None:
    msg = f"{name} must be {rule}, got {getattr(config, name)!r}"
    raise ValueError(msg)


PUBLISHED: dict[str, VeloxSegConfig] = {
    "autopet2": VeloxSegConfig(),
    "hecktor": VeloxSegConfig(input_size=(128, 128, 64)),
    "brats": VeloxSegConfig(in_ch=(4,), n_classes=4),
}
"""Configurations whose results the paper reports, by name of the data set."""
