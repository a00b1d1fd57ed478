"""Shows a position to the user: the slice views jump there, and a crosshair stands on it for a while."""

from __future__ import annotations

from collections.abc import Sequence

import slicer


class SuggestionMark:
    """The place where a click would help, in all slice views."""

    def __init__(self) -> None:
        self._modeBefore: int | None = None

    @property
    def shown(self) -> bool:
        """Whether the crosshair stands there on our account."""
        return self._modeBefore is not None

    def show(self, ras: Sequence[float]) -> None:
        """Jump to a position, world RAS in mm, and mark it."""
        r, a, s = (float(value) for value in ras)
        slicer.vtkMRMLSliceNode.JumpAllSlices(
            slicer.mrmlScene, r, a, s, slicer.vtkMRMLSliceNode.CenteredJumpSlice
        )
        crosshair = _crosshair()
        if crosshair is None:
            return
        if self._modeBefore is None:
            self._modeBefore = crosshair.GetCrosshairMode()
        crosshair.SetCrosshairRAS((r, a, s))
        crosshair.SetCrosshairMode(slicer.vtkMRMLCrosshairNode.ShowSmallBasic)

    def clear(self) -> None:
        """Put the crosshair back as it was."""
        crosshair = _crosshair()
        if self._modeBefore is not None and crosshair is not None:
            crosshair.SetCrosshairMode(self._modeBefore)
        self._modeBefore = None


def _crosshair():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
