"""The hook through which something outside a network, such as a text, changes its encoder's features."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Modulate = Callable[[int, Tensor], Tensor]
"""From (encoder stage, from 0, and its features (N, C, D, H, W)) to new features of the same shape."""
