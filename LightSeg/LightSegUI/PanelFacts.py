"""Looks at scene, logic and editor and tells what `PanelState` decides from."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import slicer

from LightSegLib.errors import LightSegError
from LightSegUI.PanelState import Facts
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegUI.InteractiveLogic import InteractiveLogic
    from LightSegUI.PanelEditor import PanelEditor


def collectFacts(
    logic: InteractiveLogic, editor: PanelEditor, missingPackages: tuple[str, ...] = ()
) -> tuple[Facts, LightSegError | None]:
    """The facts, and what is wrong with the chosen volume if something is."""
    problem = volumeProblem(logic)
    title, capabilities = "", None
    with contextlib.suppress(LightSegError):  # the model chooser says what is wrong with the model
        title, capabilities = logic.modelCard.id, logic.modelCard.capabilities
    segment = editor.segment
    return (
        Facts(
            missingPackages=missingPackages,
            volumeProblem=str(problem) if problem is not None else "",
            tool=editor.tool,
            hasSegment=segment is not None,
            hasContent=segment is not None and _status(segment) != _STATUS.NotStarted,
            accepted=segment is not None and _status(segment) == _STATUS.Completed,
            segmentProblem=_hidden(logic.segmentationNode, editor.segmentId) if segment is not None else "",
            busy=logic.busy,
            modelTitle=title,
            capabilities=capabilities,
            textModels=logic.textModels() if capabilities is not None and not capabilities.text else (),
        ),
        problem,
    )


def volumeProblem(logic: InteractiveLogic) -> LightSegError | None:
    """Why the chosen volume cannot be segmented; None if it can."""
    if logic.volumeNode is None:
        return LightSegError(
            _("No image is selected"),
            "",
            _(
                "Load one (File menu, Add Data) or the LightSeg sample (Sample Data module), "
                "and select it above"
            ),
        )
    try:
        logic.requireUsableVolume()
    except LightSegError as error:
        return error
    return None


_STATUS = slicer.vtkSlicerSegmentationsModuleLogic


def _status(segment) -> int:
    return _STATUS.GetSegmentStatus(segment)


def _hidden(segmentation, segmentId: str) -> str:
    """Why a segment that cannot be seen cannot be edited; "" if it can be seen."""
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is None or (display.GetVisibility() and display.GetSegmentVisibility(segmentId)):
        return ""
    return _("The segment is hidden. Show it first: click the eye beside it in the table below.")
