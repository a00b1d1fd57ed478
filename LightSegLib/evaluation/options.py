"""What an evaluation judges: which cases, which structures, how many clicks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from LightSegLib.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from LightSegLib.evaluation.dataset import CaseReference, DataSet


@dataclass(frozen=True)
class EvaluationOptions:
    """What to judge and how.

    Attributes:
        split: "val", "train" or "all".
        sources: names of sources; None takes all with manual labels that have cases in the split.
        cases_per_source: at most so many, from the start of the split; None takes all.
        structures: names of structures (case does not matter); None takes all.
        labels: label values; None takes all.
        companion: a source whose image of the same person becomes the second channel; cases without one are
            left out.
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
    companion: str | None = None
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
    if options.companion is not None:
        references = list(_accompanied(references, dataset, options.companion))
    if not references:
        raise DataError(
            f"The split '{options.split}' has no case to judge",
            "The selected sources have none there",
            "Choose other sources or another split.",
        )
    return references


def _accompanied(
    references: Sequence[CaseReference], dataset: DataSet, companion: str
) -> Iterator[CaseReference]:
    """The cases that have an image of the same person in another source, with that image beside them."""
    images = {case.group: case.image_path for case in dataset.select([companion])[0].cases}
    for reference in references:
        if reference.source != companion and reference.group in images:
            yield replace(reference, companion_path=images[reference.group])


def nothing_judged(options: EvaluationOptions) -> DataError:
    """The error of an evaluation whose cases hold no object that passes the filters."""
    return DataError(
        "No object of the selected cases could be judged",
        f"None passes the filters with at least {options.minimum_voxels} voxels",
        "Ask for other labels, structures or sources.",
    )
