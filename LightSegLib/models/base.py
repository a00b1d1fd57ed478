"""What the session asks of a model, whatever network stands behind it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from LightSegLib.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

    from LightSegLib.models.cards import ModelCard


@dataclass(frozen=True)
class Capabilities:
    """Prompts and images a model understands.

    Attributes:
        points: positive and negative clicks.
        boxes: 3D boxes.
        scribbles: free-hand lines.
        mask: an initial mask to continue from.
        text: the name of a structure.
        channels: image channels the model takes; the last ones may be missing.
        channel_names: what each channel shows, in order; may be empty for models of one.
        unsigned_channels: numbers, from 0, of channels that hold no negative values, as PET does.
        dimensions: 3 for volumes, 2 for slice-wise models.
        structures: ids of the vocabulary's structures that the model was taught by name.
    """

    points: bool
    boxes: bool
    scribbles: bool
    mask: bool
    text: bool
    channels: int = 1
    dimensions: int = 3
    channel_names: list[str] = field(default_factory=list)
    unsigned_channels: list[int] = field(default_factory=list)
    structures: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The capabilities as the model card stores them."""
        return asdict(self)

    def describe(self) -> str:
        """Name the prompts the model takes, for error messages: "points, boxes and scribbles"."""
        names = [name for name in ("points", "boxes", "scribbles", "mask", "text") if getattr(self, name)]
        if len(names) < 2:
            return names[0] if names else "nothing"
        return ", ".join(names[:-1]) + " and " + names[-1]


@dataclass(frozen=True)
class Prediction:
    """Answer of a model for one region.

    Attributes:
        logits: float32 (K, J, I) of the region; positive values are inside.
        confidence: the Dice coefficient the model expects of its own answer, 0 to 1.
    """

    logits: np.ndarray
    confidence: float


def no_finite_answer(model_id: str, where: str) -> ModelError:
    """The error of an answer with NaN or infinity, by the model's id and where, and how, it ran."""
    return ModelError(
        f"The model {model_id} gave no finite answer",
        f"it ran on {where}",
        "Report this with the output of `lightseg doctor`; device='cpu' may help",
    )


class InteractiveModel(Protocol):
    """A promptable model: one region with its guidance in, logits and an expected Dice out."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Prompts and images it understands."""
        ...

    @property
    def patch_kji(self) -> tuple[int, int, int]:
        """Samples of a region, array order."""
        ...

    @property
    def device(self) -> str:
        """Where it runs."""
        ...

    def predict(self, image: np.ndarray, guidance: np.ndarray, text: np.ndarray | None = None) -> Prediction:
        """Segment one region.

        Args:
            image: float32 (C, K, J, I), normalised to [-1, 1].
            guidance: float32 (G, K, J, I), the channels of `models.guidance`.
            text: float32 (width,), vector of the structure's name; None without one. Only models that take
                text are ever given one.
        """
        ...


@runtime_checkable
class KeepsRegions(Protocol):
    """A model that keeps what it made of the regions it saw last, to answer further prompts there faster."""

    def forget(self) -> None:
        """Drop what is kept; called when the image goes. Later regions are merely looked at anew."""
        ...


@runtime_checkable
class DescribesRegions(Protocol):
    """A model that tells what it sees in a region before anybody has said what is meant there."""

    @property
    def feature_stride(self) -> int:
        """Samples of a region per cell of its features, along every axis; 0 if it has none after all."""
        ...

    def features(self, image: np.ndarray) -> np.ndarray:
        """Describe one region.

        Args:
            image: float32 (C, K, J, I) of the model's patch, normalised to [-1, 1].

        Returns:
            float32 (F, K / s, J / s, I / s) with s = `feature_stride`: F numbers for each cell.
        """
        ...
