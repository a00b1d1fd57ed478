"""What the logic works with: nodes, worker thread, settings, and the Segment Editor in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib import mrml
from LightSegLib.errors import SessionError
from LightSegUI.Background import Background
from LightSegUI.Failures import explain
from LightSegUI.Runner import Runner, WaitingRunner
from LightSegUI.SceneChoice import SceneChoice
from LightSegUI.Scenes import sceneToUse
from LightSegUI.Settings import Settings
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegUI.Background import Ticket
    from LightSegUI.Editing import Editing


class LogicBase:
    """The part of `InteractiveLogic` that chooses nodes and hands out work; see there for the whole."""

    def __init__(
        self,
        scene: Any = None,
        runner: Runner | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._thread = threading.current_thread()
        self._runner: Runner = runner or WaitingRunner()
        self._settings = settings or Settings()
        self._background = Background(self._runner)
        self._nodes = SceneChoice(sceneToUse(scene))
        self._editing: Editing | None = None
        self.failed = self._background.failed
        self.busyChanged = self._background.busyChanged
        self.progressed = self._background.progressed
        self.stateChanged = Signal("stateChanged")
        self._nodes.changed.connect(self.stateChanged.emit)

    # --- Nodes --------------------------------------------------------------------------------------------

    @property
    def scene(self) -> Any:
        """vtkMRMLScene the logic works in."""
        return self._nodes.scene

    @property
    def settings(self) -> Settings:
        """The user's preferences."""
        return self._settings

    @property
    def volumeNode(self) -> Any:
        """The chosen volume; None if there is none, or it was removed from the scene."""
        return self._nodes.volume

    @property
    def segmentationNode(self) -> Any:
        """The chosen segmentation; None if there is none, or it was removed from the scene."""
        return self._nodes.segmentation

    @property
    def selectedSegmentId(self) -> str | None:
        """The segment that prompts go to if none is named; None if none is selected."""
        return self._nodes.selectedSegment

    def setVolumeNode(self, nodeOrId: Any) -> None:
        """Choose the image, None for none. Any node is taken: `whyNotReady` and the next prompt say why one
        cannot be used.

        Raises:
            SessionError: there is no such node.
        """
        self._nodes.setVolume(nodeOrId)

    def setSegmentationNode(self, nodeOrId: Any = None) -> None:
        """Choose where the segments go. With None the next prompt makes a segmentation with the volume's
        geometry; `makeSegmentationNode` makes one at once.

        Raises:
            SessionError: there is no such node, or it is no segmentation.
        """
        self._nodes.setSegmentation(nodeOrId)

    def makeSegmentationNode(self, name: str | None = None) -> Any:
        """Add a segmentation with the chosen volume's geometry to the scene and choose it.

        Args:
            name: of the node; None to call it after the volume.

        Raises:
            VolumeError: no volume is chosen, or it cannot be used.
        """
        self.requireUsableVolume()
        return self._nodes.makeSegmentation(name)

    def selectSegment(self, segmentId: str) -> None:
        """Select a segment, by its ID or its name.

        Raises:
            SessionError: there is no such segment, or several of this name.
        """
        found = self._nodes.findSegment(segmentId)
        if found is not None:
            self._nodes.selectSegment(found)

    def requireUsableVolume(self) -> Any:
        """The chosen volume node.

        Raises:
            VolumeError, GeometryError: none is chosen, or it cannot be segmented; says why and what to do.
        """
        node = self._nodes.requireVolume()
        problem = mrml.why_not_usable(node)
        if problem is not None:
            raise problem
        return node

    @property
    def editing(self) -> Editing | None:
        """Where editing happens, None for a history and masking settings of the logic's own."""
        return self._editing

    # --- Doing and failing --------------------------------------------------------------------------------

    def _isWaiting(self, wait: bool | None) -> bool:
        return self._runner.waits if wait is None else wait

    def _perform(self, start: Callable[[bool], Ticket | None], wait: bool | None) -> Any:
        """Start work; wait for it, or see that its failure is told.

        Args:
            start: told whether it is waited for; returns None if there is nothing to wait for.
            wait: what the caller of the logic said.
        """
        waits = self._isWaiting(wait)
        try:
            if threading.current_thread() is not self._thread:
                raise SessionError(
                    _("LightSeg was called from another thread"),
                    _("Nodes may be touched on the main thread only"),
                    _("Call it from the thread that made it"),
                )
            ticket = start(waits)
        except Exception as error:
            known = explain(error)
            if not waits:
                self.failed.emit(known)
                return None
            if known is error:
                raise
            raise known from error
        if ticket is None:
            return None
        return self._background.wait(ticket) if waits else ticket.job
