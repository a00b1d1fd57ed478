"""What the panel says: numbers, errors and next steps in words. Knows no widgets."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from LightSegUI.PromptToolsState import BOX, INSIDE, OUTSIDE, SCRIBBLE
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.errors import LightSegError

HIGH_CONFIDENCE = 0.85
FAIR_CONFIDENCE = 0.65
"""Expected Dice coefficients from which an answer is called good, or fair."""


def secondsText(seconds: float) -> str:
    """A duration: "0.21 s", "12 s", "3 min"."""
    if seconds < 10:
        text = _("{seconds:.2f} s").format(seconds=seconds)
    elif seconds < 120:
        text = _("{seconds:.0f} s").format(seconds=seconds)
    else:
        text = _("{minutes:.0f} min").format(minutes=seconds / 60)
    return _together(text)


def confidenceText(confidence: float) -> str:
    """How sure the model is of a mask, with what to do about it."""
    percent = _("Confidence {percent}").format(percent=_together(f"{100 * confidence:.0f} %"))
    if confidence >= HIGH_CONFIDENCE:
        return _("{percent}: good. Check the border, then accept.").format(percent=percent)
    if confidence >= FAIR_CONFIDENCE:
        return _("{percent}: fair. Correct it with clicks inside and outside.").format(percent=percent)
    return _("{percent}: low. More clicks will help; press Suggest next click.").format(percent=percent)


def answerText(confidence: float, seconds: float, empty: bool = False, written: bool = True) -> str:
    """One answer of the model: how sure, how fast, and what to do now.

    Args:
        confidence: Dice coefficient the model expects, 0 to 1.
        seconds: from the prompt to the written segment.
        empty: whether the segment holds nothing now.
        written: whether the segment changed.
    """
    if empty:
        return _("The segment is empty now. Press Inside and click on the structure.")
    if not written:
        return _("That changed nothing. Click elsewhere, or look at the masking settings.")
    return _("{confidence} Answered in {seconds}.").format(
        confidence=confidenceText(confidence), seconds=secondsText(seconds)
    )


def errorText(error: LightSegError) -> str:
    """An error as rich text: what, in bold, then why and the next step."""
    what, *rest = (
        _sentence(escape(part)) for part in (error.what, error.why, error.next_step) if part.strip()
    )
    return " ".join([f"<b>{what}</b>", *rest])


def hintFor(tool: str) -> str:
    """What to do with the tool that is on ("" for none)."""
    return {
        INSIDE: _("Click on the structure in any slice view. Ctrl+click marks what does not belong to it."),
        OUTSIDE: _("Click on what the mask covers but should not."),
        BOX: _("Drag a box around the structure in any slice view."),
        SCRIBBLE: _("Draw along the structure in any slice view."),
    }.get(tool, _("Press Inside, then click on the structure in a slice view."))


def _together(text: str) -> str:
    """A number and its unit, which no end of a line may part."""
    return text.replace(" ", "\u00a0")


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", ":")) else text + "."
