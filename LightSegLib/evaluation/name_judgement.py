"""All that is measured of a model that takes text: what names find, and whether it says what is not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from LightSegLib.card_regions import region_settings
from LightSegLib.evaluation.absence import choose_threshold
from LightSegLib.evaluation.absent_names import draw_absent_names
from LightSegLib.evaluation.by_name import evaluate_by_name
from LightSegLib.evaluation.expected_by_name import measure_expectations
from LightSegLib.evaluation.mismatches import structures_in
from LightSegLib.evaluation.options import select_cases
from LightSegLib.evaluation.refusals import judge_mismatches
from LightSegLib.regions import RegionSegmenter
from LightSegLib.session import InteractiveSession
from LightSegLib.training.body_regions import BodyRegions

if TYPE_CHECKING:
    from LightSegLib.evaluation.absence import Absence
    from LightSegLib.evaluation.dataset import DataSet
    from LightSegLib.evaluation.mismatches import Mismatch
    from LightSegLib.evaluation.named_results import NamedResults
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.evaluation.refusals import Refusals
    from LightSegLib.models.base import InteractiveModel
    from LightSegLib.text import Vocabulary

Report = Callable[[float, str], None]
"""Called with the share of a step that is done, 0 to 1, and what is being done."""


@dataclass(frozen=True)
class NameJudgement:
    """What was measured of one model.

    Attributes:
        results: the objects that its names found.
        threshold: the expected Dice below which it said that a structure is not in the image.
        absence: what that threshold was chosen on; None if it is the card's.
        refusals: what became of the mismatches; None without any.
    """

    results: NamedResults
    threshold: float
    absence: Absence | None
    refusals: Refusals | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            **self.results.to_dict(),
            "threshold": self.threshold,
            "absence": None if self.absence is None else self.absence.to_dict(),
            "mismatches": None if self.refusals is None else self.refusals.to_dict(),
        }


@dataclass(frozen=True)
class NameJudge:
    """Judges models that take text on one data set.

    Attributes:
        data: the data set.
        vocabulary: the names.
        options: which cases and structures.
        mismatches: texts that name nothing of an image; they are asked whatever `options` select.
        calibrates: choose the threshold anew, in place of the card's. It is measured with names that are
            certain not to be in the selected cases; the mismatches are not among these, so that they
            remain a test.
    """

    data: DataSet
    vocabulary: Vocabulary
    options: EvaluationOptions
    mismatches: Sequence[Mismatch] = ()
    calibrates: bool = False

    def judge(self, model: InteractiveModel, report: Report) -> NameJudgement:
        """Measure a model.

        The threshold comes first, as what a click corrects depends on whether anything was drawn before it.

        Raises:
            DataError: there is nothing to judge, or a mismatch names no case of the data set.
            ModelError: the card's settings are damaged.
        """
        absence = self._absence(model, report) if self.calibrates else None
        threshold = region_settings(model).absent if absence is None else absence.threshold
        make = _session_maker(model, threshold)
        results = evaluate_by_name(
            self.data, make, self.vocabulary, self.options, _steps(report, "names and clicks")
        )
        refusals = None
        if self.mismatches:
            refusals = judge_mismatches(
                self.data, self.mismatches, make, threshold, _steps(report, "mismatches")
            )
        return NameJudgement(results, threshold, absence, refusals)

    def _absence(self, model: InteractiveModel, report: Report) -> Absence | None:
        """The threshold for a model; None where no name is certain to be absent from any case."""
        references = select_cases(self.data, self.options)
        excluded = structures_in(self.mismatches, self.vocabulary)
        absent = draw_absent_names(references, model.capabilities.structures, BodyRegions.load(), excluded)
        if not any(absent.values()):
            return None
        found = measure_expectations(
            references,
            absent,
            _session_maker(model, 0.0),
            self.vocabulary,
            self.options,
            _steps(report, "expectations"),
        )
        return choose_threshold(found.present, found.absent)


def _session_maker(model: InteractiveModel, threshold: float) -> Callable[[], InteractiveSession]:
    settings = replace(region_settings(model), absent=threshold)
    return lambda: InteractiveSession(model, RegionSegmenter(model, settings))


def _steps(report: Report, what: str) -> Callable[[int, int, str], None]:
    return lambda done, total, case: report(done / total, f"{what}, {case}")
