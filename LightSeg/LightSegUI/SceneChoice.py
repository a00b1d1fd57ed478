"""Which volume, which segmentation, which segment: the chosen nodes, as long as they are in the scene."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import slicer
import vtk

from LightSegLib.errors import SessionError, VolumeError
from LightSegUI.Scenes import asNode
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _


class SceneChoice:
    """The chosen nodes. What is removed from the scene is chosen no longer.

    Attributes:
        changed: () another volume, segmentation or segment, also because one was removed.

    Args:
        scene: vtkMRMLScene.
    """

    def __init__(self, scene: Any) -> None:
        self.changed = Signal("changed")
        self.scene = scene
        self._volume: Any = None
        self._segmentation: Any = None
        self._removed: dict[str, str] = {}
        self._ownEditor: Any = None
        self._givenEditor: Any = None
        # Observed weakly: a scene outlives what looks at it.
        self._tag = scene.AddObserver(
            slicer.vtkMRMLScene.NodeRemovedEvent, _withNode(weakref.WeakMethod(self._onRemoved))
        )

    def close(self) -> None:
        """Look at the scene no more."""
        self.scene.RemoveObserver(self._tag)
        if self._ownEditor is not None:
            self.scene.RemoveNode(self._ownEditor)
        self._volume = self._segmentation = self._ownEditor = self._givenEditor = None

    # --- Volume and segmentation --------------------------------------------------------------------------

    @property
    def volume(self) -> Any:
        """The volume node; None if none is chosen."""
        return self._volume

    @property
    def segmentation(self) -> Any:
        """The segmentation node; None if none is chosen."""
        return self._segmentation

    def setVolume(self, nodeOrId: Any) -> None:
        """Choose a volume, or none. Whether it can be used shows when it is needed.

        Raises:
            SessionError: no such node.
        """
        self._set("_volume", asNode(self.scene, nodeOrId, _("volume")))

    def setSegmentation(self, nodeOrId: Any) -> None:
        """Choose a segmentation, or none.

        Raises:
            SessionError: no such node, or it is no segmentation.
        """
        node = asNode(self.scene, nodeOrId, _("segmentation"))
        if node is not None and not node.IsA("vtkMRMLSegmentationNode"):
            raise SessionError(
                _("{name} is not a segmentation").format(name=node.GetName()),
                _("It is a {kind}").format(kind=node.GetNodeTagName()),
                _("Choose a segmentation, or import it into one (Segmentations module, Import/Export)"),
            )
        self._set("_segmentation", node)

    def makeSegmentation(self, name: str | None = None) -> Any:
        """Make a segmentation with the volume's geometry and choose it; returns the node."""
        volume = self.requireVolume()
        title = name or _("{volume} segmentation").format(volume=volume.GetName())
        node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", title)
        node.CreateDefaultDisplayNodes()
        transform = volume.GetTransformNodeID()
        if transform:  # so that the segments lie on the volume, wherever it is moved
            node.SetAndObserveTransformNodeID(transform)
        # After the transform, because the geometry is taken as seen from the segmentation.
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        self._set("_segmentation", node)
        return node

    def requireVolume(self) -> Any:
        """The volume node.

        Raises:
            VolumeError: none is chosen, or it was removed.
        """
        if self._volume is not None:
            return self._volume
        raise VolumeError(
            self._whyNone("_volume", _("No volume is chosen"), _("The volume {name} was removed")),
            _("LightSeg needs an image to work on"),
            _("Choose a volume, or load one first (File menu, Add Data)"),
        )

    def requireSegmentation(self) -> Any:
        """The segmentation node; one is made if none was ever chosen.

        Raises:
            SessionError: it was removed from the scene: somebody did that, so none is made in its place.
            VolumeError: there is no volume whose geometry it could have.
        """
        if self._segmentation is not None:
            return self._segmentation
        if "_segmentation" in self._removed:
            raise SessionError(
                self._whyNone("_segmentation", "", _("The segmentation {name} was removed")),
                "",
                _("Choose another segmentation, or make a new one"),
            )
        return self.makeSegmentation()

    # --- Editor node and segment --------------------------------------------------------------------------

    @property
    def editor(self) -> Any:
        """vtkMRMLSegmentEditorNode in force: the one that was set, else LightSeg's own."""
        if self._givenEditor is not None:
            return self._givenEditor
        if self._ownEditor is None:
            node = slicer.vtkMRMLSegmentEditorNode()  # no singleton: every logic has its own selection
            node.SetName("LightSeg")
            node.HideFromEditorsOn()
            node.SaveWithSceneOff()
            self._ownEditor = self.scene.AddNode(node)
            self._pointEditor()
        return self._ownEditor

    def _pointEditor(self) -> None:
        """Let LightSeg's own editor node follow the choice; another one is its owner's business."""
        if self._ownEditor is not None:
            self._ownEditor.SetAndObserveSegmentationNode(self._segmentation)
            self._ownEditor.SetAndObserveSourceVolumeNode(self._scalarVolume())

    def _scalarVolume(self) -> Any:
        volume = self._volume
        return volume if volume is not None and volume.IsA("vtkMRMLScalarVolumeNode") else None

    def setEditor(self, node: Any) -> None:
        """Take masking and selected segment from this node; None: from LightSeg's own."""
        self._givenEditor = node

    @property
    def selectedSegment(self) -> str | None:
        """ID of the selected segment of the chosen segmentation; None if none is."""
        selected = self.editor.GetSelectedSegmentID()
        return selected if selected in self.segmentIds() else None

    def segmentIds(self) -> list[str]:
        """IDs of the chosen segmentation's segments, in order."""
        if self._segmentation is None:
            return []
        return list(self._segmentation.GetSegmentation().GetSegmentIDs())

    def selectSegment(self, segmentId: str) -> None:
        """Select a segment, as a click on it in the Segment Editor's list does."""
        if self.editor.GetSelectedSegmentID() != segmentId:
            self.editor.SetSelectedSegmentID(segmentId)
            self.changed.emit()

    def findSegment(self, wanted: Any = None) -> str | None:
        """The ID of the segment that is meant.

        Args:
            wanted: an ID; a name that only one segment has; a list of one of these; None for the selected
                segment, or the only one there is.

        Returns:
            None if nothing was asked for and there is no segment yet.

        Raises:
            SessionError: several segments, none of them, or an unknown one.
        """
        ids = self.segmentIds()
        if isinstance(wanted, (list, tuple)):
            if len(wanted) > 1:
                raise SessionError(
                    _("{count} segments are selected").format(count=len(wanted)),
                    _("LightSeg works on one segment at a time"),
                    _("Select a single segment in the list"),
                )
            wanted = wanted[0] if wanted else None
        if wanted is None:
            found = self.selectedSegment or (ids[0] if len(ids) == 1 else None)
            if found is None and ids:
                raise SessionError(
                    _("No segment is selected"),
                    _("The segmentation has {count} of them").format(count=len(ids)),
                    _("Select the segment to work on, or add a new one"),
                )
            return found
        if wanted in ids:
            return str(wanted)
        named = [one for one in ids if self._segment(one).GetName() == wanted]
        if len(named) == 1:
            return named[0]
        raise SessionError(
            _("There are {count} segments called {name}").format(count=len(named), name=wanted)
            if named
            else _("There is no segment {name}").format(name=wanted),
            _("The chosen segmentation has {names}").format(names=self._names(ids) or _("none")),
            _("Choose one of its segments by its ID, or add a new one"),
        )

    # --- Own business -------------------------------------------------------------------------------------

    def _names(self, ids: list[str]) -> str:
        return ", ".join(f"{self._segment(one).GetName()} ({one})" for one in ids)

    def _segment(self, segmentId: str) -> Any:
        return self._segmentation.GetSegmentation().GetSegment(segmentId)

    def _set(self, slot: str, node: Any) -> None:
        self._removed.pop(slot, None)
        if getattr(self, slot) is not node:
            setattr(self, slot, node)
            self._pointEditor()
            self.changed.emit()

    def _whyNone(self, slot: str, never: str, removed: str) -> str:
        name = self._removed.get(slot)
        return never if name is None else removed.format(name=name)

    def _onRemoved(self, node: Any) -> None:
        """Forget a node that left the scene; a deleted node is never touched again."""
        if node is self._ownEditor:
            self._ownEditor = None
        if node is self._givenEditor:
            self._givenEditor = None
        for slot in ("_volume", "_segmentation"):
            if getattr(self, slot) is node:
                setattr(self, slot, None)
                if not self.scene.IsClosing():
                    self._removed[slot] = node.GetName()
                self._pointEditor()
                self.changed.emit()


def _withNode(weak: weakref.WeakMethod[Callable[[Any], None]]) -> Callable[..., None]:
    """An observer that hands on the node of the event, as long as somebody is there to take it."""

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def observer(caller: Any, event: str, node: Any) -> None:
        method = weak()
        if method is not None:
            method(node)

    return observer
