"""Widgets that show MRML nodes: qMRMLWidget and the node selector."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from .observing import Observations


class qMRMLWidget(QWidget):
    """The base of widgets that need a scene."""

    mrmlSceneChanged = Signal(object)
    SIGNATURES = {"mrmlSceneChanged": "mrmlSceneChanged(vtkMRMLScene*)"}

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Use a scene; widgets connected to `mrmlSceneChanged` follow."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(QWidget):
    """A selector of the scene's nodes of some classes."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    SIGNATURES = {
        "currentNodeChanged": "currentNodeChanged(vtkMRMLNode*)",
        "nodeActivated": "nodeActivated(vtkMRMLNode*)",
        "nodeAdded": "nodeAdded(vtkMRMLNode*)",
        "nodeAddedByUser": "nodeAddedByUser(vtkMRMLNode*)",
        "nodeAboutToBeRemoved": "nodeAboutToBeRemoved(vtkMRMLNode*)",
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        box = QComboBox()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box)
        flags = dict.fromkeys(("addEnabled", "removeEnabled", "selectNodeUponCreation"), True)
        flags |= dict.fromkeys(("noneEnabled", "editEnabled", "renameEnabled", "showHidden"), False)
        self._d = SimpleNamespace(
            box=box,
            scene=None,
            types=[],
            hidden=[],
            children=True,
            none="None",
            base={},
            attributes={},
            current=None,
            flags=flags,
            observed=Observations(),
        )
        box.activated.connect(self._onActivated)
        self.setEnabled(False)
        self._d.wantedEnabled = True

    # --- Properties ---------------------------------------------------------------------------------------

    nodeTypes = Property(
        "QStringList", lambda self: list(self._d.types), lambda self, value: self._setNodeTypes(value)
    )
    hideChildNodeTypes = Property(
        "QStringList",
        lambda self: list(self._d.hidden),
        lambda self, value: self._setHideChildNodeTypes(value),
    )
    currentNodeID = Property(
        str, lambda self: self._id(self._d.current), lambda self, value: self.setCurrentNodeID(value)
    )
    noneDisplay = Property(str, lambda self: self._d.none, lambda self, value: self._setNoneDisplay(value))
    showChildNodeTypes = Property(
        bool, lambda self: self._d.children, lambda self, value: self._setShowChildNodeTypes(value)
    )
    baseName = Property(
        str, lambda self: next(iter(self._d.base.values()), ""), lambda self, value: self._setBaseName(value)
    )
    noneEnabled = Property(bool, lambda self: self._d.flags["noneEnabled"], lambda s, v: s._setNoneEnabled(v))
    addEnabled = Property(bool, lambda self: self._d.flags["addEnabled"], lambda s, v: s._setAddEnabled(v))
    removeEnabled = Property(
        bool, lambda self: self._d.flags["removeEnabled"], lambda self, value: self._setRemoveEnabled(value)
    )
    editEnabled = Property(bool, lambda self: self._d.flags["editEnabled"], lambda s, v: s._setEditEnabled(v))
    renameEnabled = Property(
        bool, lambda self: self._d.flags["renameEnabled"], lambda self, value: self._setRenameEnabled(value)
    )
    showHidden = Property(bool, lambda self: self._d.flags["showHidden"], lambda s, v: s._setShowHidden(v))
    selectNodeUponCreation = Property(
        bool,
        lambda self: self._d.flags["selectNodeUponCreation"],
        lambda self, value: self._setSelectNodeUponCreation(value),
    )

    def _setNodeTypes(self, types: list[str]) -> None:
        self._d.types = list(types)
        self._refresh()

    def _setHideChildNodeTypes(self, types: list[str]) -> None:
        self._d.hidden = list(types)
        self._refresh()

    def _setShowChildNodeTypes(self, show: bool) -> None:
        self._d.children = show
        self._refresh()

    def _setNoneDisplay(self, text: str) -> None:
        self._d.none = text
        self._refresh()

    def _setBaseName(self, name: str, nodeType: str = "") -> None:
        self._d.base[nodeType] = name

    def _setNoneEnabled(self, enabled: bool) -> None:
        self._d.flags["noneEnabled"] = enabled
        self._refresh()

    def _setAddEnabled(self, enabled: bool) -> None:
        self._d.flags["addEnabled"] = enabled

    def _setRemoveEnabled(self, enabled: bool) -> None:
        self._d.flags["removeEnabled"] = enabled

    def _setEditEnabled(self, enabled: bool) -> None:
        self._d.flags["editEnabled"] = enabled

    def _setRenameEnabled(self, enabled: bool) -> None:
        self._d.flags["renameEnabled"] = enabled

    def _setShowHidden(self, show: bool) -> None:
        self._d.flags["showHidden"] = show
        self._refresh()

    def _setSelectNodeUponCreation(self, select: bool) -> None:
        self._d.flags["selectNodeUponCreation"] = select

    def addAttribute(self, nodeType: str, name: str, value: Any = None) -> None:
        """Show only nodes of the class with this attribute."""
        self._d.attributes[(nodeType, name)] = value
        self._refresh()

    def removeAttribute(self, nodeType: str, name: str) -> None:
        """Lift what `addAttribute` asked for."""
        self._d.attributes.pop((nodeType, name), None)
        self._refresh()

    def setSizeAdjustPolicy(self, policy: Any) -> None:
        """As QComboBox has it."""
        self._d.box.setSizeAdjustPolicy(policy)

    # --- Nodes --------------------------------------------------------------------------------------------

    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._d.scene

    def setMRMLScene(self, scene: Any) -> None:
        """List the nodes of a scene; without one the selector is disabled."""
        import slicer

        if scene is self._d.scene:
            return
        self._d.observed.clear()
        self._d.scene = scene
        if scene is not None:
            events = slicer.vtkMRMLScene
            for event in (events.NodeAddedEvent, events.NodeRemovedEvent, events.EndCloseEvent):
                self._d.observed.add(scene, event, self._onSceneChanged)
            for event in (events.EndBatchProcessEvent, events.EndImportEvent):
                self._d.observed.add(scene, event, self._onSceneChanged)
        self.setEnabled(scene is not None)
        self._refresh()

    def nodeCount(self) -> int:
        """How many nodes can be chosen."""
        return len(self._nodes())

    def nodeFromIndex(self, index: int) -> Any:
        """The n-th node, or None."""
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def currentNode(self) -> Any:
        """The chosen node, or None."""
        return self._d.current

    def setCurrentNode(self, node: Any) -> None:
        """Choose a node; one that the selector does not list counts as none."""
        self._choose(node if node is not None and any(node is item for item in self._nodes()) else None)

    def setCurrentNodeID(self, identifier: str) -> None:
        """Choose by ID."""
        scene = self._d.scene
        self.setCurrentNode(scene.GetNodeByID(identifier) if scene is not None and identifier else None)

    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose by place in the list."""
        self.setCurrentNode(self.nodeFromIndex(index))

    def addNode(self, nodeType: str = "") -> Any:
        """Add a node of the first class, or of the one given, as the user can."""
        kind = nodeType or (self._d.types[0] if self._d.types else "")
        if self._d.scene is None or kind not in self._d.types:
            return None
        node = self._d.scene.AddNewNodeByClass(kind)
        base = self._d.base.get(kind) or self._d.base.get("")
        if base:
            node.SetName(self._d.scene.GenerateUniqueName(base))
        if self._d.flags["selectNodeUponCreation"]:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        """Take the chosen node out of the scene."""
        if self._d.current is not None:
            self._d.scene.RemoveNode(self._d.current)

    # --- Inside -------------------------------------------------------------------------------------------

    @staticmethod
    def _id(node: Any) -> str:
        return (node.GetID() or "") if node is not None else ""

    def _nodes(self) -> list[Any]:
        scene, found = self._d.scene, []
        if scene is None:
            return found
        for index in range(scene.GetNumberOfNodes()):
            node = scene.GetNthNode(index)
            if self._fits(node):
                found.append(node)
        return found

    def _fits(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self._d.flags["showHidden"]:
            return False
        kinds = [kind for kind in self._d.types if node.IsA(kind)]
        if not self._d.children:
            kinds = [kind for kind in kinds if node.GetClassName() == kind]
        if not kinds or any(node.IsA(kind) for kind in self._d.hidden):
            return False
        for (kind, name), value in self._d.attributes.items():
            if node.IsA(kind):
                actual = node.GetAttribute(name)
                if actual is None or (value is not None and actual != str(value)):
                    return False
        return True

    def _onSceneChanged(self, caller: Any, event: str) -> None:
        if not caller.IsBatchProcessing() or event in ("EndCloseEvent", "EndBatchProcessEvent"):
            self._refresh()

    def _refresh(self) -> None:
        nodes = self._nodes()
        current = self._d.current
        if current is not None and not any(current is node for node in nodes):
            current = None
        if current is None and nodes and not self._d.flags["noneEnabled"]:
            current = nodes[0]
        self._choose(current)

    def _choose(self, node: Any) -> None:
        self._show(node)
        if node is self._d.current:
            return
        self._d.current = node
        self.currentNodeChanged.emit(node)
        self.currentNodeIDChanged.emit(self._id(node))

    def _show(self, current: Any) -> None:
        box, nodes = self._d.box, self._nodes()
        blocked = box.blockSignals(True)
        box.clear()
        for node in [None, *nodes] if self._d.flags["noneEnabled"] else nodes:
            box.addItem(self._d.none if node is None else node.GetName() or "", self._id(node))
        kind = self._d.types[0].removeprefix("vtkMRML").removesuffix("Node") if self._d.types else ""
        box.setPlaceholderText(f"Select a {kind}")
        box.setCurrentIndex(box.findData(self._id(current)) if current is not None or box.count else -1)
        box.blockSignals(blocked)

    def _onActivated(self, index: int) -> None:
        identifier = self._d.box.itemData(index)
        self.setCurrentNodeID(identifier)
        self.nodeActivated.emit(self._d.current)
