"""What the library's tests share."""

from __future__ import annotations

from typing import Any

import pytest

from LightSegLib.looks import Look, Looker


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Look]:
    """All looks, as they happen."""
    happened: list[Look] = []
    look = Looker.look

    def noted(self: Looker, *args: Any, **settings: Any) -> Look:
        happened.append(look(self, *args, **settings))
        return happened[-1]

    monkeypatch.setattr(Looker, "look", noted)
    return happened
