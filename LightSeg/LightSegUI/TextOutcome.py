"""What came of a structure that was asked for by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from LightSegLib.errors import LightSegError
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.mrml import Answer


@dataclass(frozen=True)
class TextOutcome:
    """One structure, or one name that means none.

    Attributes:
        text: the name as it was given.
        name: English name of the structure; "" if the name could not be understood.
        segmentId: the segment it is in; "" if it was not found.
        answer: how sure and how fast the model was; None if it was not asked.
        error: why there is no segment of it; None if there is.
    """

    text: str
    name: str = ""
    segmentId: str = ""
    answer: Answer | None = None
    error: LightSegError | None = None


def notInThisImage(name: str) -> LightSegError:
    """The model finds nothing of this name."""
    return LightSegError(
        _("{name}: not in this image").format(name=name),
        _("The model finds nothing like it"),
        _("If you see it, click on it"),
    )


def keptOutByMasking(name: str) -> LightSegError:
    """It was found where nothing may be written."""
    return LightSegError(
        _("{name}: nothing was written").format(name=name),
        _("It lies where the masking settings allow no changes"),
        _("Look at the section Masking of the editor"),
    )


def soleProblem(outcomes: list[TextOutcome]) -> LightSegError | None:
    """The error to show as such: that of the only name; several are told of by `outcomesText`."""
    return outcomes[0].error if len(outcomes) == 1 else None


def outcomesText(outcomes: list[TextOutcome]) -> str:
    """What was found and what was not, in a few words: for the line that tells of answers."""
    found = [outcome.name for outcome in outcomes if outcome.error is None]
    parts = [_("Found: {names}.").format(names=", ".join(found))] if found else []
    for outcome in outcomes:
        if outcome.error is not None:
            # Without the advice, which would be the same for each; the nearest names stand in the cause.
            why = "" if outcome.name else outcome.error.why
            parts.append(str(LightSegError(outcome.error.what, why)))
    if len(found) == len(outcomes):  # else the line is long enough
        parts.append(_("Look at each, and correct it with clicks."))
    return " ".join(parts)
