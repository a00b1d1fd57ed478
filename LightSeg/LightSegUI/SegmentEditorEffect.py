"""The Segment Editor effect "LightSeg": click in a slice view, and the structure there becomes the segment.

Slicer makes one object of this class for the registered effect and one for each editor. It finds the class by
the name of this file.
"""

from __future__ import annotations

from typing import Any

import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

from LightSegUI.EffectController import EffectController
from LightSegUI.EffectRegistration import EFFECT_NAME, TOOL_PARAMETER, newEffect
from LightSegUI.Icons import iconPath
from LightSegUI.Shortcuts import INSIDE


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """What Slicer calls; the work is done by the `EffectController`.

    Slicer binds these methods when the object is made, so replacing one later has no effect.
    """

    def __init__(self, scriptedEffect: Any) -> None:
        scriptedEffect.name = EFFECT_NAME
        scriptedEffect.title = _("LightSeg")
        scriptedEffect.perSegment = True
        # One click is to be enough: in an empty segmentation it makes the segment too.
        scriptedEffect.requireSegments = False
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.controller: EffectController | None = None  # the registered effect never gets one

    def clone(self) -> Any:
        """Another one, for another editor."""
        return newEffect()

    def icon(self) -> Any:
        """For the effect's button."""
        path = iconPath("effect")
        return qt.QIcon(str(path)) if path is not None else qt.QIcon()

    def helpText(self) -> str:
        """For the editor's help box; the first line is shown always."""
        return "<html>" + _("""Click on a structure in a slice view, and LightSeg segments it in 3D.<br>
<p><ul style="margin: 0">
<li><b>Left-click:</b> this is inside (tool Inside) or outside (tool Outside) the structure.
<li><b>Ctrl + left-click</b> (on a Mac Command): this is outside.
<li><b>Left-button drag</b> with the tool Box: a box around the structure. It is as deep as the shorter side
of the rectangle, half in front of the slice and half behind it, and ends where the image ends.
<li><b>Left-button drag</b> with the tool Scribble: all along this line is inside; with Ctrl, outside.
<li><b>Right-click</b> while dragging: give up the box or line.
</ul><p>
All masking settings below hold, and Undo and Redo take one prompt at a time.""")

    def setupOptionsFrame(self) -> None:
        """Make the widgets, once, when an editor takes the effect in."""
        self.controller = EffectController(self.scriptedEffect)
        self.scriptedEffect.addOptionsWidget(self.controller.options.widget)

    def setMRMLDefaults(self) -> None:
        """Give parameters a value, or Slicer prints an error whenever one is read."""
        self.scriptedEffect.setParameterDefault(TOOL_PARAMETER, INSIDE)

    def activate(self) -> None:
        """The effect was chosen."""
        self.controller.activate()

    def deactivate(self) -> None:
        """Another effect was chosen, or none."""
        if self.controller is not None:
            self.controller.deactivate()

    def cleanup(self) -> None:
        """The editor is about to be destroyed; also called for the registered effect."""
        if self.controller is not None:
            self.controller.cleanup()
            self.controller = None

    def createCursor(self, viewWidget: Any) -> Any:
        """The mouse pointer over the slice views."""
        return self.controller.cursor()

    def processInteractionEvents(self, callerInteractor: Any, eventId: int, viewWidget: Any) -> bool:
        """Take an event of a view; True keeps it from everybody else."""
        return self.controller.processEvent(callerInteractor, eventId, viewWidget)

    def processViewNodeEvents(self, callerViewNode: Any, eventId: int, viewWidget: Any) -> None:
        """A view was scrolled, zoomed, panned or turned."""
        self.controller.viewMoved(viewWidget)

    def layoutChanged(self) -> None:
        """There may be other slice views now."""
        if self.controller is not None:
            self.controller.layoutChanged()

    def sourceVolumeNodeChanged(self) -> None:
        """Another image is segmented from now on."""
        if self.controller is not None:
            self.controller.volumeChanged()

    def updateGUIFromMRML(self) -> None:
        """A parameter of the effect, or what is selected, has changed."""
        if self.controller is not None:
            self.controller.showState()

    def updateMRMLFromGUI(self) -> None:
        """Nothing to do: each widget writes its parameter when it is used."""
