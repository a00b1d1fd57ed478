"""Run methods against labelled volumes with the simulated user.

Every method meets the same user with the same rules: the first click is the same for all, the next ones
answer the errors of the method at hand. Volumes are read one after the other and dropped before the next.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from LightSegLib.errors import DataError
from LightSegLib.evaluation.dataset import DataSet
from LightSegLib.evaluation.metrics import dice, hd95, surface_dice
from LightSegLib.evaluation.options import EvaluationOptions, nothing_judged, select_cases
from LightSegLib.evaluation.results import EvaluationResults, ObjectResult
from LightSegLib.evaluation.simulated_user import SimulatedUser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from LightSegLib.evaluation.dataset import CaseReference, LabelledCase
    from LightSegLib.geometry import IJK, Volume
    from LightSegLib.prompts import Point

    SegmenterFactory = Callable[[], "Segmenter"]
    # (cases x methods done, of how many, what was done last); may raise Cancelled to stop the run
    Progress = Callable[[int, int, str], None]

_log = logging.getLogger(__name__)


class Segmenter(Protocol):
    """What can be evaluated: an InteractiveSession, the baseline, or anything with these calls."""

    def set_image(self, volume: Volume) -> object:
        """Take the image."""

    def reset(self) -> object:
        """Forget all clicks and the mask; keep the image."""

    def add_point(self, ijk: IJK, /, positive: bool = True) -> object:
        """Take one click at a voxel index (IJK)."""

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Current mask, bool (K, J, I)."""


@dataclass(frozen=True)
class ClickResult:
    """One click, Dice of the mask after it, and the seconds from the click to the readable mask."""

    click: Point
    dice: float
    seconds: float


@dataclass(frozen=True)
class CaseResult:
    """One method on one object.

    Attributes:
        dice: after 1, 2, ... clicks; the last value is repeated when the user found nothing left to correct.
        click_seconds: from each click to the readable mask, one per click really made.
        clicks: the clicks, in order.
        set_image_seconds: time to hand over the image; 0 when it was there already.
    """

    dice: tuple[float, ...]
    click_seconds: tuple[float, ...]
    clicks: tuple[Point, ...]
    set_image_seconds: float = 0.0


def evaluate_case(
    segmenter: Segmenter, volume: Volume, truth: npt.NDArray[Any], clicks: int = 10
) -> CaseResult:
    """Hand over an image and let the simulated user segment one object in it.

    Args:
        segmenter: the method; its image is replaced.
        volume: the image.
        truth: the object (K, J, I) on the image's grid.
        clicks: largest number of clicks, at least 1.

    Raises:
        VolumeError: the object is empty or has another shape than the image.
        DataError: fewer than one click is allowed.
    """
    began = time.perf_counter()
    segmenter.set_image(volume)
    set_image_seconds = time.perf_counter() - began
    result = evaluate_object(segmenter, truth, volume.spacing_ijk, clicks)
    return CaseResult(result.dice, result.click_seconds, result.clicks, set_image_seconds)


def evaluate_object(
    segmenter: Segmenter, truth: npt.NDArray[Any], spacing_ijk: Sequence[float], clicks: int = 10
) -> CaseResult:
    """Let the simulated user segment one object in the image that the method has; it is reset first.

    Arguments and errors as in `evaluate_case`.
    """
    if clicks < 1:
        raise DataError(f"{clicks} clicks per object", "An evaluation needs at least one click")
    segmenter.reset()
    steps = list(click_by_click(segmenter, truth, spacing_ijk, clicks))
    scores = [step.dice for step in steps]
    scores += scores[-1:] * (clicks - len(scores))
    seconds = tuple(step.seconds for step in steps)
    return CaseResult(tuple(scores), seconds, tuple(step.click for step in steps))


def click_by_click(
    segmenter: Segmenter, truth: npt.NDArray[Any], spacing_ijk: Sequence[float], clicks: int = 10
) -> Iterator[ClickResult]:
    """Yield what came of each click of the simulated user, until nothing is left to correct.

    Arguments and errors as in `evaluate_case`; the method has its image, and no click yet on this object.
    """
    user = SimulatedUser(truth, spacing_ijk)
    for _ in range(clicks):
        click = user.next_click(segmenter.mask)
        if click is None:
            return
        began = time.perf_counter()
        segmenter.add_point(click.ijk, positive=click.positive)
        mask = segmenter.mask
        seconds = time.perf_counter() - began
        yield ClickResult(click, dice(mask, truth), seconds)


def evaluate(
    data: DataSet | str | Path,
    methods: Mapping[str, SegmenterFactory],
    options: EvaluationOptions | None = None,
    progress: Progress | None = None,
) -> EvaluationResults:
    """Judge several methods on the same objects of a data set.

    Args:
        data: the data set, or its folder.
        methods: name -> a function that makes the method ready for one case (for a model:
            ``lambda: InteractiveSession(model)``; for the baseline: ``GrowFromSeeds``). It is called once per
            case, so that nothing of a case outlives it.
        options: what to judge; None takes the defaults.
        progress: called after each case and method.

    Raises:
        DataError: nothing to judge, an unknown source or structure, or a source whose labels a model made.
    """
    options = options or EvaluationOptions()
    dataset = data if isinstance(data, DataSet) else DataSet.open(data)
    references = select_cases(dataset, options)
    total = len(references) * len(methods)
    results: list[ObjectResult] = []
    for number, reference in enumerate(references):
        for step, rows in enumerate(_judge_case(reference, methods, options), start=1):
            results.extend(rows)
            if progress is not None:
                name = f"{reference.source}/{reference.case_id}"
                progress(number * len(methods) + step, total, name)
    if not results:
        raise nothing_judged(options)
    return EvaluationResults(options.clicks, options.split, tuple(results))


def _judge_case(
    reference: CaseReference, methods: Mapping[str, SegmenterFactory], options: EvaluationOptions
) -> Iterator[list[ObjectResult]]:
    """Yield each method's results on the objects of one case; the case is in memory only meanwhile."""
    case = reference.load()
    objects = [
        label
        for label, name in sorted(reference.label_names.items())
        if options.wants(label, name) and np.count_nonzero(case.labels == label) >= options.minimum_voxels
    ]
    if not objects:
        _log.info("No object to judge in %s/%s", reference.source, reference.case_id)
    for method, make in methods.items():
        yield _judge_method(method, make(), reference, case, objects, options) if objects else []


def _judge_method(
    method: str,
    segmenter: Segmenter,
    reference: CaseReference,
    case: LabelledCase,
    objects: Sequence[int],
    options: EvaluationOptions,
) -> list[ObjectResult]:
    spacing = case.volume.spacing_ijk
    began = time.perf_counter()
    segmenter.set_image(case.volume)
    set_image_seconds = time.perf_counter() - began
    rows = []
    for label in objects:
        truth = case.truth(label)
        found = evaluate_object(segmenter, truth, spacing, options.clicks)
        row = ObjectResult(
            source=reference.source,
            case_id=reference.case_id,
            structure=reference.label_names[label],
            label=label,
            voxels=int(np.count_nonzero(truth)),
            method=method,
            dice=found.dice,
            click_seconds=found.click_seconds,
            set_image_seconds=set_image_seconds,
        )
        if options.distances and not reference.spacing_is_estimated:
            row = replace(
                row,
                hd95_mm=hd95(segmenter.mask, truth, spacing),
                surface_dice=surface_dice(segmenter.mask, truth, spacing, options.surface_tolerance_mm),
            )
        rows.append(row)
    return rows
