"""Drawing training samples: sources evenly, real structures and synthetic ones, as an endless stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from LightSegLib.errors import DataError
from LightSegLib.training import synthesis
from LightSegLib.training.appearance import vary
from LightSegLib.training.companions import Shown, acquired, made_up, seen
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.scenes import Scene, View, draw_scene

MIN_TARGET_VOXELS = 30
MAX_FRUITLESS = 2000
"""Draws in a row that may show too little of any structure."""


@dataclass(frozen=True)
class Closer:
    """A second, closer cube of the same scene, as refinement sees it.

    Attributes:
        image, target, valid: as in `Sample`.
        centre_kji: its centre in samples of the wider cube.
        zoom: how many of its samples fit into one sample of the wider cube.
        companions: as in `Sample`.
    """

    image: Tensor
    target: Tensor
    valid: Tensor
    centre_kji: np.ndarray
    zoom: float
    companions: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One cube to learn from: image -1 to 1, target and valid 0 or 1, float32 (D, H, W) each.

    `companions` are the further channels of the image; one that was not acquired is -1 everywhere.
    """

    image: Tensor
    target: Tensor
    valid: Tensor
    closer: Closer | None
    companions: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class SamplingPlan:
    """How samples are drawn.

    Attributes:
        size: samples along the cube's edge.
        kinds: probability of "real", "recoloured", "supervoxel" and "shapes".
        source_weights: relative frequency of a source; 1 where none is given.
        closer: probability that a real sample comes with a closer cube.
        extent_range: see `draw_scene`.
        plain: share of the real samples that look as in a session: upright, in the case's own contrast.
        channels: of the image, 1 or 2; see `training.companions` for what the second one shows.
    """

    size: int
    kinds: Mapping[str, float]
    source_weights: Mapping[str, float]
    closer: float = 0.35
    extent_range: Sequence[float] = (0.15, 1.15)
    plain: float = 0.0
    channels: int = 1


class SampleStream(IterableDataset[Sample]):
    """An endless stream of samples; every worker draws its own.

    Args:
        cases: the pack.
        plan: what to draw.
        seed: two streams with the same seed draw the same samples.

    Raises:
        DataError: no case has a structure to learn, or all sources have the weight 0.
    """

    def __init__(self, cases: Sequence[PackedCase], plan: SamplingPlan, seed: int) -> None:
        super().__init__()
        self.plan = plan
        self.seed = seed
        self.structures = _structures(cases)
        self.cases = cases
        self.sources = sorted(self.structures)
        weights = np.array([plan.source_weights.get(source, 1.0) for source in self.sources])
        if not weights.sum() > 0:
            raise DataError(
                "No source may be drawn", f"the recipe weighs {', '.join(self.sources)} with 0", "Weigh one"
            )
        self.source_probability = weights / weights.sum()
        chances = np.array(list(plan.kinds.values()), dtype=np.float64)
        self.kind_probability = chances / chances.sum()  # a recipe rounds them

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        random = np.random.default_rng([self.seed, worker.id if worker else 0])
        if worker:
            torch.set_num_threads(1)
        fruitless = 0
        while fruitless < MAX_FRUITLESS:
            sample = self.draw(random)
            fruitless = fruitless + 1 if sample is None else 0
            if sample is not None:
                yield sample
        raise DataError(
            f"In {MAX_FRUITLESS} draws no sample showed enough of a structure",
            f"kinds of samples: {', '.join(self.plan.kinds)}; sources: {', '.join(self.sources)}",
            "Allow other kinds or a wider extent_range in the recipe, or pack other data",
        )

    def draw(self, random: np.random.Generator) -> Sample | None:
        """One sample, or None when the random pose shows too little of the structure."""
        kind = str(random.choice(list(self.plan.kinds), p=self.kind_probability))
        if kind == "shapes":
            image, target = synthesis.shape_world(self.plan.size, random)
            return self._finished(image, target, torch.ones_like(target), random)
        plain = kind == "real" and random.random() < self.plan.plain
        scene = self._scene(random, upright=plain)
        view = scene.render(self.plan.size)
        if kind == "supervoxel":
            region = synthesis.supervoxel(view.image, random)
            return (
                None
                if region is None
                else self._finished(view.image, region * view.valid, view.valid, random)
            )
        if kind == "recoloured":
            image = synthesis.recolour(view.image, view.labels, random)
            return self._finished(image, view.target, view.valid, random)
        return self._real(scene, view, plain, random)

    def _scene(self, random: np.random.Generator, *, upright: bool = False) -> Scene:
        source = self.sources[int(random.choice(len(self.sources), p=self.source_probability))]
        structures = self.structures[source]
        case, value = structures[int(random.integers(len(structures)))]
        return draw_scene(
            self.cases[case],
            value,
            self.plan.size,
            random,
            extent_range=self.plan.extent_range,
            upright=upright,
        )

    def _real(self, scene: Scene, view: View, plain: bool, random: np.random.Generator) -> Sample | None:
        if view.target.sum() < MIN_TARGET_VOXELS:
            return None
        seed = None if plain else int(random.integers(2**31))
        shown = acquired(view, random) if self.plan.channels > 1 else None
        image, companions = seen(view, seed, shown)
        closer = None
        if random.random() < self.plan.closer:
            closer = self._closer(scene, view, seed, shown, random)
        return Sample(image, view.target, view.valid, closer, companions)

    def _closer(
        self, scene: Scene, view: View, seed: int | None, shown: Shown | None, random: np.random.Generator
    ) -> Closer | None:
        size = self.plan.size
        zoom = float(random.uniform(1.2, 2.5))
        voxels = view.target.nonzero()
        centre = voxels[int(random.integers(len(voxels)))].numpy() + random.normal(0, size / 16, 3)
        step = scene.edge / size
        offset = torch.from_numpy((centre - (size - 1) / 2).astype(np.float32)) * step
        middle = scene.centre + (scene.rotation * scene.stretch[None, :]) @ offset
        near = scene.render(size, middle, scene.edge / zoom)
        if near.target.sum() < MIN_TARGET_VOXELS:
            return None
        image, companions = seen(near, seed, shown)
        return Closer(image, near.target, near.valid, centre, zoom, companions)

    def _finished(
        self, image: Tensor, target: Tensor, valid: Tensor, random: np.random.Generator
    ) -> Sample | None:
        if target.sum() < MIN_TARGET_VOXELS:
            return None
        companions: tuple[Tensor, ...] = ()
        if self.plan.channels > 1:
            companions = (made_up(image, target, random),)
        return Sample(vary(image, target, random), target, valid, None, companions)


def _structures(cases: Sequence[PackedCase]) -> dict[str, list[tuple[int, int]]]:
    """Source to (case number, label) of every structure large enough to learn."""
    found: dict[str, list[tuple[int, int]]] = {}
    for number, case in enumerate(cases):
        counts = np.bincount(case.label_map.ravel(), minlength=256)
        for value in case.labels:
            if counts[value] >= MIN_TARGET_VOXELS:
                found.setdefault(case.source, []).append((number, value))
    if not found:
        raise DataError(
            "The pack has no structure to learn", "every label map is empty", "Pack another data folder"
        )
    return found
