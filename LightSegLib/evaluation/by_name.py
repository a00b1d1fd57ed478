"""How well structures are found by name: Dice of the text alone, after further clicks, and of clicks alone.

The text is the structure's English name in the vocabulary. After it the simulated user of `simulated_user`
corrects; beside it the same user starts without a text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from LightSegLib.errors import DataError
from LightSegLib.evaluation.evaluate import click_by_click, evaluate_object
from LightSegLib.evaluation.metrics import dice
from LightSegLib.evaluation.options import select_cases

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import CaseReference, DataSet, LabelledCase
    from LightSegLib.evaluation.evaluate import Progress
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.session import InteractiveSession
    from LightSegLib.text import Structure, Vocabulary

FURTHER_CLICKS = 3
ENOUGH_OBJECTS = 3
"""Objects from which on a structure counts in the mean."""


@dataclass(frozen=True)
class NamedObject:
    """One object, found by its name.

    Attributes:
        source, case_id: where it is.
        structure: the vocabulary's name of it.
        text: Dice of the text alone.
        corrected: Dice after the text and 1, 2, 3 clicks.
        clicked: Dice after 1, 2, 3 clicks without a text.
        confidence: the Dice that the model expected of the text alone.
        seconds: from the text to the readable mask.
    """

    source: str
    case_id: str
    structure: str
    text: float
    corrected: tuple[float, ...]
    clicked: tuple[float, ...]
    confidence: float
    seconds: float


@dataclass(frozen=True)
class NamedResults:
    """All objects of a run, in the order in which they were judged."""

    split: str
    objects: tuple[NamedObject, ...]

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the structures, in the order in which they came."""
        return tuple(dict.fromkeys(each.structure for each in self.objects))

    def of(self, structure: str) -> tuple[NamedObject, ...]:
        """The objects of a structure."""
        return tuple(each for each in self.objects if each.structure == structure)

    def mean(self, of: Callable[[NamedObject], float]) -> float:
        """Mean over the structures with at least `ENOUGH_OBJECTS` objects of the mean over their objects."""
        means = [
            float(np.mean([of(each) for each in self.of(name)]))
            for name in self.structures
            if len(self.of(name)) >= ENOUGH_OBJECTS
        ]
        return float(np.mean(means)) if means else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {"split": self.split, "objects": [asdict(each) for each in self.objects]}


def evaluate_by_name(
    data: DataSet,
    make: Callable[[], InteractiveSession],
    vocabulary: Vocabulary,
    options: EvaluationOptions,
    progress: Progress | None = None,
) -> NamedResults:
    """Judge a model that takes text on all objects whose name it was taught.

    Args:
        data: the data set.
        make: a session with the model, called once per case.
        vocabulary: the names.
        options: which cases and structures; its `clicks` are not used.
        progress: called after each case.

    Raises:
        DataError: nothing to judge.
    """
    names = {pair: structure for structure in vocabulary for pair in structure.training_labels}
    references = select_cases(data, options)
    found: list[NamedObject] = []
    for number, reference in enumerate(references, start=1):
        found.extend(_judge(reference, make, names, options))
        if progress is not None:
            progress(number, len(references), f"{reference.source}/{reference.case_id}")
    if not found:
        raise DataError(
            "No object of the selected cases has a name that the model was taught",
            "",
            "Choose other sources, or a model that knows them: `lightseg structures` lists both",
        )
    return NamedResults(options.split, tuple(found))


def _judge(
    reference: CaseReference,
    make: Callable[[], InteractiveSession],
    names: Mapping[tuple[str, str], Structure],
    options: EvaluationOptions,
) -> Iterator[NamedObject]:
    case: LabelledCase | None = None
    session = make()
    for label, label_name in sorted(reference.label_names.items()):
        structure = names.get((reference.source, label_name))
        if structure is None or not options.wants(label, label_name):
            continue
        if structure.id not in session.model.capabilities.structures:
            continue
        if case is None:
            case = reference.load()
            session.set_image(case.volume)
        if np.count_nonzero(case.labels == label) >= options.minimum_voxels:
            yield _judge_object(reference, session, case, label, structure)


def _judge_object(
    reference: CaseReference,
    session: InteractiveSession,
    case: LabelledCase,
    label: int,
    structure: Structure,
) -> NamedObject:
    truth, spacing = case.truth(label), case.volume.spacing_ijk
    clicked = evaluate_object(session, truth, spacing, FURTHER_CLICKS).dice
    session.reset()
    began = time.perf_counter()
    change = session.set_text(structure.name)
    seconds = time.perf_counter() - began
    alone = dice(session.mask, truth)
    corrected = [step.dice for step in click_by_click(session, truth, spacing, FURTHER_CLICKS)]
    return NamedObject(
        source=reference.source,
        case_id=reference.case_id,
        structure=structure.name,
        text=alone,
        corrected=_filled(corrected, alone),
        clicked=clicked,
        confidence=change.confidence,
        seconds=seconds,
    )


def _filled(scores: Sequence[float], before: float) -> tuple[float, ...]:
    """One score per click; when nothing was left to correct, the last one holds."""
    last = scores[-1] if scores else before
    return (*scores, *[last] * (FURTHER_CLICKS - len(scores)))


def render_names(results: NamedResults) -> list[list[str]]:
    """Rows of a table, the header first: a structure each, then the mean."""
    columns: list[tuple[str, Callable[[NamedObject], float]]] = [
        ("text", lambda each: each.text),
        ("text + 1", lambda each: each.corrected[0]),
        ("text + 3", lambda each: each.corrected[2]),
        ("1 click", lambda each: each.clicked[0]),
        ("3 clicks", lambda each: each.clicked[2]),
        ("expected", lambda each: each.confidence),
        ("s", lambda each: each.seconds),
    ]
    rows = [["structure", "objects", *(title for title, _ in columns)]]
    for name in results.structures:
        objects = results.of(name)
        means = [float(np.mean([of(each) for each in objects])) for _, of in columns]
        rows.append([name, str(len(objects)), *(f"{value:.3f}" for value in means)])
    mean = [results.mean(of) for _, of in columns]
    title = f"mean over structures of {ENOUGH_OBJECTS} objects or more"
    return [*rows, [title, str(len(results.objects)), *(f"{value:.3f}" for value in mean)]]
