"""Whether a model refuses to draw what is not in an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from LightSegLib.errors import CapabilityError, PromptError
from LightSegLib.evaluation.mismatches import by_case

if TYPE_CHECKING:
    from LightSegLib.evaluation.by_name import MakeSession
    from LightSegLib.evaluation.dataset import DataSet
    from LightSegLib.evaluation.evaluate import Progress
    from LightSegLib.evaluation.mismatches import Mismatch
    from LightSegLib.session import InteractiveSession

Outcome = Literal["refused", "drawn", "not taught", "not understood"]


@dataclass(frozen=True)
class Refusal:
    """What became of a text that names nothing of an image.

    Attributes:
        pair: image and text.
        outcome: "refused": nothing was drawn; "drawn": a mask was; "not taught": an error said that the model
            does not know this structure; "not understood": an error said that the text names no structure, or
            several.
        confidence: the Dice that the model expected, 0 to 1; None where an error came.
    """

    pair: Mismatch
    outcome: Outcome
    confidence: float | None = None


@dataclass(frozen=True)
class Refusals:
    """What became of all pairs, in their order."""

    answers: tuple[Refusal, ...]

    def of(self, outcome: Outcome) -> tuple[Refusal, ...]:
        """Those with an outcome."""
        return tuple(each for each in self.answers if each.outcome == outcome)

    @property
    def answered(self) -> int:
        """How many pairs the model answered; an error is no answer."""
        return len(self.of("refused")) + len(self.of("drawn"))

    @property
    def share(self) -> float | None:
        """Share, 0 to 1, of the answered pairs that were refused; None if none was answered."""
        return len(self.of("refused")) / self.answered if self.answered else None

    def counts(self) -> dict[str, Any]:
        """How many pairs had which outcome, and the refused share, as JSON types."""
        return {
            "pairs": len(self.answers),
            "refused": len(self.of("refused")),
            "drawn": len(self.of("drawn")),
            "not_taught": len(self.of("not taught")),
            "not_understood": len(self.of("not understood")),
            "share": None if self.share is None else round(self.share, 4),
        }

    def to_dict(self) -> dict[str, Any]:
        """The counts and each pair, as JSON types."""
        rows = [
            {**asdict(each.pair), "outcome": each.outcome, "confidence": each.confidence}
            for each in self.answers
        ]
        return {**self.counts(), "answers": rows}


def judge_mismatches(
    data: DataSet,
    pairs: Sequence[Mismatch],
    make: MakeSession,
    threshold: float,
    progress: Progress | None = None,
) -> Refusals:
    """Ask a model for what is not in images.

    Args:
        data: the data set.
        pairs: images and texts, each pair once.
        make: a session with the model, called once per case.
        threshold: an expected Dice below it is a refusal, and so is an empty mask.
        progress: called after each case.

    Raises:
        DataError: the data set has no such case.
    """
    cases = by_case(pairs, data)
    found: dict[Mismatch, Refusal] = {}
    for number, (reference, asked) in enumerate(cases, start=1):
        session = make()
        session.set_image(reference.load().volume)
        found |= {pair: _asked(session, pair, threshold) for pair in asked}
        if progress is not None:
            progress(number, len(cases), f"{reference.source}/{reference.case_id}")
    return Refusals(tuple(found[pair] for pair in pairs))


def _asked(session: InteractiveSession, pair: Mismatch, threshold: float) -> Refusal:
    session.reset()
    try:
        confidence = session.set_text(pair.text).confidence
    except CapabilityError:
        return Refusal(pair, "not taught")
    except PromptError:
        return Refusal(pair, "not understood")
    drawn = session.mask.any() and confidence >= threshold
    return Refusal(pair, "drawn" if drawn else "refused", confidence)
