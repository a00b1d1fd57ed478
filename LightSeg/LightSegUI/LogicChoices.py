"""What the logic works with: the chosen nodes, model and device, and the place where editing happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import LightSegError, SessionError
from LightSegUI import Devices
from LightSegUI.Background import Background
from LightSegUI.Failures import explain
from LightSegUI.Measurements import Measurement, Measurements
from LightSegUI.ModelChoice import ModelChoice
from LightSegUI.Runner import Runner, WaitingRunner
from LightSegUI.SceneChoice import SceneChoice
from LightSegUI.Scenes import sceneToUse
from LightSegUI.Settings import Settings
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.commands.trial import Trial
    from LightSegLib.models.cards import ModelCard
    from LightSegUI.Background import Ticket
    from LightSegUI.Devices import DeviceChoice
    from LightSegUI.Editing import Editing


class LogicChoices:
    """The part of `InteractiveLogic` that chooses; see there for arguments and signals."""

    def __init__(
        self,
        scene: Any = None,
        runner: Runner | None = None,
        settings: Settings | None = None,
        loadModel: Callable[[str, str], Any] | None = None,
        tryModel: Callable[[str, str], Trial] | None = None,
    ) -> None:
        self._thread = threading.current_thread()
        self._runner: Runner = runner or WaitingRunner()
        self._settings = settings or Settings()
        self._tryModel = tryModel or _tryModel
        self._background = Background(self._runner)
        self._nodes = SceneChoice(sceneToUse(scene))
        self._choice = ModelChoice(self._settings, loadModel)
        self._measurements = Measurements(self._settings)
        self._editing: Editing | None = None
        self.failed = self._background.failed
        self.busyChanged = self._background.busyChanged
        self.progressed = self._background.progressed
        self.measured = Signal("measured")
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
        from LightSegLib import mrml

        node = self._nodes.requireVolume()
        problem = mrml.why_not_usable(node)
        if problem is not None:
            raise problem
        return node

    @property
    def editing(self) -> Editing | None:
        """Where editing happens, None for a history and masking settings of the logic's own."""
        return self._editing

    def setEditing(self, editing: Editing | None) -> None:
        """Say which Segment Editor is in use: it owns undo, its masking settings hold, its segment is
        selected. None: the logic keeps all that itself, as in a script.
        """
        if editing != self._editing:
            self._editing = editing
            self._nodes.setEditor(editing.editorNode if editing is not None else None)
            self.stateChanged.emit()

    # --- Model and device ---------------------------------------------------------------------------------

    @property
    def modelName(self) -> str:
        """Id of the chosen model, or its folder."""
        return self._choice.name

    @property
    def modelCard(self) -> ModelCard:
        """What the chosen model is, takes and may be used for; it need not be loaded for that."""
        return self._choice.card

    @property
    def modelLoaded(self) -> bool:
        """Whether the chosen model would answer without being loaded first."""
        return self._choice.model.loaded

    @property
    def device(self) -> str:
        """The chosen device: "auto", "cpu", "cuda:0" and so on."""
        return self._choice.device

    @property
    def deviceInUse(self) -> str | None:
        """Where the loaded model computes, None before it is loaded."""
        model = self._choice.model
        return model.device if model.loaded else None

    def setModel(self, idOrFolder: str | None = None) -> None:
        """Choose a model: a bundled one by its id, or any by its folder; None for the default one.

        Segments stay as they are, and the new model goes on from them.

        Raises:
            ModelError: there is no such model.
        """
        self._choice.setModel(idOrFolder)
        self.stateChanged.emit()

    def setDevice(self, name: str = "auto") -> None:
        """Choose where the model computes: "auto", "cpu", "cuda", "cuda:1", "mps".

        Raises:
            DeviceError: no device is called so, or it is known not to be there. Otherwise a missing device
                shows when the model is loaded.
        """
        self._choice.setDevice(name)
        self.stateChanged.emit()

    def models(self) -> list[ModelCard]:
        """Cards of the models to choose from, the default one first. Imports no torch."""
        return self._choice.models()

    def devices(self) -> list[DeviceChoice]:
        """Devices to choose from, at once: what was found so far. See `lookForDevices`."""
        return self._choice.devices()

    def lookForDevices(self, wait: bool | None = None) -> Any:
        """Find out in the background which GPUs there are, which imports torch; `stateChanged` tells of it."""

        def done(found: dict[str, str]) -> None:
            self._choice.rememberDevices(found)
            self.stateChanged.emit()

        def start(waits: bool) -> Ticket:
            return self._background.submit(lambda context: Devices.lookForDevices(), done, waits)

        return self._perform(start, wait)

    def measurement(self, model: str | None = None, device: str | None = None) -> Measurement | None:
        """Seconds and memory measured earlier on this computer, None if they were not.

        Args:
            model: id or folder, None for the chosen one.
            device: None for the chosen one.
        """
        from LightSegLib.models.registry import find_model

        card = self.modelCard if model is None else find_model(model)[1]
        return self._measurements.find(card, device or self.device)

    def measure(self, model: str | None = None, device: str | None = None, wait: bool | None = None) -> Any:
        """Try a model on this computer with some clicks on an artificial image; takes some seconds.

        Args:
            model: id or folder, None for the chosen one.
            device: None for the chosen one.
            wait: as in `InteractiveLogic`; `measured` is emitted in any case.

        Returns:
            The `Measurement`, or the job if not waited for.

        Raises:
            ModelError: there is no such model.
            LightSegError: it does not run here; says why.
        """
        from LightSegLib.models.registry import find_model

        name, where = model or self.modelName, device or self.device

        def start(waits: bool) -> Ticket:
            card = find_model(name)[1]
            text = _("Measuring {model} on this computer").format(model=card.id)
            failure = _("The model {model} does not run here").format(model=card.id)

            def work(context: Any) -> Trial:
                context.report(0.0, text)
                trial = self._tryModel(name, where)
                if trial.error is not None:
                    raise LightSegError(failure, trial.error)
                return trial

            def done(trial: Trial) -> None:
                self.measured.emit(self._measurements.keep(card, where, trial))

            return self._background.submit(work, done, waits)

        ended = self._perform(start, wait)
        return self.measurement(name, where) if self._isWaiting(wait) else ended

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
            if waits:
                raise known from (None if known is error else error)
            self.failed.emit(known)
            return None
        if ticket is None:
            return None
        return self._background.wait(ticket) if waits else ticket.job


def _tryModel(name: str, device: str) -> Trial:
    from LightSegLib.commands.trial import try_model

    return try_model(name, device)
