"""A model that is chosen now and loaded by the worker thread when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import Cancelled
from LightSegUI.Failures import explain
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    import numpy as np

    from LightSegLib.errors import LightSegError
    from LightSegLib.models.base import Capabilities, Prediction
    from LightSegLib.models.cards import ModelCard


class LazyModel:
    """Stands for a model from the moment it is chosen: the card says at once what it takes.

    `load` and what segments belong to the worker's thread; the rest is for any thread. It is an
    `LightSegLib.models.base.InteractiveModel`, or a `LightSegLib.models.slices.SliceModel` if the card says
    so.

    Args:
        card: what the model is.
        idOrFolder: what to load.
        wantedDevice: "auto", "cpu" and so on.
        loadModel: called with both, returns the loaded model.
    """

    def __init__(
        self, card: ModelCard, idOrFolder: str, wantedDevice: str, loadModel: Callable[[str, str], Any]
    ) -> None:
        self._card = card
        self._wanted = (idOrFolder, wantedDevice)
        self._loadModel = loadModel
        self._model: Any = None
        self._error: LightSegError | None = None
        self._lock = threading.Lock()
        # Translated here, because the worker's thread must not call Qt.
        self._loading = _("Loading the model {name}").format(name=card.id)
        self._measuring = _("Finding the fastest way to run the model {name}").format(name=card.id)

    @property
    def loaded(self) -> bool:
        """Whether it can answer at once."""
        return self._model is not None

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._card

    @property
    def capabilities(self) -> Capabilities:
        """Prompts and images it understands."""
        capabilities: Capabilities = (self._model or self._card).capabilities
        return capabilities

    @property
    def device(self) -> str:
        """Where it runs; before it is loaded, where it is wanted to run."""
        return str(self._model.device) if self.loaded else self._wanted[1]

    def load(self, report: Callable[[float, str], None] | None = None) -> None:
        """Load it and measure the fastest way to run it; nothing if that was done.

        Args:
            report: told how far it is; may raise `Cancelled` to stop.

        Raises:
            LightSegError: it cannot be loaded; `predict` raises the same from then on, until `load` succeeds.
        """
        with self._lock:
            if self._model is not None:
                return
            self._error = None
            tell = report or (lambda fraction, text: None)
            tell(0.0, self._loading)
            try:
                model = self._loadModel(*self._wanted)
                tell(0.5, self._measuring)
                warmUp = getattr(model, "warm_up", None)
                if warmUp is not None:
                    warmUp()
            except Cancelled:
                raise
            except Exception as error:
                self._error = explain(error)
                raise self._error from error
            self._model = model
            tell(1.0, "")

    @property
    def patch_kji(self) -> tuple[int, int, int]:
        """Samples of a region, array order."""
        patch: tuple[int, int, int] = self._ready().patch_kji
        return patch

    def predict(self, image: np.ndarray, guidance: np.ndarray, text: np.ndarray | None = None) -> Prediction:
        """Segment one region; see `InteractiveModel.predict`."""
        told = () if text is None else (text,)
        prediction: Prediction = self._ready().predict(image, guidance, *told)
        return prediction

    @property
    def size(self) -> int:
        """Pixels along the edge of the square that a model of slices sees."""
        size: int = self._ready().size
        return size

    def encode(self, image: np.ndarray) -> Any:
        """Look at a slice; see `SliceModel.encode`."""
        return self._ready().encode(image)

    def decode(self, *prompts: Any) -> tuple[np.ndarray, float]:
        """Segment a slice; see `SliceModel.decode`."""
        answer: tuple[np.ndarray, float] = self._ready().decode(*prompts)
        return answer

    def _ready(self) -> Any:
        """The loaded model; loading is tried once, not again for every region."""
        if self._error is not None:
            raise self._error
        if self._model is None:
            self.load()
        return self._model
