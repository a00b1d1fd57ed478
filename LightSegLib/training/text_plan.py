"""How often an interaction begins with a text, and what it then shows: the recipe's entry `text`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class TextPlan:
    """Settings of training with text. They count for real samples of structures that have a name.

    Attributes:
        alone: probability that an interaction begins with a text alone.
        with_prompt: that it begins with a text and a first prompt, mostly a click; the rest begin as they do
            without text.
        wrong: share of the texts alone that name something which is not there.
        whole: share of the texts alone that are asked of the whole field of view, as a session asks first;
            the others, and texts with a prompt, of a region around the object.
        noise: expected length of the noise on a name's embedding, whose own length is 1.
    """

    alone: float = 0.4
    with_prompt: float = 0.3
    wrong: float = 0.2
    whole: float = 0.5
    noise: float = 0.1

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> TextPlan | None:
        """The plan of a recipe's entry `text`; None if that is empty.

        Raises:
            ValueError, TypeError, AttributeError: an entry is unknown, no number, or out of range.
        """
        if not entries:
            return None
        known = [item.name for item in fields(cls)]
        unknown = sorted(set(entries) - set(known))
        if unknown:
            raise ValueError(f"text has unknown entries {', '.join(unknown)}; known are {', '.join(known)}")
        for name, value in entries.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{name} of text must be a number, not {value!r}")
            if not 0 <= value <= 1:
                raise ValueError(f"{name} of text must lie between 0 and 1, unlike {value!r}")
        plan = cls(**entries)
        if plan.alone + plan.with_prompt > 1:
            raise ValueError("alone and with_prompt of text are probabilities, yet they sum to more than 1")
        return plan
