"""What can be done at the moment, and for everything else why not. Pure: facts in, reasons out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from LightSegUI.PromptToolsState import CONTROLS, TOOLS, PromptToolsState
from LightSegUI.Shortcuts import ACCEPT, BOX, CANCEL, NEW_SEGMENT, SCRIBBLE, SUGGEST, TEXT
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.models.base import Capabilities

MEASURE = "measure"
"""The button that measures the model, beside those of `Shortcuts.KEYS`."""


@dataclass(frozen=True)
class Facts:
    """What the panel knows when it decides what can be used.

    Attributes:
        missingPackages: names of the Python packages to install.
        volumeProblem: why there is nothing to segment, "" if the volume can be used.
        tool: the prompt tool that is on, "" if none.
        hasSegment: whether a segment is selected.
        hasContent: whether that segment holds voxels.
        accepted: whether it is accepted, hence does not change.
        segmentProblem: why it cannot be edited, say hidden; "" if it can.
        busy: whether something runs.
        modelTitle, capabilities: the chosen model; None if unknown, then it is held to be able to do all.
        textModels: bundled models that understand names; matters only where the chosen one does not.
    """

    missingPackages: tuple[str, ...] = ()
    volumeProblem: str = ""
    tool: str = ""
    hasSegment: bool = False
    hasContent: bool = False
    accepted: bool = False
    segmentProblem: str = ""
    busy: bool = False
    modelTitle: str = ""
    capabilities: Capabilities | None = None
    textModels: tuple[str, ...] = ()


def reasonsAgainst(facts: Facts) -> dict[str, str]:
    """For each control that cannot be used, why, and what would help.

    Returns:
        Reasons by the names in `Shortcuts.KEYS` and `MEASURE`; what can be used is not in it.
    """
    reasons: dict[str, str] = {}
    if not facts.busy:
        reasons[CANCEL] = _("Nothing is running.")
    blocked = _blocked(facts)
    if blocked:
        for name in (*TOOLS, TEXT, SUGGEST, ACCEPT, NEW_SEGMENT):
            reasons[name] = blocked
    else:
        reasons.update(_againstPrompts(facts))
        reasons.update(_againstSegment(facts))
    if facts.missingPackages:
        reasons[MEASURE] = _needsPackages(facts)
    elif facts.busy:
        reasons[MEASURE] = _("Wait until the running work is done, or cancel it.")
    return reasons


def toolsState(facts: Facts) -> PromptToolsState:
    """The same for the prompt tools alone."""
    reasons = reasonsAgainst(facts)
    return PromptToolsState(facts.tool, {name: reasons[name] for name in CONTROLS if name in reasons})


def _blocked(facts: Facts) -> str:
    """Why nothing at all can be segmented, "" if it can."""
    return _needsPackages(facts) if facts.missingPackages else facts.volumeProblem


def _againstPrompts(facts: Facts) -> dict[str, str]:
    reasons: dict[str, str] = {}
    able = facts.capabilities
    if able is not None:
        model = facts.modelTitle
        if not able.boxes:
            reasons[BOX] = _('The model "{model}" does not understand boxes. Click instead.').format(
                model=model
            )
        if not able.scribbles:
            reasons[SCRIBBLE] = _('The model "{model}" does not understand scribbles. Click instead.').format(
                model=model
            )
        if not able.text:
            reasons[TEXT] = _withoutText(facts)
    closed = _accepted() if facts.accepted else facts.segmentProblem
    if closed:  # names go to segments of their own
        reasons.update(dict.fromkeys(TOOLS, closed))
    return reasons


def _withoutText(facts: Facts) -> str:
    """Why the line for names cannot be used, and which model would make it so."""
    if not facts.textModels:
        return _(
            'The model "{model}" does not understand names, and no model that comes with LightSeg does. '
            "Click on the structure instead."
        ).format(model=facts.modelTitle)
    return _(
        'The model "{model}" does not understand names. Choose {others} in the LightSeg module, section '
        "Advanced, or click on the structure instead."
    ).format(model=facts.modelTitle, others=_(" or ").join(facts.textModels))


def _againstSegment(facts: Facts) -> dict[str, str]:
    reasons: dict[str, str] = {}
    if facts.accepted:
        reasons[SUGGEST] = _accepted()
    elif not facts.hasContent:
        reasons[SUGGEST] = _("Click on the structure first; after that, the next click can be suggested.")
    elif facts.segmentProblem:
        reasons[SUGGEST] = facts.segmentProblem
    if facts.busy:
        reasons[ACCEPT] = _("Wait until the running work is done, or cancel it.")
    elif not facts.hasSegment:
        reasons[ACCEPT] = _("Select a segment in the table below first.")
    elif not facts.hasContent and not facts.accepted:
        reasons[ACCEPT] = _("The segment is empty. Click on the structure first.")
    return reasons


def _accepted() -> str:
    return _("The segment is accepted and does not change any more. Start a new segment, or edit it again.")


def _needsPackages(facts: Facts) -> str:
    return _("Python packages are missing ({names}). Install them with the button at the top.").format(
        names=", ".join(facts.missingPackages)
    )
