"""How well structures are found by name: Dice of the text alone, after further clicks, and of clicks alone.

The text is the structure's English name in the vocabulary. After it the simulated user of `simulated_user`
corrects; beside it the same user starts without a text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.errors import DataError
from LightSegLib.evaluation.evaluate import click_by_click, evaluate_object
from LightSegLib.evaluation.metrics import dice
from LightSegLib.evaluation.named_results import FURTHER_CLICKS, NamedObject, NamedResults
from LightSegLib.evaluation.options import select_cases

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import CaseReference, DataSet, LabelledCase
    from LightSegLib.evaluation.evaluate import Progress
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.session import InteractiveSession
    from LightSegLib.text import Structure, Vocabulary

MakeSession = Callable[[], "InteractiveSession"]
StructuresByLabel = Mapping[tuple[str, str], "Structure"]
"""(source, label name) -> the structure that this label stands for."""


def structures_by_label(vocabulary: Vocabulary) -> StructuresByLabel:
    """All that the vocabulary says about the labels of sources."""
    return {pair: structure for structure in vocabulary for pair in structure.training_labels}


def evaluate_by_name(
    data: DataSet,
    make: MakeSession,
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
    names = structures_by_label(vocabulary)
    references = select_cases(data, options)
    found: list[NamedObject] = []
    for number, reference in enumerate(references, start=1):
        session = make()
        for case, label, structure in taught_objects(reference, session, names, options):
            found.append(_judge_object(reference, session, case, label, structure))
        if progress is not None:
            progress(number, len(references), f"{reference.source}/{reference.case_id}")
    if not found:
        raise DataError(
            "No object of the selected cases has a name that the model was taught",
            "",
            "Choose other sources, or a model that knows them: `lightseg structures` lists both",
        )
    return NamedResults(options.split, tuple(found))


def taught_objects(
    reference: CaseReference,
    session: InteractiveSession,
    names: StructuresByLabel,
    options: EvaluationOptions,
) -> Iterator[tuple[LabelledCase, int, Structure]]:
    """The case, the label and the structure of each object whose name the model was taught.

    The case is read, and given to the session, only if there may be one.
    """
    case: LabelledCase | None = None
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
            yield case, label, structure


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
        structure_id=structure.id,
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
