"""Drawing training samples: sources evenly, real structures and synthetic ones, as an endless stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from LightSegLib.errors import DataError
from LightSegLib.training import synthesis
from LightSegLib.training.appearance import vary
from LightSegLib.training.companions import Shown, acquired, made_up, seen
from LightSegLib.training.names import Names
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.sample import MIN_TARGET_VOXELS, Closer, Sample, SamplingPlan, closer_cube
from LightSegLib.training.scenes import Scene, View, draw_scene
from LightSegLib.training.text_samples import TextSamples

__all__ = ["MAX_FRUITLESS", "MIN_TARGET_VOXELS", "Closer", "Sample", "SampleStream", "SamplingPlan"]

MAX_FRUITLESS = 2000
"""Draws in a row that may show too little of any structure."""


class SampleStream(IterableDataset[Sample]):
    """An endless stream of samples; every worker draws its own.

    Args:
        cases: the pack.
        plan: what to draw.
        seed: two streams with the same seed draw the same samples.

    Raises:
        DataError: no case has a structure to learn, all sources have the weight 0, or the plan asks for texts
            and no structure has a name.
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
        self.texts = None if plan.text is None else TextSamples(Names.load(cases), plan, plan.text)

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
        case, value = self._structure(random)
        if kind == "real" and self.texts is not None:
            beginning = self.texts.beginning(case, value, random)
            if beginning is not None:
                return self.texts.draw(case, value, beginning, plain, random)
        scene = self._scene(case, value, random, upright=plain)
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

    def _structure(self, random: np.random.Generator) -> tuple[PackedCase, int]:
        source = self.sources[int(random.choice(len(self.sources), p=self.source_probability))]
        structures = self.structures[source]
        case, value = structures[int(random.integers(len(structures)))]
        return self.cases[case], value

    def _scene(self, case: PackedCase, value: int, random: np.random.Generator, *, upright: bool) -> Scene:
        extents = self.plan.extent_range
        return draw_scene(case, value, self.plan.size, random, extent_range=extents, upright=upright)

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
        return closer_cube(scene, size, centre, zoom, seed, shown)

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
