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
from LightSegLib.evaluation.results import EvaluationResults, ObjectResult
from LightSegLib.evaluation.simulated_user import Clickable, SimulatedUser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from LightSegLib.evaluation.dataset import CaseReference, LabelledCase
    from LightSegLib.geometry import Volume
    from LightSegLib.prompts import Point

    SegmenterFactory = Callable[[], "Segmenter"]
    # (cases x methods done, of how many, what was done last); may raise Cancelled to stop the run
    Progress = Callable[[int, int, str], None]

_log = logging.getLogger(__name__)


class Segmenter(Clickable, Protocol):
    """What can be evaluated: an InteractiveSession, the baseline, or anything with these calls."""

    def set_image(self, volume: Volume) -> object:
        """Take the image."""

    def reset(self) -> object:
        """Forget all clicks and the mask; keep the image."""


@dataclass(frozen=True)
class EvaluationOptions:
    """What to judge and how.

    Attributes:
        split: "val", "train" or "all".
        sources: names of sources; None takes all with manual labels that have cases in the split.
        cases_per_source: at most so many, from the start of the split; None takes all.
        structures: names of structures (case does not matter); None takes all.
        labels: label values; None takes all.
        clicks: clicks per object, at least 1.
        minimum_voxels: smaller objects are left out.
        distances: also HD95 and surface Dice after the last click, where the source's millimetres can be
            trusted.
        surface_tolerance_mm: tolerance of the surface Dice.
    """

    split: str = "val"
    sources: Sequence[str] | None = None
    cases_per_source: int | None = None
    structures: Sequence[str] | None = None
    labels: Sequence[int] | None = None
    clicks: int = 10
    minimum_voxels: int = 30
    distances: bool = False
    surface_tolerance_mm: float = 2.0

    def wants(self, label: int, structure: str) -> bool:
        """Whether a structure passes the filters."""
        if self.labels is not None and label not in self.labels:
            return False
        names = self.structures
        return names is None or structure.casefold() in {name.casefold() for name in names}


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
    user = SimulatedUser(truth, spacing_ijk)
    scores: list[float] = []
    seconds: list[float] = []
    while len(scores) < clicks:
        click = user.next_click(segmenter.mask)
        if click is None:
            break
        began = time.perf_counter()
        segmenter.add_point(click.ijk, positive=click.positive)
        mask = segmenter.mask
        seconds.append(time.perf_counter() - began)
        scores.append(dice(mask, truth))
    scores += [scores[-1]] * (clicks - len(scores))
    return CaseResult(tuple(scores), tuple(seconds), user.clicks)


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
        raise DataError(
            "No object of the selected cases could be judged",
            f"None passes the filters with at least {options.minimum_voxels} voxels",
            "Ask for other labels, structures or sources.",
        )
    return EvaluationResults(options.clicks, options.split, tuple(results))


def select_cases(dataset: DataSet, options: EvaluationOptions) -> list[CaseReference]:
    """Return the cases that an evaluation will judge, in order.

    Raises:
        DataError: as `evaluate`.
    """
    if options.cases_per_source is not None and options.cases_per_source < 1:
        raise DataError(f"{options.cases_per_source} cases per source", "There must be at least one")
    sources = dataset.select(options.sources)
    made_by_model = [source.name for source in sources if not source.is_manual]
    if options.sources is not None and made_by_model:
        raise DataError(
            f"The labels of {', '.join(made_by_model)} were made by a model",
            "Agreeing with a model is no measure of quality",
            "Leave these sources out.",
        )
    sources = [source for source in sources if source.is_manual]
    known = {name.casefold() for source in sources for name in source.label_names.values()}
    unknown = [name for name in options.structures or () if name.casefold() not in known]
    if unknown:
        raise DataError(
            f"Unknown structure: {', '.join(unknown)}",
            f"The selected sources have: {', '.join(sorted(known))}",
        )
    references = [
        reference
        for source in sources
        if any(options.wants(label, name) for label, name in source.label_names.items())
        for reference in dataset.cases(source.name, options.split, options.cases_per_source)
    ]
    if not references:
        raise DataError(
            f"The split '{options.split}' has no case to judge",
            "The selected sources have none there",
            "Choose other sources or another split.",
        )
    return references


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
