"""What slice-wise segmentation asks of a 2D model, which looks once at a slice and answers many prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from LightSegLib.models.base import Capabilities
    from LightSegLib.models.cards import ModelCard


class SliceModel(Protocol):
    """A promptable 2D model with late fusion: the slice is encoded without prompts, which join in decoding.

    Pixels are (x, y), x along the columns; a whole number is a pixel's centre.
    """

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Prompts and images it understands; `dimensions` is 2."""
        ...

    @property
    def device(self) -> str:
        """Where it runs."""
        ...

    @property
    def size(self) -> int:
        """Pixels along the edge of the square it sees."""
        ...

    @property
    def needs_points(self) -> bool:
        """Whether a slice without prompts is asked about with points inside its neighbour's mask and a box
        around it, as SAM has to be; else the mask alone is shown, and all points and boxes are the user's.
        """
        ...

    def encode(self, image: np.ndarray) -> Any:
        """Look at a slice.

        Args:
            image: float32 (C, size, size), -1 to 1; -1 beyond the image.

        Returns:
            An embedding for `decode`: an array or tensor, or a list, tuple or dictionary of them, so that its
            size in memory is known. `decode` leaves it as it is.
        """
        ...

    def decode(
        self,
        embedding: Any,
        points: np.ndarray,
        labels: np.ndarray,
        box: np.ndarray | None,
        previous: np.ndarray | None,
    ) -> tuple[np.ndarray, float]:
        """Segment the slice of an embedding.

        Args:
            embedding: what `encode` returned.
            points: float32 (N, 2), pixels; N may be 0.
            labels: int64 (N,), 1 for points inside the structure, 0 outside.
            box: float32 (4,), x and y of one corner, x and y of the opposite one, in pixels; None for no box.
            previous: float32 (H, W), logits of an earlier answer or of a mask, spread evenly over the
                square, of any resolution; None to start afresh.

        Returns:
            float32 (H, W) logits, positive inside, spread evenly over the square, of any resolution; and the
            Dice coefficient that the model expects of them, 0 to 1.
        """
        ...
