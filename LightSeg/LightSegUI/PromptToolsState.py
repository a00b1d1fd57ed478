"""What the prompt tools show: which tool is on, and why what is off is off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from LightSegUI.Shortcuts import BOX, CANCEL, INSIDE, OUTSIDE, SCRIBBLE, SUGGEST, TEXT

TOOLS = (INSIDE, OUTSIDE, BOX, SCRIBBLE)
"""The tools that the mouse uses in a slice view."""

CONTROLS = (*TOOLS, TEXT, SUGGEST, CANCEL)
"""Everything that `PromptTools` can enable or disable."""


@dataclass(frozen=True)
class PromptToolsState:
    """A state of the prompt tools.

    Attributes:
        tool: the tool that is on, "" if none.
        reasons: for each control (names as in `CONTROLS`) that is disabled, why, for the user; what is not
            named is enabled.
    """

    tool: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)

    def isEnabled(self, control: str) -> bool:
        """Whether a control can be used."""
        return control not in self.reasons
