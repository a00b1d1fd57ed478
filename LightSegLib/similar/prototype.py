"""What an object looks like to a network, as one direction among its features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_FLOOR = 1e-6


class Prototype:
    """Mean features inside an object, as they differ from those of the image around it.

    Features are first centred and scaled, channel by channel, over the windows given: what all places have in
    common tells nothing apart. Likeness is then the cosine of the angle between a cell's features and the
    object's mean.

    Args:
        features: float32 (F, K, J, I) each, of windows over image and object.
        inside: float32 (K, J, I) each, how much of every cell lies in the object, 0 to 1; not 0 everywhere.
    """

    def __init__(self, features: Sequence[np.ndarray], inside: Sequence[np.ndarray]) -> None:
        flat = [part.reshape(len(part), -1) for part in features]
        count = sum(part.shape[1] for part in flat)
        mean = sum(part.sum(axis=1, dtype=np.float64) for part in flat) / count
        square = sum((part.astype(np.float64) ** 2).sum(axis=1) for part in flat) / count
        self.mean = np.asarray(mean, np.float32)
        self.deviation = np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32) + np.float32(_FLOOR)
        total = sum(float(part.sum()) for part in inside)
        object_mean = (
            sum(part @ weight.reshape(-1) for part, weight in zip(flat, inside, strict=True)) / total
        )
        direction = (object_mean - self.mean) / self.deviation
        self.direction = direction / max(float(np.linalg.norm(direction)), _FLOOR)

    def likeness(self, features: np.ndarray) -> np.ndarray:
        """How much each cell looks like the object: float32 (K, J, I), -1 to 1, of features (F, K, J, I)."""
        flat = features.reshape(len(features), -1)
        scaled = (flat - self.mean[:, None]) / self.deviation[:, None]
        length = np.maximum(np.sqrt(np.einsum("fc,fc->c", scaled, scaled)), _FLOOR)
        alike: np.ndarray = (self.direction @ scaled / length).reshape(features.shape[1:])
        return alike.astype(np.float32)
