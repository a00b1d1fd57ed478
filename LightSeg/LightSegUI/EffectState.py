"""What the effect's options can offer at the moment, and why not the rest."""

from __future__ import annotations

import logging
from typing import Any

from LightSegUI.PanelState import Facts, toolsState
from LightSegUI.PromptToolsState import PromptToolsState

_LOG = logging.getLogger(__name__)


def optionsState(logic: Any, tool: str, busy: bool, hasContent: bool) -> PromptToolsState:
    """State of the prompt tools.

    The mouse tools stay on whatever is missing: a click then says what it is.

    Args:
        logic: the shared logic, None if it cannot be had.
        tool: the tool that is on.
        busy: whether an answer is being computed.
        hasContent: whether anything was drawn into the selected segment.
    """
    card = modelCard(logic)
    return toolsState(
        Facts(
            tool=tool,
            hasSegment=True,
            hasContent=hasContent,
            busy=busy,
            modelTitle="" if card is None else card.id,
            capabilities=None if card is None else card.capabilities,
            textModels=() if card is None or card.capabilities.text else logic.textModels(),
        )
    )


def modelCard(logic: Any) -> Any:
    """The chosen model's card; None if there is no telling, say because packages are missing."""
    if logic is None:
        return None
    try:
        return logic.modelCard
    except Exception:  # a click will say it; the options are no place to fail
        _LOG.debug("The model is not known", exc_info=True)
        return None
