"""What a model expects of names: of structures that are in an image, and of some that are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from LightSegLib.evaluation.by_name import structures_by_label, taught_objects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from LightSegLib.evaluation.by_name import MakeSession
    from LightSegLib.evaluation.dataset import CaseReference
    from LightSegLib.evaluation.evaluate import Progress
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.session import InteractiveSession
    from LightSegLib.text import Vocabulary


@dataclass
class Expectations:
    """Dice that a model expected, 0 to 1, one per name; 0 where it drew nothing.

    Attributes:
        present: of names of what is in the image.
        absent: of names of what is not.
    """

    present: list[float] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)


def measure_expectations(
    references: Sequence[CaseReference],
    absent: Mapping[tuple[str, str], Sequence[str]],
    make: MakeSession,
    vocabulary: Vocabulary,
    options: EvaluationOptions,
    progress: Progress | None = None,
) -> Expectations:
    """Say names to a model and note what it expects; no clicks.

    Args:
        references: the cases, each read once.
        absent: (source, case) -> ids of structures that are not there.
        make: a session that never says that something is not in the image, called once per case.
        vocabulary: the names.
        options: which structures count as present ones.
        progress: called after each case.
    """
    names = structures_by_label(vocabulary)
    found = Expectations()
    for number, reference in enumerate(references, start=1):
        session = make()
        for _, _, structure in taught_objects(reference, session, names, options):
            found.present.append(expected(session, structure.name))
        wrong = absent.get((reference.source, reference.case_id), ())
        if wrong and session.image is None:
            session.set_image(reference.load().volume)
        found.absent.extend(expected(session, vocabulary[name].name) for name in wrong)
        if progress is not None:
            progress(number, len(references), f"{reference.source}/{reference.case_id}")
    return found


def expected(session: InteractiveSession, text: str) -> float:
    """The Dice that a model expects of a text alone; 0 if it draws nothing."""
    session.reset()
    confidence = session.set_text(text).confidence
    return confidence if session.mask.any() else 0.0
